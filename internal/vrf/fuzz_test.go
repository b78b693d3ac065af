package vrf_test

import (
	"bytes"
	"testing"

	"jianbiao/internal/vrf"
)

// FuzzVerify: no proof but the one that exists is taken for an input.
func FuzzVerify(f *testing.F) {
	for _, e := range examples {
		f.Add(unhex(f, e.public), unhex(f, e.alpha), unhex(f, e.proof))
	}
	f.Add([]byte{}, []byte{}, []byte{})
	f.Add(bytes.Repeat([]byte{1}, 32), []byte{1}, bytes.Repeat([]byte{0xff}, 80))
	f.Fuzz(func(t *testing.T, public, alpha, proof []byte) {
		out, err := vrf.Verify(public, alpha, proof)
		if err != nil {
			return
		}
		for _, e := range examples {
			if bytes.Equal(public, unhex(t, e.public)) && bytes.Equal(alpha, unhex(t, e.alpha)) && !bytes.Equal(out, unhex(t, e.output)) {
				t.Error("two outputs of one input")
			}
		}
		if again, err := vrf.Hash(proof); err != nil || !bytes.Equal(again, out) {
			t.Errorf("hash of an accepted proof: %v", err)
		}
	})
}
