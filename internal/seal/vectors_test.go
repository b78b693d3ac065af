package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"jianbiao/internal/canon"
	"jianbiao/internal/seal"

	"github.com/emmansun/gmsm/sm3"
)

var update = flag.Bool("update", false, "make new vectors")

var vectorsPath = filepath.Join("..", "..", "docs", "spec", "bid-envelope.vectors.json")

// vectors is what docs/spec/bid-envelope.vectors.json holds: one bid, its
// withdrawal, and every value on the way. The bytes of padding are left out of
// the file: in the vectors they are zeros.
type vectors struct {
	About      string            `json:"about"`
	Keys       map[string]string `json:"keys"`
	Bid        vector            `json:"bid"`
	Withdrawal vector            `json:"withdrawal"`
	Partial    vectorPartial     `json:"partial"` // of the bid's section price
	SizeClass  [][2]int64        `json:"sizeClass"`
	Canonical  [][2]string       `json:"canonical"`
}

type vector struct {
	Size         int64                    `json:"size"`
	Digest       string                   `json:"digest"`
	Head         string                   `json:"unpadded"` // base64url, all before the padding
	Header       string                   `json:"header"`   // canonical
	HeaderDigest string                   `json:"headerDigest"`
	Sections     map[string]vectorSection `json:"sections"`
}

type vectorPartial struct { // all hex
	C1    string `json:"c1"`
	Point string `json:"point"`
	Proof string `json:"proof"`
}

type vectorSection struct {
	TenderPart string            `json:"tenderPart"` // hex
	BidderPart string            `json:"bidderPart"`
	Key        string            `json:"key"` // hex, SM4
	Index      string            `json:"index"`
	Files      map[string]string `json:"files"` // hex
}

func (v vector) file(t *testing.T) []byte {
	t.Helper()
	head, err := base64.RawURLEncoding.DecodeString(v.Head)
	if err != nil {
		t.Fatal(err)
	}
	return append(head, make([]byte, v.Size-int64(len(head)))...)
}

func TestVectors(t *testing.T) {
	t.Parallel()
	if *update {
		writeVectors(t)
	}
	raw, err := os.ReadFile(vectorsPath)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	for _, c := range v.SizeClass {
		if got := seal.SizeClass(c[0]); got != c[1] {
			t.Errorf("SizeClass(%d) = %d, want %d", c[0], got, c[1])
		}
	}
	for _, c := range v.Canonical {
		if got, err := canon.Transform([]byte(c[0])); err != nil || string(got) != c[1] {
			t.Errorf("canonical %s: %s, %v", c[0], got, err)
		}
	}
	bid := checkVector(t, v, v.Bid)
	withdrawal := checkVector(t, v, v.Withdrawal)
	if err := seal.CheckReplacement(bid, v.Bid.Digest, withdrawal); err != nil {
		t.Error(err)
	}
	opening, err := seal.ParsePrivateKey(v.Keys["opening"])
	if err != nil {
		t.Fatal(err)
	}
	price, _ := bid.Section("price")
	p := seal.Partial{Point: unhex(t, v.Partial.Point), Proof: unhex(t, v.Partial.Proof)}
	if c1, err := seal.Capsule(price.WrapTender); err != nil || hex.EncodeToString(c1) != v.Partial.C1 {
		t.Errorf("C1 %x, %v", c1, err)
	}
	part, err := seal.CombineProven(price.WrapTender, opening.Public(), p)
	if err != nil || hex.EncodeToString(part) != v.Bid.Sections["price"].TenderPart {
		t.Errorf("partial: %x, %v", part, err)
	}
	owner, err := seal.OpenOwner(bytes.NewReader(v.Bid.file(t)), bid, unhex(t, v.Bid.Sections[seal.OwnerSection].TenderPart))
	if err != nil || owner.USCC != "91321300134567890X" {
		t.Errorf("owner %+v, %v", owner, err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkVector(t *testing.T, v vectors, want vector) seal.Header {
	t.Helper()
	private := func(name string) seal.PrivateKey {
		k, err := seal.ParsePrivateKey(v.Keys[name])
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	file := want.file(t)
	d := seal.NewDigest()
	if _, _ = d.Write(file); d.Sum() != want.Digest {
		t.Errorf("digest %s, want %s", d.Sum(), want.Digest)
	}
	h, err := seal.ReadHeader(bytes.NewReader(file), private("cutoff"))
	if err != nil {
		t.Fatal(err)
	}
	if err := seal.CheckStructure(h, want.Size); err != nil {
		t.Error(err)
	}
	if raw, err := canon.Marshal(h); err != nil || string(raw) != want.Header {
		t.Errorf("header %s, %v", raw, err)
	}
	if got, err := h.Digest(); err != nil || got != want.HeaderDigest {
		t.Errorf("header digest %s, %v", got, err)
	}
	for name, s := range want.Sections {
		section, _ := h.Section(name)
		tender, err := seal.UnwrapTender(private("opening"), section)
		if err != nil || hex.EncodeToString(tender) != s.TenderPart {
			t.Errorf("%s: tender part %x, %v", name, tender, err)
		}
		var bidder []byte
		if section.Parts == seal.PartsBoth {
			if bidder, err = seal.UnwrapBidder(private("bidder"), section); err != nil || hex.EncodeToString(bidder) != s.BidderPart {
				t.Errorf("%s: bidder part %x, %v", name, bidder, err)
			}
		}
		if got := specKey(t, h, section, tender, bidder); hex.EncodeToString(got) != s.Key {
			t.Errorf("%s: key %x, want %s", name, got, s.Key)
		}
		index, files, err := readAll(bytes.NewReader(file), h, name, tender, bidder)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if raw, err := canon.Marshal(index); err != nil || string(raw) != s.Index {
			t.Errorf("%s: index %s, %v", name, raw, err)
		}
		for file, content := range s.Files {
			if hex.EncodeToString(files[file]) != content {
				t.Errorf("%s: %s differs", name, file)
			}
		}
	}
	return h
}

// specKey derives a section's key from the words of the specification, not from
// the package's code.
func specKey(t *testing.T, h seal.Header, s seal.Section, tender, bidder []byte) []byte {
	t.Helper()
	nonce, err := base64.RawURLEncoding.DecodeString(h.Nonce)
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }
	z := "jianbiao/envelope/section-key/v1\x00" + string(nonce) + text(s.Name) + text(string(s.Parts)) + string(tender) + string(bidder)
	sum := sm3.Sum([]byte(z + "\x00\x00\x00\x01"))
	return sum[:16]
}

// writeVectors makes new keys and envelopes; all but the padding is random.
func writeVectors(t *testing.T) {
	t.Helper()
	b := setup(t)
	b.in.Sections[0].Files = []seal.FileInput{file("施工组织设计.pdf", []byte("%PDF-1.7 vector\n")), file("附图.pdf", nil)}
	v := vectors{
		About: "Test vectors of docs/spec/bid-envelope.md. The keys are secret in no way: never use them.",
		Keys: map[string]string{
			"cutoff": b.cutoff.Text(), "opening": b.opening.Text(), "bidder": b.bidder.Text(),
			"oneTime": b.oneTime.Text(), "firm": b.firm.Text(), "signatory": b.person.Text(),
		},
		SizeClass: [][2]int64{},
		Canonical: [][2]string{
			{`{"b":[1,-2],"a":"\u5143"}`, `{"a":"元","b":[1,-2]}`},
			{"{\"\ufb33\":0,\"\U0001f600\":0}", "{\"\U0001f600\":0,\"\ufb33\":0}"},
			{`"\u0008\u000b\/"`, `"\b\u000b/"`},
		},
	}
	for _, n := range []int64{1, 262144, 262145, 290817, 1 << 20, 10 << 20, 100 << 20, 1 << 30} {
		v.SizeClass = append(v.SizeClass, [2]int64{n, seal.SizeClass(n)})
	}
	raw, sealed := b.seal(t)
	v.Bid = makeVector(t, b, raw, sealed)
	price, _ := sealed.Header.Section("price")
	c1, err := seal.Capsule(price.WrapTender)
	if err != nil {
		t.Fatal(err)
	}
	point, proof, err := seal.ProvePartial(b.opening, c1)
	if err != nil {
		t.Fatal(err)
	}
	v.Partial = vectorPartial{hex.EncodeToString(c1), hex.EncodeToString(point), hex.EncodeToString(proof)}
	b.in.Number, b.in.Replaces, b.in.Kind, b.in.Sections = 2, v.Bid.Digest, seal.KindWithdrawal, nil
	raw, sealed = b.seal(t)
	v.Withdrawal = makeVector(t, b, raw, sealed)
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(vectorsPath), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorsPath, append(out, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func makeVector(t *testing.T, b *bundle, raw []byte, sealed seal.Sealed) vector {
	t.Helper()
	end := int64(seal.PrefixSize + 16384)
	v := vector{Size: sealed.Size, HeaderDigest: sealed.HeaderDigest, Sections: map[string]vectorSection{}}
	for _, s := range sealed.Header.Sections {
		end = s.Offset + s.Stored
		tender, bidder := b.parts(t, sealed.Header, s.Name)
		index, files, err := readAll(bytes.NewReader(raw), sealed.Header, s.Name, tender, bidder)
		if err != nil {
			t.Fatal(err)
		}
		text, err := canon.Marshal(index)
		if err != nil {
			t.Fatal(err)
		}
		vs := vectorSection{
			TenderPart: hex.EncodeToString(tender), BidderPart: hex.EncodeToString(bidder),
			Key: hex.EncodeToString(specKey(t, sealed.Header, s, tender, bidder)), Index: string(text), Files: map[string]string{},
		}
		for name, content := range files {
			vs.Files[name] = hex.EncodeToString(content)
		}
		v.Sections[s.Name] = vs
	}
	v.Head = base64.RawURLEncoding.EncodeToString(raw[:end])
	header, err := canon.Marshal(sealed.Header)
	if err != nil {
		t.Fatal(err)
	}
	v.Header = string(header)
	d := seal.NewDigest()
	_, _ = io.Copy(d, bytes.NewReader(v.file(t)))
	v.Digest = d.Sum()
	return v
}
