// Package keystore keeps the platform's private keys in a folder of their own,
// apart from the database and its backups: the keys that sign receipts, and for
// each lot a cut-off key, an opening key and the key of its verifiable random
// function.
//
// The opening key is used only through OpeningKeys, an interface of partial
// releases. Here one holder, the platform's key store, releases alone; holders
// of shares take its place without a change for those who ask.
package keystore

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/emmansun/gmsm/sm3"
	"github.com/google/uuid"

	"jianbiao/internal/seal"
)

// Stage is how far an opening has come, and so what its opening key may open.
type Stage string

// Owners may be opened after the cut-off record; contents only after the
// decryption window has closed.
const (
	Owners   Stage = "owners"
	Contents Stage = "contents"
)

// Order asks for partial releases for sections of bids that stand in a cut-off
// record.
type Order struct {
	Lot    string
	Stage  Stage
	Digest string   // the bid's
	Wraps  []string // Section.WrapTender of each section asked for
}

// OpeningKeys releases partial decryptions of what bidders wrapped to a
// tender's opening key; the private key itself is never given.
type OpeningKeys interface {
	// Release answers one list of partials for each wrap of the order, or
	// refuses an order that the record does not permit.
	Release(ctx context.Context, o Order) ([][]seal.Partial, error)
}

// Permit judges an order by the evidence: the digest stands in the recorded
// cut-off, nothing is suspended or postponed, and for contents the window has
// closed. It MUST read the record, never the clock.
type Permit func(ctx context.Context, o Order) error

// Platform are the keys with which the platform signs receipts.
type Platform struct {
	Ed25519 ed25519.PrivateKey
	SM2     seal.PrivateKey
}

type platformFile struct {
	Ed25519 []byte          `json:"ed25519Seed"`
	SM2     seal.PrivateKey `json:"sm2"`
}

type lotFile struct {
	Cutoff  seal.PrivateKey `json:"cutoff"`
	Opening seal.PrivateKey `json:"opening"`
	VRF     []byte          `json:"vrfSeed"`
}

// Store is a folder (mode 0700) of key files (mode 0600).
type Store struct {
	dir      string
	platform Platform
	permit   Permit
	mu       sync.RWMutex
	lots     map[string]lotFile
}

// Open makes or opens the folder and the platform's own keys.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("key store: %w", err)
	}
	s := &Store{dir: dir, lots: map[string]lotFile{}}
	made, err := newPlatform()
	if err != nil {
		return nil, err
	}
	var f platformFile
	if err := s.once("platform.json", made, &f); err != nil {
		return nil, err
	}
	s.platform = Platform{Ed25519: ed25519.NewKeyFromSeed(f.Ed25519), SM2: f.SM2}
	return s, nil
}

func newPlatform() (platformFile, error) {
	sm2, err := seal.GenerateKey()
	if err != nil {
		return platformFile{}, err
	}
	return platformFile{Ed25519: random(ed25519.SeedSize), SM2: sm2}, nil
}

// SetPermit gives the judge of orders; until then every order is refused.
func (s *Store) SetPermit(p Permit) { s.permit = p }

// Platform gives the keys that sign receipts.
func (s *Store) Platform() Platform { return s.platform }

// CreateLot makes a lot's keys, or answers those made before, as text: cut-off
// and opening key in the encoding of package seal, the VRF key as base64url of
// an Ed25519 public key.
func (s *Store) CreateLot(lotID string) (cutoff, opening, vrf string, err error) {
	if _, err := uuid.Parse(lotID); err != nil {
		return "", "", "", fmt.Errorf("key store: bad lot id %q", lotID)
	}
	c, err1 := seal.GenerateKey()
	o, err2 := seal.GenerateKey()
	if err := errors.Join(err1, err2); err != nil {
		return "", "", "", err
	}
	var f lotFile
	if err := s.once(lotName(lotID), lotFile{Cutoff: c, Opening: o, VRF: random(ed25519.SeedSize)}, &f); err != nil {
		return "", "", "", err
	}
	pub := ed25519.NewKeyFromSeed(f.VRF).Public().(ed25519.PublicKey)
	return f.Cutoff.Public().Text(), f.Opening.Public().Text(), base64.RawURLEncoding.EncodeToString(pub), nil
}

func lotName(id string) string { return "lot-" + id + ".json" }

// CutoffKey opens the headers of a lot's envelopes, in memory.
func (s *Store) CutoffKey(lotID string) (seal.PrivateKey, error) {
	f, err := s.lot(lotID)
	return f.Cutoff, err
}

// VRFKey is the lot's key for the random coefficient.
func (s *Store) VRFKey(lotID string) (ed25519.PrivateKey, error) {
	f, err := s.lot(lotID)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(f.VRF), nil
}

// Tag is HMAC-SM3 under a secret of the lot's: equal for equal input, and
// without the key store it links nothing.
func (s *Store) Tag(lotID string, input []byte) ([]byte, error) {
	f, err := s.lot(lotID)
	if err != nil {
		return nil, err
	}
	secret := sm3.Sum([]byte("jianbiao/tag/1\x00" + f.Cutoff.Text()))
	h := hmac.New(sm3.New, secret[:])
	h.Write(input)
	return h.Sum(nil), nil
}

// Release implements OpeningKeys with the one holder that this store is.
func (s *Store) Release(ctx context.Context, o Order) ([][]seal.Partial, error) {
	if s.permit == nil {
		return nil, errors.New("key store: no permit is set")
	}
	if err := s.permit(ctx, o); err != nil {
		return nil, err
	}
	f, err := s.lot(o.Lot)
	if err != nil {
		return nil, err
	}
	out := make([][]seal.Partial, len(o.Wraps))
	for i, wrap := range o.Wraps {
		c1, err := seal.Capsule(wrap)
		if err != nil {
			return nil, err
		}
		point, proof, err := seal.ProvePartial(f.Opening, c1)
		if err != nil {
			return nil, err
		}
		out[i] = []seal.Partial{{Holder: "platform", Point: point, Proof: proof}}
	}
	return out, nil
}

func (s *Store) lot(id string) (lotFile, error) {
	s.mu.RLock()
	f, ok := s.lots[id]
	s.mu.RUnlock()
	if ok {
		return f, nil
	}
	if _, err := uuid.Parse(id); err != nil {
		return lotFile{}, fmt.Errorf("key store: bad lot id %q", id)
	}
	if err := s.load(lotName(id), &f); err != nil {
		return lotFile{}, err
	}
	s.mu.Lock()
	s.lots[id] = f
	s.mu.Unlock()
	return f, nil
}

func (s *Store) load(name string, into any) error {
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		return fmt.Errorf("key store: %w", err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("key store: %s is damaged: %w", name, err)
	}
	return nil
}

// once writes made under name unless a file is there, and reads what is there.
// The link makes the file appear whole or not at all, and only the first wins.
func (s *Store) once(name string, made, into any) error {
	path := filepath.Join(s.dir, name)
	if _, err := os.Stat(path); err == nil {
		return s.load(name, into)
	}
	b, err := json.Marshal(made)
	if err != nil {
		return fmt.Errorf("key store: %w", err)
	}
	tmp, err := os.CreateTemp(s.dir, ".new-*")
	if err != nil {
		return fmt.Errorf("key store: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(b)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("key store: %w", err)
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("key store: %w", err)
	}
	return s.load(name, into)
}

// Keep stores made as JSON in a file of its own, unless one of this name is
// there, and reads what is there into the last argument. For keys of a
// rehearsal; name is lower-case letters, digits and dashes.
func (s *Store) Keep(name string, made, into any) error {
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("key store: bad name %q", name)
	}
	return s.once("kept-"+name+".json", made, into)
}

func random(n int) []byte {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic("key store: no randomness: " + err.Error())
	}
	return b
}

// Derive is a secret of the platform for one purpose, the same after a restart.
func (s *Store) Derive(purpose string) []byte {
	h := hmac.New(sm3.New, []byte(s.platform.SM2.Text()))
	h.Write([]byte("jianbiao/derive/1\x00" + purpose))
	return h.Sum(nil)
}

// PublicOf gives the public halves of a lot's keys, as CreateLot gave them. It
// makes none.
func (s *Store) PublicOf(lotID string) (cutoff, opening, vrf string, err error) {
	f, err := s.lot(lotID)
	if err != nil {
		return "", "", "", err
	}
	pub := ed25519.NewKeyFromSeed(f.VRF).Public().(ed25519.PublicKey)
	return f.Cutoff.Public().Text(), f.Opening.Public().Text(), base64.RawURLEncoding.EncodeToString(pub), nil
}
