package seal

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/emmansun/gmsm/sm3"
)

// A capsule is an SM2 ciphertext (GB/T 32918.4) of 32 bytes, C1 || C3 || C2 with
// an uncompressed C1: always 129 bytes, readable by every SM2 implementation.
const (
	partSize    = 32
	capsuleSize = pointSize + sm3.Size + partSize
)

// wrap encrypts a part to a key. It is SM2 encryption done by hand, because the
// ephemeral key is needed once more: it signs (see proof) that whoever made this
// capsule made it for this section of this envelope. The result opens with any
// SM2 decryption.
func wrap(random io.Reader, to PublicKey, part []byte) (capsule []byte, ephemeral PrivateKey, err error) {
	for {
		var scalar [scalarSize]byte
		if _, err = io.ReadFull(random, scalar[:]); err != nil {
			return nil, PrivateKey{}, fmt.Errorf("seal: randomness: %w", err)
		}
		if ephemeral, err = privateKeyOf(scalar[:]); err != nil {
			continue // outside [1, n-2]
		}
		shared, err := PartialOf(ephemeral, to.point[:])
		if err != nil {
			return nil, PrivateKey{}, err
		}
		mask := sm3.Kdf(shared[1:], partSize)
		if isZero(mask) {
			continue // GB/T 32918.4, 6.1 A5
		}
		c1 := ephemeral.Public()
		capsule = append(capsule, c1.point[:]...)
		capsule = append(capsule, confirm(shared, part)...)
		capsule = append(capsule, make([]byte, partSize)...)
		subtle.XORBytes(capsule[pointSize+sm3.Size:], part, mask)
		return capsule, ephemeral, nil
	}
}

// confirm is C3 = SM3(x2 || M || y2).
func confirm(shared, part []byte) []byte {
	h := sm3.New()
	h.Write(shared[1:33])
	h.Write(part)
	h.Write(shared[33:])
	return h.Sum(nil)
}

func isZero(b []byte) bool {
	var all byte
	for _, x := range b {
		all |= x
	}
	return all == 0
}

func decodeCapsule(text string) ([]byte, error) {
	raw, err := b64.DecodeString(text)
	if err != nil || len(raw) != capsuleSize {
		return nil, fmt.Errorf("capsule is not 129 bytes of base64url: %w", ErrHeader)
	}
	return raw, nil
}

// Capsule gives the point C1 (65 bytes) of a wrapped part: all that a holder of
// a share of the opening key is shown. ErrHeader if it is not on the curve.
func Capsule(wrapped string) ([]byte, error) {
	raw, err := decodeCapsule(wrapped)
	if err != nil {
		return nil, err
	}
	if _, err := PublicKeyOfPoint(raw[:pointSize]); err != nil {
		return nil, fmt.Errorf("capsule: %w: %w", ErrHeader, err)
	}
	return raw[:pointSize:pointSize], nil
}

// PartialOf is d·C1, the point a holder gives for a capsule, as 04 || x || y.
// ErrPartial if C1 is not a point of the curve.
func PartialOf(priv PrivateKey, c1 []byte) ([]byte, error) {
	if priv.key == nil {
		return nil, fmt.Errorf("partial without a key: %w", ErrInput)
	}
	if _, err := PublicKeyOfPoint(c1); err != nil {
		return nil, fmt.Errorf("partial of what is not a point: %w", ErrPartial)
	}
	return pointOf(c1).times(priv.scalar[:]).bytes(), nil
}

// Partial is one holder's contribution to the opening of one capsule.
type Partial struct {
	Holder string `json:"holder"`
	Point  []byte `json:"point"`           // 04 || x || y
	Proof  []byte `json:"proof,omitempty"` // see ProvePartial
}

// Combine makes the part out of the partial releases for its capsule. The
// opening key has a single holder so far: exactly one partial is expected, and
// it is the whole product. ErrPartial when the number is wrong, the point is not
// on the curve, or the capsule's check value C3 does not confirm the result.
func Combine(wrapped string, partials ...Partial) ([]byte, error) {
	raw, err := decodeCapsule(wrapped)
	if err != nil {
		return nil, err
	}
	if len(partials) != 1 {
		return nil, fmt.Errorf("%d partials for a key of one holder: %w", len(partials), ErrPartial)
	}
	shared := partials[0].Point
	if _, err := PublicKeyOfPoint(shared); err != nil {
		return nil, fmt.Errorf("partial of %s: %w: %w", partials[0].Holder, ErrPartial, err)
	}
	part := make([]byte, partSize)
	subtle.XORBytes(part, raw[pointSize+sm3.Size:], sm3.Kdf(shared[1:], partSize))
	if subtle.ConstantTimeCompare(confirm(shared, part), raw[pointSize:pointSize+sm3.Size]) != 1 {
		return nil, fmt.Errorf("partial of %s is not confirmed by the capsule: %w", partials[0].Holder, ErrPartial)
	}
	return part, nil
}

// unwrap opens a capsule with the whole private key.
func unwrap(priv PrivateKey, wrapped string) ([]byte, error) {
	c1, err := Capsule(wrapped)
	if err != nil {
		return nil, err
	}
	point, err := PartialOf(priv, c1)
	if err != nil {
		return nil, err
	}
	return Combine(wrapped, Partial{Point: point})
}

// UnwrapTender opens a section's tender part where one machine holds the whole
// opening key. ErrPartial if the capsule is not for this key.
func UnwrapTender(priv PrivateKey, s Section) ([]byte, error) { return unwrap(priv, s.WrapTender) }

// UnwrapBidder opens a section's bidder part with the key made for the bid on the
// bidder's machine. ErrPartial if the capsule is not for this key; ErrNoSection
// if the section has no bidder part.
func UnwrapBidder(priv PrivateKey, s Section) ([]byte, error) {
	if s.Parts != PartsBoth {
		return nil, fmt.Errorf("section %s has no bidder part: %w", s.Name, ErrNoSection)
	}
	return unwrap(priv, s.WrapBidder)
}

// capsuleContext is what the ephemeral key of a capsule signs: it ties C1 to one
// section of one envelope, so that nobody can copy (or re-randomise) the capsule
// of another's price into his own owner section and have it opened early.
func capsuleContext(nonce []byte, section string, openingKey PublicKey, capsule []byte) []byte {
	out := append([]byte(nil), nonce...)
	out = appendText(out, section)
	out = append(out, openingKey.point[:]...)
	return append(out, capsule...)
}

// appendText appends a text of at most 65,535 bytes with its length before it.
func appendText(out []byte, s string) []byte {
	out = binary.BigEndian.AppendUint16(out, uint16(len(s)))
	return append(out, s...)
}
