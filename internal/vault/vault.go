// Package vault is the bidder's vault (投标保险箱): the keys that open its bids, its
// receipts, the lots it follows and its drafts, encrypted on its own machine
// under its passphrase. The platform stores the result as one opaque blob whose
// size says nothing, and whoever exports it has the same blob as a file. Nobody
// can open it without the passphrase, and nobody can restore a lost passphrase.
package vault

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/canon"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"
	"golang.org/x/crypto/argon2"
)

// The blob: magic, parameters, salt, check value and fresh salt, together the
// associated data; then one SM4-GCM box of length, JSON and zeros.
const (
	magic     = "JBVLT1\r\n"
	kdfArgon2 = 1 // argon2id, version 0x13
	offParams = len(magic)
	offSalt   = offParams + 7 // kdf, passes, lanes, memory (4)
	offCheck  = offSalt + 16
	offFresh  = offCheck + 16
	headSize  = offFresh + 32
	tagSize   = 16
	keySize   = 32

	step    = 64 << 10
	minSize = 256 << 10
	// MaxSize is the largest blob that is made or opened.
	MaxSize = 16 << 20
)

var (
	// ErrWrongPassphrase says: the passphrase is not this vault's.
	ErrWrongPassphrase = apperr.New(apperr.Forbidden, "vault.wrong_passphrase", "保险箱口令不正确，可以继续试，不会锁定。请检查大小写、输入法和前后空格；口令无法由平台找回，有备份文件的，可以用备份和当时的口令恢复。")
	// ErrDamaged says: the passphrase is right and the contents do not authenticate.
	ErrDamaged = apperr.New(apperr.Invalid, "vault.damaged", "保险箱文件已损坏或被改动，请改用最近一次导出的备份。")
	// ErrNotVault says: these bytes are not a vault of a version we know.
	ErrNotVault = apperr.New(apperr.Invalid, "vault.not_vault", "这不是保险箱文件，或其版本高于当前程序。")
	// ErrTooLarge says: the contents exceed MaxSize.
	ErrTooLarge = apperr.New(apperr.TooLarge, "vault.too_large", "保险箱内容过多，请删除不再需要的草稿。")
	// ErrContents says: the document given cannot be stored.
	ErrContents = apperr.New(apperr.Invalid, "vault.contents", "保险箱内容格式不正确，未予保存。")
)

// params are argon2id's. They stand in the blob, so that they can grow.
type params struct {
	passes, lanes uint8
	memory        uint32 // KiB
}

// current suits a browser: half a second and 32 MiB. One lane, because WASM has
// one thread.
var current = params{passes: 3, lanes: 1, memory: 32 << 10}

// ok refuses what would hang or exhaust the machine: the blob comes from a server.
func (p params) ok() bool {
	return p.passes >= 1 && p.passes <= 16 && p.lanes == 1 && p.memory >= 8<<10 && p.memory <= 256<<10
}

// Vault is an opened vault.
type Vault struct {
	Doc Document

	params params
	salt   [16]byte
	key    []byte
}

// New makes an empty vault; the passphrase MUST pass CheckPassphrase.
func New(passphrase string) (*Vault, error) {
	v := &Vault{}
	v.Doc.fill()
	return v, v.lock(passphrase)
}

// lock derives a new key from a passphrase and a new salt.
func (v *Vault) lock(passphrase string) error {
	if err := CheckPassphrase(passphrase); err != nil {
		return err
	}
	v.params = current
	if _, err := rand.Read(v.salt[:]); err != nil {
		return fmt.Errorf("vault: randomness: %w", err)
	}
	v.key = v.params.derive(passphrase, v.salt)
	return nil
}

func (p params) derive(passphrase string, salt [16]byte) []byte {
	return argon2.IDKey([]byte(passphrase), salt[:], uint32(p.passes), p.memory, p.lanes, keySize)
}

// ChangePassphrase takes effect with the next Save. Copies made before still
// open with the old passphrase. ErrWrongPassphrase if old is not the present one.
func (v *Vault) ChangePassphrase(old, next string) error {
	if subtle.ConstantTimeCompare(v.params.derive(old, v.salt), v.key) != 1 {
		return ErrWrongPassphrase
	}
	return v.lock(next)
}

// Open opens a blob. ErrNotVault, ErrWrongPassphrase, ErrDamaged.
func Open(blob []byte, passphrase string) (*Vault, error) {
	if len(blob) < headSize+tagSize || len(blob) > MaxSize || string(blob[:offParams]) != magic || blob[offParams] != kdfArgon2 {
		return nil, ErrNotVault
	}
	v := &Vault{params: params{
		passes: blob[offParams+1], lanes: blob[offParams+2], memory: binary.BigEndian.Uint32(blob[offParams+3:]),
	}}
	if !v.params.ok() {
		return nil, ErrNotVault
	}
	copy(v.salt[:], blob[offSalt:])
	v.key = v.params.derive(passphrase, v.salt)
	if subtle.ConstantTimeCompare(v.check(), blob[offCheck:offFresh]) != 1 {
		return nil, ErrWrongPassphrase
	}
	box, err := v.box(blob[offFresh:headSize])
	if err != nil {
		return nil, err
	}
	plain, err := box.Open(nil, make([]byte, box.NonceSize()), blob[headSize:], blob[:headSize])
	if err != nil {
		return nil, ErrDamaged
	}
	n := int64(binary.BigEndian.Uint32(plain))
	if n > int64(len(plain)-4) {
		return nil, ErrDamaged
	}
	v.Doc, err = ParseDocument(plain[4 : 4+n])
	return v, err
}

// ParseDocument reads a document's JSON. A name it does not know is ErrNotVault:
// an older program must not drop what a newer one kept.
func ParseDocument(raw []byte) (d Document, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return Document{}, fmt.Errorf("vault: document: %w: %w", ErrNotVault, err)
	}
	if d.V != Version {
		return Document{}, fmt.Errorf("vault: document version %d: %w", d.V, ErrNotVault)
	}
	d.fill()
	return d, nil
}

// Save encrypts the document as it is now, under fresh randomness, and counts
// its revision up. Two saves of the same document have nothing in common but
// magic, parameters, salt and check value.
func (v *Vault) Save(now time.Time) ([]byte, error) {
	v.Doc.fill()
	v.Doc.Revision++
	v.Doc.SavedAt = now.UTC().Format(time.RFC3339)
	raw, err := canon.Marshal(v.Doc)
	if err != nil {
		return nil, fmt.Errorf("vault: %w: %w", ErrContents, err)
	}
	size := paddedSize(headSize + 4 + len(raw) + tagSize)
	if size > MaxSize {
		return nil, ErrTooLarge
	}
	blob := append(make([]byte, 0, size), magic...)
	blob = append(blob, kdfArgon2, v.params.passes, v.params.lanes)
	blob = binary.BigEndian.AppendUint32(blob, v.params.memory)
	blob = append(append(blob, v.salt[:]...), v.check()...)
	fresh := make([]byte, headSize-offFresh)
	if _, err := rand.Read(fresh); err != nil {
		return nil, fmt.Errorf("vault: randomness: %w", err)
	}
	blob = append(blob, fresh...)
	plain := make([]byte, size-headSize-tagSize)
	binary.BigEndian.PutUint32(plain, uint32(len(raw)))
	copy(plain[4:], raw)
	box, err := v.box(fresh)
	if err != nil {
		return nil, err
	}
	return box.Seal(blob, make([]byte, box.NonceSize()), plain, blob), nil
}

// paddedSize is n rounded up to whole 64 KiB, at least 256 KiB.
func paddedSize(n int) int { return max(minSize, (n+step-1)/step*step) }

// check tells a wrong passphrase from a damaged file. It helps a guesser no more
// than the box itself does: each guess costs him one argon2id.
func (v *Vault) check() []byte {
	return kdf("jianbiao/vault/check/v1", v.key)
}

// box is the cipher of one save: a key of its own, so that its nonce can be zero.
func (v *Vault) box(fresh []byte) (cipher.AEAD, error) {
	block, err := sm4.NewCipher(kdf("jianbiao/vault/save/v1", v.key, fresh))
	if err != nil {
		return nil, fmt.Errorf("vault: SM4: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("vault: GCM: %w", err)
	}
	return aead, nil
}

// kdf is the KDF of GB/T 32918 over tag || 00 || pieces, 16 bytes.
func kdf(tag string, pieces ...[]byte) []byte {
	z := append([]byte(tag), 0)
	for _, p := range pieces {
		z = append(z, p...)
	}
	return sm3.Kdf(z, 16)
}
