package identity

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"

	"github.com/jmoiron/sqlx"
	"golang.org/x/crypto/chacha20poly1305"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
)

// MaxVault is the most that a vault may hold, in bytes.
const MaxVault = 4 << 20

// vaultClasses are the sizes to which a vault is padded in the database. One
// that was never saved has the first.
var vaultClasses = []int{256 << 10, 1 << 20, MaxVault + 4}

// vaultDecoys is how many other vaults are written again with each one that is
// saved, in random order and in the same transaction: neither the order of the
// rows on the disk nor the number of the transaction that wrote them says whose
// vault changed.
const vaultDecoys = 7

func errNoVault() error {
	return apperr.New(apperr.NotFound, "vault.none", "只有投标人有保险箱;如果您要投标,请以投标人的身份登录。")
}

// vaultBox hides vaults at rest under a key that is not in the database, so
// that a saved vault cannot be told from the random bytes of one never used.
// What is in a vault its owner has encrypted already.
type vaultBox struct{ aead cipher.AEAD }

func newVaultBox(secret []byte, purpose string) vaultBox {
	aead, err := chacha20poly1305.NewX(derive(secret, purpose))
	if err != nil {
		panic("identity: vault key: " + err.Error())
	}
	return vaultBox{aead}
}

// derive makes a key of 32 bytes for one purpose from the service's secret.
func derive(secret []byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, "jianbiao/identity/"+purpose+"/1", 32)
	if err != nil {
		panic("identity: derive a key: " + err.Error())
	}
	return key
}

// seal makes nonce || AEAD(u32 length || blob || padding to its class), bound
// to the person.
func (b vaultBox) seal(personID string, blob []byte) []byte {
	size := vaultClasses[len(vaultClasses)-1]
	for _, class := range vaultClasses {
		if 4+len(blob) <= class {
			size = class
			break
		}
	}
	plain := make([]byte, size)
	binary.BigEndian.PutUint32(plain, uint32(len(blob)))
	copy(plain[4:], blob)
	nonce := random(b.aead.NonceSize())
	return b.aead.Seal(nonce, nonce, plain, []byte(personID))
}

var errVaultUnreadable = errors.New("identity: a stored vault does not open: another secret, or a changed row")

func (b vaultBox) open(personID string, stored []byte) ([]byte, error) {
	n := b.aead.NonceSize()
	if len(stored) < n {
		return nil, errVaultUnreadable
	}
	plain, err := b.aead.Open(nil, stored[:n], stored[n:], []byte(personID))
	if err != nil || len(plain) < 4 {
		return nil, errVaultUnreadable
	}
	length := int(binary.BigEndian.Uint32(plain))
	if length > len(plain)-4 {
		return nil, errVaultUnreadable
	}
	return plain[4 : 4+length], nil
}

// fresh is the vault of somebody who never saved one: random bytes.
func (b vaultBox) fresh(personID string) []byte { return b.seal(personID, random(vaultClasses[0]-4)) }

// Vault is the person's opaque blob (保险箱) and its tag. It is written again on
// the way, with decoys, as a save would: the order of the rows on the disk does
// not tell who saves from who looks. Code: vault.none.
func (s *Service) Vault(ctx context.Context, who actor.Actor) (blob []byte, etag string, err error) {
	err = s.store.Aside(ctx, func(tx *sqlx.Tx) error {
		if _, err := lockVault(ctx, tx, who.PersonID); err != nil {
			return err
		}
		row, err := readVault(ctx, tx, who.PersonID)
		if err != nil {
			return err
		}
		if blob, err = s.vaults.open(who.PersonID, row.Blob); err != nil {
			return err
		}
		etag, row.Blob = row.ETag, s.vaults.seal(who.PersonID, blob)
		return s.writeAmongDecoys(ctx, tx, row)
	})
	return blob, etag, err
}

// writeAmongDecoys writes a vault with others, sealed anew, in random order.
func (s *Service) writeAmongDecoys(ctx context.Context, tx *sqlx.Tx, own vaultRow) error {
	rows, err := lockDecoys(ctx, tx, own.PersonID)
	if err != nil {
		return err
	}
	for i, r := range rows {
		if rows[i].Blob, err = s.reseal(r); err != nil {
			return err
		}
	}
	rows = append(rows, own)
	shuffle(rows)
	for _, r := range rows {
		if err := writeVault(ctx, tx, r); err != nil {
			return err
		}
	}
	return nil
}

// SaveVault replaces the blob if its tag is still etag, and returns the new,
// random tag. Nothing is recorded: when a vault changes is nobody's business.
// Codes: vault.none, vault.changed, vault.size.
func (s *Service) SaveVault(ctx context.Context, who actor.Actor, etag string, blob []byte) (string, error) {
	if len(blob) == 0 || len(blob) > MaxVault {
		return "", apperr.New(apperr.Invalid, "vault.size", "保险箱不能是空的,也不能超过 %d MiB。", MaxVault>>20)
	}
	next := newETag()
	err := s.store.Aside(ctx, func(tx *sqlx.Tx) error {
		current, err := lockVault(ctx, tx, who.PersonID)
		if err != nil {
			return err
		}
		if current != etag {
			return apperr.New(apperr.Precondition, "vault.changed", "保险箱在别处有了更新:请先取回最新的内容,再保存。")
		}
		return s.writeAmongDecoys(ctx, tx, vaultRow{PersonID: who.PersonID, ETag: next, Blob: s.vaults.seal(who.PersonID, blob)})
	})
	if err != nil {
		return "", err
	}
	return next, nil
}

// reseal encrypts a vault anew; all its stored bytes change.
func (s *Service) reseal(r vaultRow) ([]byte, error) {
	blob, err := s.vaults.open(r.PersonID, r.Blob)
	if err != nil {
		return nil, fmt.Errorf("reseal a decoy: %w", err)
	}
	return s.vaults.seal(r.PersonID, blob), nil
}

func newETag() string { return hex.EncodeToString(random(16)) }

// shuffle puts rows into an order that nobody can predict.
func shuffle(rows []vaultRow) {
	for i := len(rows) - 1; i > 0; i-- {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(i+1)))
		if err != nil {
			panic("identity: no randomness: " + err.Error())
		}
		j := int(n.Int64())
		rows[i], rows[j] = rows[j], rows[i]
	}
}
