package seal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// vectorHeader is a header that is known to be right, with its file's size.
func vectorHeader(f *testing.F) (raw string, size int64) {
	f.Helper()
	var v struct {
		Bid struct {
			Header string `json:"header"`
			Size   int64  `json:"size"`
		} `json:"bid"`
	}
	b, err := os.ReadFile("../../docs/spec/bid-envelope.vectors.json")
	if err != nil {
		f.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		f.Fatal(err)
	}
	return v.Bid.Header, v.Bid.Size
}

// FuzzHeader: whatever a hostile sealer puts into a header, parsing and checking
// it never panics, and what passes has the one canonical form.
func FuzzHeader(f *testing.F) {
	raw, size := vectorHeader(f)
	f.Add([]byte(raw), size)
	f.Add([]byte(`{}`), int64(0))
	f.Fuzz(func(t *testing.T, raw []byte, size int64) {
		block := append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...)
		h, err := parseHeader(append(block, make([]byte, 16)...))
		if err != nil {
			if !errors.Is(err, ErrHeader) {
				t.Fatal(err)
			}
			return
		}
		if err := CheckStructure(h, size); err != nil {
			return
		}
		if again, err := h.sum(); err != nil || !bytes.Equal(again, tagged("jianbiao/envelope/header/v1", raw)) {
			t.Fatalf("digest of another form: %v", err)
		}
	})
}

// FuzzIndex: the same for a section's plaintext that authenticates.
func FuzzIndex(f *testing.F) {
	f.Add(append(make([]byte, saltSize), "\x00\x00\x00\x1e{\"files\":[],\"form\":null,\"v\":1}"...))
	f.Add(append(make([]byte, saltSize), "\xff\xff\xff\xff"...))
	nonce := make([]byte, partSize)
	h := Header{Nonce: b64.EncodeToString(nonce)}
	f.Fuzz(func(t *testing.T, plain []byte) {
		s := Section{Name: "price", Size: int64(len(plain))}
		if len(plain) >= saltSize+4 {
			end := saltSize + 4 + int64(binary.BigEndian.Uint32(plain[saltSize:]))
			s.Digest = sectionDigest(nonce, s.Name, plain[:min(end, s.Size)])
		}
		index, err := readIndex(bytes.NewReader(plain), h, s)
		if err != nil {
			if !errors.Is(err, ErrContents) {
				t.Fatal(err)
			}
			return
		}
		for _, file := range index.Files {
			if !IsFileName(file.Name) || file.Size < 0 {
				t.Fatalf("accepted %+v", file)
			}
		}
	})
}
