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

func newVaultBox(secret []byte) vaultBox {
	aead, err := chacha20poly1305.NewX(derive(secret, "vault"))
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
	return b.aead.Seal(random(b.aead.NonceSize()), nil2nonce(plain), plain, []byte(personID))
}
