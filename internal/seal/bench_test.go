package seal_test

import (
	"bytes"
	"crypto/cipher"
	"io"
	"testing"

	"jianbiao/internal/seal"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"
)

const benchSize = 64 << 20

func bareGCM(b *testing.B) cipher.AEAD {
	b.Helper()
	block, err := sm4.NewCipher(make([]byte, 16))
	if err != nil {
		b.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	return aead
}

// BenchmarkBareSeal is the peer: the cipher alone, chunk by chunk, one core.
func BenchmarkBareSeal(b *testing.B) {
	aead, plain, out := bareGCM(b), noise(1, seal.ChunkSize), make([]byte, 0, seal.ChunkSize+16)
	b.SetBytes(seal.ChunkSize)
	for b.Loop() {
		aead.Seal(out, make([]byte, 12), plain, nil)
	}
}

// BenchmarkBareOpen is the same for opening.
func BenchmarkBareOpen(b *testing.B) {
	aead := bareGCM(b)
	sealed, out := aead.Seal(nil, make([]byte, 12), noise(1, seal.ChunkSize), nil), make([]byte, 0, seal.ChunkSize)
	b.SetBytes(seal.ChunkSize)
	for b.Loop() {
		if _, err := aead.Open(out, make([]byte, 12), sealed, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareSM3 is what each pass of hashing costs.
func BenchmarkBareSM3(b *testing.B) {
	plain := noise(1, seal.ChunkSize)
	b.SetBytes(seal.ChunkSize)
	for b.Loop() {
		sm3.Sum(plain)
	}
}

func BenchmarkSeal(b *testing.B) {
	s := setup(b, benchSize)
	b.SetBytes(benchSize)
	for b.Loop() {
		if _, err := seal.Seal(io.Discard, s.in, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	s := setup(b, benchSize)
	raw, sealed := s.seal(b)
	tender, bidder := s.parts(b, sealed.Header, "technical")
	b.SetBytes(benchSize)
	for b.Loop() {
		if err := seal.OpenSection(bytes.NewReader(raw), sealed.Header, "technical", tender, bidder, seal.Visit{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMine(b *testing.B) {
	s := setup(b)
	raw, _ := s.seal(b)
	other := key(b)
	for b.Loop() {
		if seal.Mine(raw[:seal.PrefixSize], other) {
			b.Fatal("another's key")
		}
	}
}
