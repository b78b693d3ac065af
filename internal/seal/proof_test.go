package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"

	"jianbiao/internal/seal"
)

func TestCombineProven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, sealed := b.seal(t)
	s, _ := sealed.Header.Section("price")
	c1, err := seal.Capsule(s.WrapTender)
	if err != nil {
		t.Fatal(err)
	}
	point, proof, err := seal.ProvePartial(b.opening, c1)
	if err != nil {
		t.Fatal(err)
	}
	part, err := seal.CombineProven(s.WrapTender, b.opening.Public(), seal.Partial{Point: point, Proof: proof})
	if err != nil || !sealed.Header.CheckPart("price", seal.RoleTender, part) {
		t.Fatalf("the right one: %v", err)
	}
	otherPoint, otherProof, err := seal.ProvePartial(b.bidder, c1)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 64)
	full := bytes.Repeat([]byte{0xff}, 64)
	flip := func(b []byte, at int) []byte { c := bytes.Clone(b); c[at] ^= 1; return c }
	for name, p := range map[string]seal.Partial{
		"no proof": {Point: point}, "zeros": {Point: point, Proof: zeros}, "not reduced": {Point: point, Proof: full},
		"another's": {Point: otherPoint, Proof: otherProof}, "another's proof": {Point: point, Proof: otherProof},
		"another's point": {Point: otherPoint, Proof: proof}, "e changed": {Point: point, Proof: flip(proof, 31)},
		"z changed": {Point: point, Proof: flip(proof, 63)}, "no point": {Point: flip(point, 40), Proof: proof}, "short": {Point: point[:64], Proof: proof},
	} {
		if _, err := seal.CombineProven(s.WrapTender, b.opening.Public(), p); !errors.Is(err, seal.ErrPartial) || seal.Attribute(err, true) != seal.CauseHolder {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The holder is honest and the capsule false: its sealer answers for it.
	raw, err := base64.RawURLEncoding.DecodeString(s.WrapTender)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{65, 96, 97, 128} {
		bad := base64.RawURLEncoding.EncodeToString(flip(raw, at))
		_, err := seal.CombineProven(bad, b.opening.Public(), seal.Partial{Point: point, Proof: proof})
		if !errors.Is(err, seal.ErrCapsule) || seal.Attribute(err, true) != seal.CauseSealer {
			t.Errorf("capsule changed at %d: %v", at, err)
		}
	}
	if _, _, err := seal.ProvePartial(b.opening, raw[:64]); !errors.Is(err, seal.ErrPartial) {
		t.Errorf("of no point: %v", err)
	}
}

func BenchmarkProvePartial(b *testing.B) {
	k, c1 := key(b), key(b).Public().Point()
	for b.Loop() {
		if _, _, err := seal.ProvePartial(k, c1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckPartial(b *testing.B) {
	k, c1 := key(b), key(b).Public().Point()
	point, proof, err := seal.ProvePartial(k, c1)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := seal.CheckPartial(k.Public(), c1, point, proof); err != nil {
			b.Fatal(err)
		}
	}
}
