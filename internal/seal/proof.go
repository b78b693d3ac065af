package seal

import (
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"math/big"

	"github.com/emmansun/gmsm/sm2"
)

// A holder proves his partial (Chaum–Pedersen): that the number which makes the
// point out of C1 is the one that makes his public key out of the generator. So
// a false partial names its holder, and a false capsule its sealer; without the
// proof they look alike.

const (
	tagPartial   = "jianbiao/opening/partial/v1"
	partialProof = 2 * scalarSize // e || z
)

// curve is the SM2 curve with all of its operations.
//
// proofs need sums of products of points; the library has no other way to them
func curve() elliptic.Curve { return sm2.P256() }

// point is a pair of coordinates.
type point struct{ x, y *big.Int }

func pointOf(p []byte) point {
	return point{new(big.Int).SetBytes(p[1:33]), new(big.Int).SetBytes(p[33:])}
}

func (p point) bytes() []byte {
	out := make([]byte, pointSize)
	out[0] = 4
	p.x.FillBytes(out[1:33])
	p.y.FillBytes(out[33:])
	return out
}

//nolint:staticcheck // as for curve
func (p point) times(k []byte) point {
	x, y := curve().ScalarMult(p.x, p.y, k)
	return point{x, y}
}

//nolint:staticcheck // as for curve
func (p point) plus(q point) point {
	x, y := curve().Add(p.x, p.y, q.x, q.y)
	return point{x, y}
}

func generator() point {
	params := curve().Params()
	return point{params.Gx, params.Gy}
}

func scalarBytes(v *big.Int) []byte { return v.FillBytes(make([]byte, scalarSize)) }

// ProvePartial is PartialOf with a proof (64 bytes, e || z) that CheckPartial
// verifies: w random, e = SM3("jianbiao/opening/partial/v1" || 00 || public key
// || C1 || point || w·G || w·C1) mod n, z = w + e·d mod n.
func ProvePartial(priv PrivateKey, c1 []byte) (partial, proof []byte, err error) {
	if partial, err = PartialOf(priv, c1); err != nil {
		return nil, nil, err
	}
	n := curve().Params().N
	w, err := rand.Int(rand.Reader, new(big.Int).Sub(n, big.NewInt(1)))
	if err != nil {
		return nil, nil, fmt.Errorf("seal: randomness: %w", err)
	}
	w.Add(w, big.NewInt(1))
	k := scalarBytes(w)
	e := partialChallenge(priv.public, c1, partial, generator().times(k), pointOf(c1).times(k))
	z := new(big.Int).SetBytes(priv.scalar[:])
	z.Mul(z, e).Add(z, w).Mod(z, n)
	return partial, append(scalarBytes(e), scalarBytes(z)...), nil
}

func partialChallenge(public PublicKey, c1, partial []byte, a, b point) *big.Int {
	sum := tagged(tagPartial, public.point[:], c1, partial, a.bytes(), b.bytes())
	e := new(big.Int).SetBytes(sum)
	return e.Mod(e, curve().Params().N)
}

// CheckPartial says whether a partial is public's for C1. ErrPartial if not.
func CheckPartial(public PublicKey, c1, partial, proof []byte) error {
	for _, p := range [][]byte{public.point[:], c1, partial} {
		if _, err := PublicKeyOfPoint(p); err != nil {
			return fmt.Errorf("partial, capsule or key is not a point: %w", ErrPartial)
		}
	}
	n := curve().Params().N
	if len(proof) != partialProof {
		return fmt.Errorf("proof of %d bytes: %w", len(proof), ErrPartial)
	}
	e, z := new(big.Int).SetBytes(proof[:scalarSize]), new(big.Int).SetBytes(proof[scalarSize:])
	if e.Sign() == 0 || z.Sign() == 0 || e.Cmp(n) >= 0 || z.Cmp(n) >= 0 {
		return fmt.Errorf("proof out of range: %w", ErrPartial)
	}
	minus := scalarBytes(new(big.Int).Sub(n, e))
	a := generator().times(scalarBytes(z)).plus(pointOf(public.point[:]).times(minus)) // z·G - e·Y
	b := pointOf(c1).times(scalarBytes(z)).plus(pointOf(partial).times(minus))         // z·C1 - e·D
	if partialChallenge(public, c1, partial, a, b).Cmp(e) != 0 {
		return fmt.Errorf("proof does not hold: %w", ErrPartial)
	}
	return nil
}

// CombineProven is Combine for a partial with its proof. It tells the two
// failures apart: ErrPartial when the holder gave a false one, ErrCapsule when
// the partial is right and the capsule is not, which is its sealer's doing.
func CombineProven(wrapped string, openingKey PublicKey, p Partial) ([]byte, error) {
	c1, err := Capsule(wrapped)
	if err != nil {
		return nil, err
	}
	if err := CheckPartial(openingKey, c1, p.Point, p.Proof); err != nil {
		return nil, fmt.Errorf("partial of %s: %w", p.Holder, err)
	}
	part, err := Combine(wrapped, p)
	if err != nil {
		return nil, fmt.Errorf("partial of %s is proven: %w", p.Holder, ErrCapsule)
	}
	return part, nil
}
