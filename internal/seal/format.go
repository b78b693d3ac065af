package seal

import (
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/emmansun/gmsm/sm3"
)

// The file, in order: prefix (139 bytes), sealed header (16 KiB << class),
// sections, padding.
const (
	magic       = "JBENV1\r\n"
	suiteSM     = 0x01
	offSuite    = len(magic)
	offClass    = offSuite + 1
	offCapsule  = offClass + 1
	tagSize     = 16 // of SM4-GCM
	keySize     = 16
	nonceSize   = 12
	headerUnit  = 16 << 10
	headerClass = 4 // the largest class: 256 KiB

	// PrefixSize is how many leading bytes Mine needs.
	PrefixSize = offCapsule + capsuleSize
	// Suite is the name of the one suite so far: SM2, SM3, SM4-GCM.
	Suite = "SM"
	// Version is the version of header, index and receipt.
	Version = 1
	// ChunkSize is the plaintext size of all chunks of a section but the last.
	ChunkSize = 1 << 20
)

// The limits. Whatever exceeds them is refused when sealing and when reading.
const (
	MaxHeader   = headerUnit << headerClass // 256 KiB, sealed and padded
	MaxSections = 32
	MaxFiles    = 1000    // in a section
	MaxIndex    = 4 << 20 // bytes of a section's index, its form included
	MinSize     = 256 << 10
	MaxSize     = 8 << 30
)

// SizeClass is the size that a file of n bytes is padded to: 256 KiB, or the
// first of the following classes that holds it, each larger than the one before
// by 12 % rounded down to whole 4 KiB. So padding costs at most 12 %, and there
// are only six classes to a doubling. Beyond MaxSize there are no classes, and n
// itself is given.
func SizeClass(n int64) int64 {
	if n > MaxSize {
		return n
	}
	class := int64(MinSize)
	for class < n {
		class += class * 3 / 25 &^ 4095
	}
	return class
}

func storedSize(plain int64) int64 {
	return plain + tagSize*chunks(plain)
}

func chunks(plain int64) int64 { return (plain + ChunkSize - 1) / ChunkSize }

// chunkNonce is an 11-byte counter and the flag of the last chunk.
func chunkNonce(index int64, last bool) []byte {
	nonce := make([]byte, nonceSize)
	binary.BigEndian.PutUint64(nonce[3:11], uint64(index))
	if last {
		nonce[11] = 1
	}
	return nonce
}

// tagged is SM3(tag || 00 || pieces…).
func tagged(tag string, pieces ...[]byte) []byte {
	h := sm3.New()
	h.Write(message(tag, nil))
	for _, p := range pieces {
		h.Write(p)
	}
	return h.Sum(nil)
}

const digestPrefix = "sm3:"

func digestText(sum []byte) string { return digestPrefix + hex.EncodeToString(sum) }

func isDigest(s string) bool {
	raw, err := hex.DecodeString(trimDigest(s))
	return err == nil && len(raw) == sm3.Size && digestText(raw) == s
}

func trimDigest(s string) string {
	if len(s) < len(digestPrefix) {
		return ""
	}
	return s[len(digestPrefix):]
}

// Digest is the running digest of a whole envelope, an io.Writer.
type Digest struct {
	h    hash.Hash
	size int64
}

// NewDigest starts a digest.
func NewDigest() *Digest { return &Digest{h: sm3.New()} }

// Write adds bytes; it never fails.
func (d *Digest) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	return d.h.Write(p)
}

// Sum is "sm3:" and 64 hexadecimal digits of what was written so far.
func (d *Digest) Sum() string { return digestText(d.h.Sum(nil)) }

// Size is how many bytes were written so far.
func (d *Digest) Size() int64 { return d.size }
