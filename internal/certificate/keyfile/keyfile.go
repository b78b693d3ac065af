// Package keyfile is a signing key with its certificate in one file, encrypted
// under a passphrase: what a rehearsal has instead of a UKey. It is small,
// because it is compiled for the browser too: it looks at a certificate only
// far enough to see that the key is the certificate's and may sign.
//
// It refuses the key of an encryption certificate (加密证书) when a file is made
// and when it is opened: that key's private half was made by the CA's key
// centre, and nothing may be signed or sealed with it.
package keyfile

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/emmansun/gmsm/sm4"
	"golang.org/x/crypto/argon2"

	"jianbiao/internal/apperr"
	"jianbiao/internal/canon"
	"jianbiao/internal/seal"
)

// Format is the value of the member "format".
const Format = "jianbiao-demo-certificate"

// MaxSize is the most that a file may hold, in bytes.
const MaxSize = 32 << 10

var (
	// ErrNotKeyFile says: these bytes are not such a file.
	ErrNotKeyFile = apperr.New(apperr.Invalid, "keyfile.not_keyfile", "这不是演练证书文件，请选择从“账户安全”页面下载的 .json 文件。")
	// ErrPassphrase says: the passphrase does not open the file, or it was changed.
	ErrPassphrase = apperr.New(apperr.Forbidden, "keyfile.passphrase", "证书口令不正确，或文件已经损坏。请核对口令的大小写和输入法。")
	// ErrEncryption refuses an encryption certificate.
	ErrEncryption = apperr.New(apperr.Invalid, "certificate.encryption", "这是加密证书，不能用来登录或签名；CA 的加密证书私钥由密钥中心生成，不能用来密封。请改用签名证书。")
	// ErrMismatch says that key and certificate do not belong together.
	ErrMismatch = apperr.New(apperr.Invalid, "keyfile.mismatch", "文件里的密钥和证书不是一对，请重新下载。")
)

// File is an opened one: a key that signs, and its certificate. It is a
// seal.Signer. There is no way to seal with it, because a seal.Input takes the
// key that wraps the bidder's parts apart, and refuses one that signs.
type File struct {
	key         seal.PrivateKey
	certificate []byte
}

var _ seal.Signer = File{}

// New puts a key and its certificate together. Codes: keyfile.not_keyfile,
// keyfile.mismatch, certificate.encryption.
func New(key seal.PrivateKey, certificate []byte) (File, error) {
	facts, err := look(certificate)
	if err != nil {
		return File{}, ErrNotKeyFile.Because(err)
	}
	if facts.encrypts || !facts.signs {
		return File{}, ErrEncryption
	}
	if key.IsZero() || facts.key != key.Public() {
		return File{}, ErrMismatch
	}
	return File{key, append([]byte(nil), certificate...)}, nil
}

// Public is the key that verifies, which is the certificate's.
func (f File) Public() seal.PublicKey { return f.key.Public() }

// Sign signs tag || 00 || msg (seal.Signer).
func (f File) Sign(tag string, msg []byte) (string, error) { return f.key.Sign(tag, msg) }

// Certificate is the certificate's DER as unpadded base64url.
func (f File) Certificate() string { return b64.EncodeToString(f.certificate) }

var b64 = base64.RawURLEncoding.Strict()

// The cost of argon2id: half a second and 32 MiB in a browser, as for a vault.
const (
	passes  = 3
	memory  = 32 << 10 // KiB
	keySize = 16
)

type onDisk struct {
	Format      string `json:"format"`
	V           int    `json:"v"`
	Note        string `json:"note"`
	Certificate string `json:"certificate"` // DER
	Salt        string `json:"salt"`
	Nonce       string `json:"nonce"`
	Box         string `json:"box"` // SM4-GCM of the private key's 32 bytes as text; associated data: the certificate
}

const note = "演练证书：仅供演练，没有法律效力。"

// Seal encrypts the file under a passphrase, as canonical JSON.
func (f File) Seal(passphrase string) ([]byte, error) {
	salt, nonce := make([]byte, 16), make([]byte, 12)
	for _, b := range [][]byte{salt, nonce} {
		if _, err := rand.Read(b); err != nil {
			return nil, fmt.Errorf("keyfile: randomness: %w", err)
		}
	}
	box, err := cipherOf(passphrase, salt)
	if err != nil {
		return nil, err
	}
	return canon.Marshal(onDisk{Format: Format, V: 1, Note: note, Certificate: f.Certificate(), Salt: b64.EncodeToString(salt),
		Nonce: b64.EncodeToString(nonce), Box: b64.EncodeToString(box.Seal(nil, nonce, []byte(f.key.Text()), f.certificate))})
}

func cipherOf(passphrase string, salt []byte) (cipher.AEAD, error) {
	block, err := sm4.NewCipher(argon2.IDKey([]byte(passphrase), salt, passes, memory, 1, keySize))
	if err != nil {
		return nil, fmt.Errorf("keyfile: %w", err)
	}
	return cipher.NewGCM(block)
}

// Open opens a file. Codes: keyfile.not_keyfile, keyfile.passphrase,
// keyfile.mismatch, certificate.encryption.
func Open(raw []byte, passphrase string) (File, error) {
	var d onDisk
	if len(raw) > MaxSize || json.Unmarshal(raw, &d) != nil || d.Format != Format || d.V != 1 {
		return File{}, ErrNotKeyFile
	}
	var parts [4][]byte
	for i, text := range []string{d.Certificate, d.Salt, d.Nonce, d.Box} {
		b, err := b64.DecodeString(text)
		if err != nil {
			return File{}, ErrNotKeyFile.Because(err)
		}
		parts[i] = b
	}
	if len(parts[1]) != 16 || len(parts[2]) != 12 {
		return File{}, ErrNotKeyFile
	}
	if facts, err := look(parts[0]); err != nil {
		return File{}, ErrNotKeyFile.Because(err)
	} else if facts.encrypts || !facts.signs {
		return File{}, ErrEncryption // before the passphrase: there is no use in typing it
	}
	box, err := cipherOf(passphrase, parts[1])
	if err != nil {
		return File{}, err
	}
	text, err := box.Open(nil, parts[2], parts[3], parts[0])
	if err != nil {
		return File{}, ErrPassphrase.Because(err)
	}
	key, err := seal.ParsePrivateKey(string(text))
	if err != nil {
		return File{}, ErrNotKeyFile.Because(err)
	}
	return New(key, parts[0])
}
