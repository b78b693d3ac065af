// Package vrf is the verifiable random function ECVRF-EDWARDS25519-SHA512-TAI of
// RFC 9381 (可验证随机函数): whoever holds the key gives, for one input, one output
// that he cannot choose and everybody can check. An Ed25519 signature would not
// do: its signer can make many for one message and keep the one he likes.
//
// The drafts before RFC 9381 computed the challenge without the public key; their
// proofs are refused here.
package vrf

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/binary"
	"fmt"

	"jianbiao/internal/apperr"

	"filippo.io/edwards25519"
)

const (
	suite         = 0x03
	pointSize     = 32
	challengeSize = 16

	// SeedSize is the size of a private key's seed, as RFC 8032 makes it.
	SeedSize = ed25519.SeedSize
	// ProofSize is the size of a proof: Gamma, c and s.
	ProofSize = pointSize + challengeSize + 32
	// OutputSize is the size of an output.
	OutputSize = sha512.Size
)

var (
	// ErrKey says: the key is not a point that RFC 9381, 5.4.5 accepts, or has the wrong size.
	ErrKey = apperr.New(apperr.Invalid, "vrf.key", "随机函数的公钥或私钥无效。")
	// ErrProof says: the proof does not hold for this key and input.
	ErrProof = apperr.New(apperr.Invalid, "vrf.proof", "随机数证明校验未通过:不是登记的公钥对该输入给出的结果。")
)

// Public is the public key of a 32-byte seed; it is the seed's Ed25519 key.
func Public(seed []byte) ([]byte, error) {
	if len(seed) != SeedSize {
		return nil, ErrKey
	}
	_, public, err := expand(seed)
	if err != nil {
		return nil, err
	}
	return public, nil
}

// Prove gives the proof for an input (RFC 9381, 5.1). The same seed and input
// give the same proof.
func Prove(seed, alpha []byte) ([]byte, error) {
	if len(seed) != SeedSize {
		return nil, ErrKey
	}
	x, public, err := expand(seed)
	if err != nil {
		return nil, err
	}
	h, err := encodeToCurve(public, alpha)
	if err != nil {
		return nil, err
	}
	gamma := new(edwards25519.Point).ScalarMult(x, h)
	k, err := nonce(seed, h.Bytes())
	if err != nil {
		return nil, err
	}
	c := challenge(public, h.Bytes(), gamma.Bytes(),
		new(edwards25519.Point).ScalarBaseMult(k).Bytes(), new(edwards25519.Point).ScalarMult(k, h).Bytes())
	cs, err := challengeScalar(c)
	if err != nil {
		return nil, err
	}
	s := edwards25519.NewScalar().MultiplyAdd(cs, x, k)
	return append(append(gamma.Bytes(), c...), s.Bytes()...), nil
}

// Verify checks a proof and gives the output (RFC 9381, 5.3, with validation of
// the key). ErrKey or ErrProof.
func Verify(public, alpha, proof []byte) ([]byte, error) {
	y, err := decodePoint(public)
	if err != nil || isSmall(y) {
		return nil, ErrKey
	}
	gamma, c, s, err := decodeProof(proof)
	if err != nil {
		return nil, err
	}
	cs, err := challengeScalar(c)
	if err != nil {
		return nil, err
	}
	h, err := encodeToCurve(public, alpha)
	if err != nil {
		return nil, err
	}
	minus := edwards25519.NewScalar().Negate(cs)
	u := new(edwards25519.Point).VarTimeDoubleScalarBaseMult(minus, y, s)
	v := new(edwards25519.Point).VarTimeMultiScalarMult(
		[]*edwards25519.Scalar{s, minus}, []*edwards25519.Point{h, gamma})
	if string(challenge(public, h.Bytes(), gamma.Bytes(), u.Bytes(), v.Bytes())) != string(c) {
		return nil, ErrProof
	}
	return output(gamma), nil
}

// Hash is the output of a proof (RFC 9381, 5.2). It does not check the proof:
// only for a proof that one has just made oneself.
func Hash(proof []byte) ([]byte, error) {
	gamma, _, _, err := decodeProof(proof)
	if err != nil {
		return nil, err
	}
	return output(gamma), nil
}

// Choose maps an output to one of n choices, 0 to n-1, all equally likely: the
// first 64-bit number of SHA-512("jianbiao/vrf/choose/v1" || 00 || output ||
// counter), counter from 0 as 8 bytes, that lies below the largest multiple of
// n; of each hash the first 8 bytes are read, big-endian. It gives -1 if there
// is no choice (n < 1).
func Choose(beta []byte, n int) int {
	if n < 1 {
		return -1
	}
	size := uint64(n)
	over := -size % size // 2^64 mod n
	for counter := uint64(0); ; counter++ {
		m := append([]byte("jianbiao/vrf/choose/v1\x00"), beta...)
		sum := sha512.Sum512(binary.BigEndian.AppendUint64(m, counter))
		if v := binary.BigEndian.Uint64(sum[:8]); v <= ^uint64(0)-over {
			return int(v % size)
		}
	}
}

func expand(seed []byte) (x *edwards25519.Scalar, public []byte, err error) {
	digest := sha512.Sum512(seed)
	if x, err = edwards25519.NewScalar().SetBytesWithClamping(digest[:32]); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return x, new(edwards25519.Point).ScalarBaseMult(x).Bytes(), nil
}

// nonce is RFC 9381, 5.4.2.2, which is RFC 8032's.
func nonce(seed, h []byte) (*edwards25519.Scalar, error) {
	digest := sha512.Sum512(seed)
	sum := sha512.Sum512(append(digest[32:], h...))
	k, err := edwards25519.NewScalar().SetUniformBytes(sum[:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return k, nil
}

// encodeToCurve is try-and-increment (RFC 9381, 5.4.1.1), salted with the key.
func encodeToCurve(public, alpha []byte) (*edwards25519.Point, error) {
	m := append([]byte{suite, 0x01}, public...)
	m = append(append(m, alpha...), 0, 0)
	for ctr := range 256 {
		m[len(m)-2] = byte(ctr)
		sum := sha512.Sum512(m)
		p, err := decodePoint(sum[:pointSize])
		if err == nil && !isSmall(p) {
			return p.MultByCofactor(p), nil
		}
	}
	return nil, ErrKey // once in 2^256
}

func challenge(points ...[]byte) []byte {
	m := []byte{suite, 0x02}
	for _, p := range points {
		m = append(m, p...)
	}
	sum := sha512.Sum512(append(m, 0))
	return sum[:challengeSize]
}

func challengeScalar(c []byte) (*edwards25519.Scalar, error) {
	s, err := edwards25519.NewScalar().SetCanonicalBytes(append(append([]byte(nil), c...), make([]byte, challengeSize)...))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProof, err)
	}
	return s, nil
}

func output(gamma *edwards25519.Point) []byte {
	m := append([]byte{suite, 0x03}, new(edwards25519.Point).MultByCofactor(gamma).Bytes()...)
	sum := sha512.Sum512(append(m, 0))
	return sum[:]
}

func decodeProof(proof []byte) (gamma *edwards25519.Point, c []byte, s *edwards25519.Scalar, err error) {
	if len(proof) != ProofSize {
		return nil, nil, nil, ErrProof
	}
	if gamma, err = decodePoint(proof[:pointSize]); err != nil {
		return nil, nil, nil, fmt.Errorf("%w: %w", ErrProof, err)
	}
	if s, err = edwards25519.NewScalar().SetCanonicalBytes(proof[pointSize+challengeSize:]); err != nil {
		return nil, nil, nil, fmt.Errorf("%w: %w", ErrProof, err)
	}
	return gamma, proof[pointSize : pointSize+challengeSize], s, nil
}

// decodePoint accepts canonical encodings only, as RFC 8032, 5.1.3 does and the
// library does not.
func decodePoint(b []byte) (*edwards25519.Point, error) {
	p, err := new(edwards25519.Point).SetBytes(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if string(p.Bytes()) != string(b) {
		return nil, ErrKey
	}
	return p, nil
}

// isSmall says that a point is of small order: 8·P is the identity.
func isSmall(p *edwards25519.Point) bool {
	return new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1
}
