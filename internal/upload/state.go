package upload

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"jianbiao/internal/blob"
)

// The files of an upload.
const (
	dataExt  = ".data"
	stateExt = ".state"
	overExt  = ".over"
)

// padded is what the length of a state is rounded up to, so that it says nothing.
const padded = 4096

func part(purpose, id string) []byte {
	sum := sha256.Sum256([]byte("jianbiao/upload/1\x00" + purpose + "\x00" + id))
	return sum[:]
}

// nameOf is the name on disk: whoever sees it does not have the id.
func nameOf(id string) string { return hex.EncodeToString(part("name", id)[:16]) }

func aead(id string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(part("state", id))
	if err != nil {
		return nil, fmt.Errorf("upload state: %w", err)
	}
	return cipher.NewGCM(block)
}

// sealState encrypts a state under the id.
func sealState(id string, st State) ([]byte, error) {
	raw, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("upload state: %w", err)
	}
	plain := binary.BigEndian.AppendUint32(make([]byte, 0, padded), uint32(len(raw)))
	plain = append(plain, raw...)
	if odd := len(plain) % padded; odd != 0 {
		plain = append(plain, make([]byte, padded-odd)...)
	}
	a, err := aead(id)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, a.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("upload state: %w", err)
	}
	return a.Seal(nonce, nonce, plain, nil), nil
}

var errState = errors.New("upload state is damaged")

// openState reads what sealState made.
func openState(id string, sealed []byte) (st State, err error) {
	a, err := aead(id)
	if err != nil {
		return State{}, err
	}
	if len(sealed) < a.NonceSize() {
		return State{}, errState
	}
	plain, err := a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], nil)
	if err != nil || len(plain) < 4 {
		return State{}, errState
	}
	n := binary.BigEndian.Uint32(plain)
	if int64(n) > int64(len(plain)-4) {
		return State{}, errState
	}
	if err := json.Unmarshal(plain[4:4+n], &st); err != nil {
		return State{}, fmt.Errorf("%w: %w", errState, err)
	}
	return st, nil
}

func (s *Store) load(id string) (State, error) {
	raw, err := os.ReadFile(filepath.Join(s.dir, nameOf(id)+stateExt))
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, errUnknown
	}
	if err != nil {
		return State{}, fmt.Errorf("read an upload: %w", err)
	}
	return openState(id, raw)
}

// save writes the state whole or not at all, and to the disk.
func (s *Store) save(id string, st State) error { return s.write(id, st, true) }

func (s *Store) write(id string, st State, lasting bool) error {
	raw, err := sealState(id, st)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Join(s.dir, spool), "state-*")
	if err != nil {
		return blob.Full(fmt.Errorf("keep an upload: %w", err))
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if _, err = tmp.Write(raw); err == nil && lasting {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close(), coarse(tmp.Name())); err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(s.dir, nameOf(id)+stateExt))
	}
	if err != nil {
		return blob.Full(fmt.Errorf("keep an upload: %w", err))
	}
	return nil
}
