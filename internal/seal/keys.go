package seal

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"

	"github.com/emmansun/gmsm/sm2"
)

const (
	scalarSize = 32
	pointSize  = 65 // uncompressed: 04 || x || y
)

var b64 = base64.RawURLEncoding.Strict()

// PrivateKey is an SM2 private key (私钥). The zero value is no key. Its text form
// is the unpadded base64url of the 32-byte scalar; String and slog never show it.
type PrivateKey struct {
	key    *sm2.PrivateKey
	scalar [scalarSize]byte
	public PublicKey
}

// GenerateKey makes a key from the machine's randomness.
func GenerateKey() (PrivateKey, error) {
	var scalar [scalarSize]byte
	for {
		if _, err := rand.Read(scalar[:]); err != nil {
			return PrivateKey{}, fmt.Errorf("seal: randomness: %w", err)
		}
		if k, err := privateKeyOf(scalar[:]); err == nil {
			return k, nil // fails only for a scalar outside [1, n-2], once in 2^32
		}
	}
}

func privateKeyOf(scalar []byte) (PrivateKey, error) {
	key, err := sm2.NewPrivateKey(scalar)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("private key: %w: %w", ErrInput, err)
	}
	exchange, err := key.ECDH()
	if err != nil {
		return PrivateKey{}, fmt.Errorf("private key: %w: %w", ErrInput, err)
	}
	k := PrivateKey{key: key}
	copy(k.scalar[:], scalar)
	copy(k.public.point[:], exchange.PublicKey().Bytes())
	return k, nil
}

// ParsePrivateKey reads the text form; ErrInput if it is not a key.
func ParsePrivateKey(text string) (PrivateKey, error) {
	raw, err := b64.DecodeString(text)
	if err != nil || len(raw) != scalarSize {
		return PrivateKey{}, fmt.Errorf("private key is not 32 bytes of base64url: %w", ErrInput)
	}
	return privateKeyOf(raw)
}

// IsZero says that there is no key.
func (k PrivateKey) IsZero() bool { return k.key == nil }

// Public is the key's public half; of no key, no key.
func (k PrivateKey) Public() PublicKey { return k.public }

// Text is the secret text form, for vaults and key stores only; "" of no key.
func (k PrivateKey) Text() string {
	if k.key == nil {
		return ""
	}
	return b64.EncodeToString(k.scalar[:])
}

// String names the key by its public half and keeps the secret.
func (k PrivateKey) String() string { return "private key of " + k.Public().Text() }

// GoString is String: %#v keeps the secret too.
func (k PrivateKey) GoString() string { return k.String() }

// LogValue keeps the secret out of logs.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText gives Text, so that a vault can hold keys as JSON.
func (k PrivateKey) MarshalText() ([]byte, error) { return []byte(k.Text()), nil }

// UnmarshalText reads Text; the empty text is no key.
func (k *PrivateKey) UnmarshalText(text []byte) (err error) {
	*k = PrivateKey{}
	if len(text) > 0 {
		*k, err = ParsePrivateKey(string(text))
	}
	return err
}

// PublicKey is a point of the SM2 curve (公钥), known to be on it. The zero value
// is no key. Comparable with ==. Its text form is the unpadded base64url of the
// 65 bytes 04 || x || y.
type PublicKey struct{ point [pointSize]byte }

// ParsePublicKey reads the text form; ErrInput if it is not a point of the curve.
func ParsePublicKey(text string) (PublicKey, error) {
	raw, err := b64.DecodeString(text)
	if err != nil {
		return PublicKey{}, fmt.Errorf("public key is not base64url: %w", ErrInput)
	}
	return PublicKeyOfPoint(raw)
}

// PublicKeyOfPoint reads the 65 bytes of an uncompressed point.
func PublicKeyOfPoint(point []byte) (PublicKey, error) {
	if len(point) != pointSize {
		return PublicKey{}, fmt.Errorf("public key is not 65 bytes: %w", ErrInput)
	}
	if _, err := sm2.NewPublicKey(point); err != nil {
		return PublicKey{}, fmt.Errorf("public key: %w: %w", ErrInput, err)
	}
	var p PublicKey
	copy(p.point[:], point)
	return p, nil
}

func (p PublicKey) ecdsa() (*ecdsa.PublicKey, error) {
	k, err := sm2.NewPublicKey(p.point[:])
	if err != nil {
		return nil, fmt.Errorf("public key: %w: %w", ErrInput, err)
	}
	return k, nil
}

// IsZero says that there is no key.
func (p PublicKey) IsZero() bool { return p == PublicKey{} }

// Point is the 65 bytes 04 || x || y.
func (p PublicKey) Point() []byte { return append([]byte(nil), p.point[:]...) }

// Text is the text form; "" of no key.
func (p PublicKey) Text() string {
	if p.IsZero() {
		return ""
	}
	return b64.EncodeToString(p.point[:])
}

// String is Text.
func (p PublicKey) String() string { return p.Text() }

// MarshalText gives Text.
func (p PublicKey) MarshalText() ([]byte, error) { return []byte(p.Text()), nil }

// UnmarshalText reads Text; the empty text is no key.
func (p *PublicKey) UnmarshalText(text []byte) (err error) {
	*p = PublicKey{}
	if len(text) > 0 {
		*p, err = ParsePublicKey(string(text))
	}
	return err
}
