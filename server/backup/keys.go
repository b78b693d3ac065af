package backup

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"jianbiao/internal/apperr"
	"jianbiao/internal/vault"
)

// The keys' box: magic, Argon2id's parameters (passes u8, lanes u8, memory KiB
// u32), salt, nonce (all associated data), then XChaCha20-Poly1305 over the JSON
// of keyring.
const (
	keysMagic  = "JBKEYS1\r\n"
	saltSize   = 16
	keysHead   = len(keysMagic) + 6 + saltSize + chacha20poly1305.NonceSizeX
	maxKeysBox = 256 << 20
)

type cost struct {
	passes, lanes uint8
	memory        uint32 // KiB
}

var keyCost = cost{passes: 3, lanes: 2, memory: 128 << 10}

// ok refuses what would hang or exhaust the machine.
func (c cost) ok() bool {
	return c.passes >= 1 && c.passes <= 16 && c.lanes >= 1 && c.lanes <= 8 && c.memory >= 8<<10 && c.memory <= 1<<20
}

// keyring is the folder of the key store: file name to contents.
type keyring struct {
	Backup string            `json:"backup"` // id of the backup it belongs to
	Files  map[string][]byte `json:"files"`
}

var (
	errPassphrase = apperr.New(apperr.Forbidden, "backup.wrong_passphrase", "密钥文件的口令不对，或密钥文件已损坏：请核对口令（区分大小写）。没有改动任何数据。")
	errKeysFile   = apperr.New(apperr.Invalid, "backup.not_keys", "这不是见标的密钥备份文件，或它由更新版本的程序生成。")
)

// keyName is the form of a key file's name; nothing else is put back.
var keyName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,120}\.json$`)

func readKeys(dir, id string) (keyring, error) {
	ring := keyring{Backup: id, Files: map[string][]byte{}}
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return ring, nil
	}
	if err != nil {
		return ring, fmt.Errorf("read the key store: %w", err)
	}
	for _, f := range list {
		if !f.Type().IsRegular() || !keyName.MatchString(f.Name()) {
			continue // a key that is being written has another name until it is whole
		}
		if ring.Files[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
			return ring, fmt.Errorf("read a key: %w", err)
		}
	}
	return ring, nil
}

// box encrypts the ring under the passphrase, which must be a strong one.
func (k keyring) box(passphrase string) ([]byte, error) {
	if err := vault.CheckPassphrase(passphrase); err != nil {
		return nil, err
	}
	plain, err := json.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("encode the keys: %w", err)
	}
	out := append(make([]byte, 0, keysHead+len(plain)+chacha20poly1305.Overhead), keysMagic...)
	out = append(out, keyCost.passes, keyCost.lanes)
	out = binary.BigEndian.AppendUint32(out, keyCost.memory)
	random := make([]byte, saltSize+chacha20poly1305.NonceSizeX)
	if _, err := rand.Read(random); err != nil {
		return nil, fmt.Errorf("randomness: %w", err)
	}
	out = append(out, random...)
	aead, err := keyCost.cipher(passphrase, random[:saltSize])
	if err != nil {
		return nil, err
	}
	return aead.Seal(out, random[saltSize:], plain, out), nil
}

func (c cost) cipher(passphrase string, salt []byte) (interface {
	Seal(dst, nonce, plain, more []byte) []byte
	Open(dst, nonce, sealed, more []byte) ([]byte, error)
}, error) {
	key := argon2.IDKey([]byte(passphrase), salt, uint32(c.passes), c.memory, c.lanes, chacha20poly1305.KeySize)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("cipher of the keys: %w", err)
	}
	return aead, nil
}

// openBox is the reverse of box. Errors: backup.not_keys, backup.wrong_passphrase.
func openBox(raw []byte, passphrase string) (keyring, error) {
	var k keyring
	if len(raw) < keysHead || !bytes.HasPrefix(raw, []byte(keysMagic)) {
		return k, errKeysFile
	}
	p := raw[len(keysMagic):]
	c := cost{passes: p[0], lanes: p[1], memory: binary.BigEndian.Uint32(p[2:])}
	if !c.ok() {
		return k, errKeysFile
	}
	aead, err := c.cipher(passphrase, p[6:6+saltSize])
	if err != nil {
		return k, err
	}
	plain, err := aead.Open(nil, p[6+saltSize:6+saltSize+chacha20poly1305.NonceSizeX], raw[keysHead:], raw[:keysHead])
	if err != nil {
		return k, errPassphrase.Because(err)
	}
	if err := readJSON(bytes.NewReader(plain), &k); err != nil {
		return k, errKeysFile.Because(err)
	}
	for name := range k.Files {
		if !keyName.MatchString(name) {
			return k, errKeysFile
		}
	}
	return k, nil
}

// write puts the keys back into a folder of their own.
func (k keyring) write(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the key store: %w", err)
	}
	for name, b := range k.Files {
		if err := writeSynced(filepath.Join(dir, name), b); err != nil {
			return fmt.Errorf("put a key back: %w", err)
		}
	}
	return syncDir(dir)
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
