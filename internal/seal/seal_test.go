package seal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"jianbiao/internal/seal"

	"github.com/google/go-cmp/cmp"
)

// bundle is a lot's keys, a bidder's keys and what the bidder submits.
type bundle struct {
	cutoff, opening, bidder, oneTime, firm, person seal.PrivateKey
	in                                             seal.Input
}

func key(t testing.TB) seal.PrivateKey {
	t.Helper()
	k, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// noise is incompressible and the same each time.
func noise(seed uint64, n int64) []byte {
	b := make([]byte, n)
	var s [32]byte
	s[0], s[1] = byte(seed), byte(seed>>8)
	_, _ = rand.NewChaCha8(s).Read(b)
	return b
}

func file(name string, content []byte) seal.FileInput {
	return seal.FileInput{
		Name: name, Media: "application/pdf", Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

func setup(t testing.TB, sizes ...int64) *bundle {
	t.Helper()
	b := &bundle{cutoff: key(t), opening: key(t), bidder: key(t), oneTime: key(t), firm: key(t), person: key(t)}
	files := make([]seal.FileInput, 0, len(sizes))
	for i, n := range sizes {
		files = append(files, file(fmt.Sprintf("施工组织设计 %d.pdf", i), noise(uint64(i), n)))
	}
	b.in = seal.Input{
		Lot: "SQ2026-0001-1", DocumentVersion: "2", CutoffKey: b.cutoff.Public(), OpeningKey: b.opening.Public(),
		Deadline: time.Date(2026, 3, 24, 1, 30, 0, 0, time.UTC), Sealer: "jianbiao/1.0.0", Kind: seal.KindBid, Number: 1,
		OneTime: b.oneTime, Bidder: b.bidder, Firm: b.firm, Signatory: b.person,
		Owner: seal.Owner{
			Name: "宿迁市第一建筑工程有限公司", USCC: "91321300134567890X", LegalRepresentative: "王建国",
			Contact: "0527-84300000", Capacity: seal.CapacityLegal, SignedAt: "2026-03-23T09:00:00+08:00",
		},
		Sections: []seal.SectionInput{
			{Name: "technical", Files: files},
			{Name: "price", Form: json.RawMessage(`{"price":"12345678.90","duration":"180"}`), Files: []seal.FileInput{file("报价.xlsx", []byte("rows"))}},
		},
	}
	return b
}

func (b *bundle) seal(t testing.TB) ([]byte, seal.Sealed) {
	t.Helper()
	var out bytes.Buffer
	sealed, err := seal.Seal(&out, b.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), sealed
}

// parts are both parts of a section's key.
func (b *bundle) parts(t testing.TB, h seal.Header, name string) (tender, bidder []byte) {
	t.Helper()
	s, ok := h.Section(name)
	if !ok {
		t.Fatalf("no section %s", name)
	}
	c1, err := seal.Capsule(s.WrapTender)
	if err != nil {
		t.Fatal(err)
	}
	point, err := seal.PartialOf(b.opening, c1)
	if err != nil {
		t.Fatal(err)
	}
	if tender, err = seal.Combine(s.WrapTender, seal.Partial{Holder: "platform", Point: point}); err != nil {
		t.Fatal(err)
	}
	if s.Parts == seal.PartsBoth {
		if bidder, err = seal.UnwrapBidder(b.bidder, s); err != nil {
			t.Fatal(err)
		}
	}
	return tender, bidder
}

// readAll opens a section and gives its index and the bytes of its files.
func readAll(r io.ReaderAt, h seal.Header, name string, tender, bidder []byte) (seal.Index, map[string][]byte, error) {
	var index seal.Index
	files := map[string][]byte{}
	err := seal.OpenSection(r, h, name, tender, bidder, seal.Visit{
		Index: func(i seal.Index) error { index = i; return nil },
		File: func(f seal.File, r io.Reader) (err error) {
			files[f.Name], err = io.ReadAll(r)
			return err
		},
	})
	skimmed, serr := seal.Skim(r, h, name, tender, bidder)
	if fmt.Sprint(serr) != fmt.Sprint(err) || err == nil && !reflect.DeepEqual(skimmed, index) {
		err = fmt.Errorf("Skim gives %w where OpenSection gives %w", serr, err)
	}
	return index, files, err
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	const mib = seal.ChunkSize
	for _, sizes := range [][]int64{{}, {0}, {1}, {100_000, 0, 7}, {mib}, {mib - 300}, {2*mib + 5, 3}, {9 * mib}} {
		t.Run(fmt.Sprint(sizes), func(t *testing.T) {
			t.Parallel()
			b := setup(t, sizes...)
			raw, sealed := b.seal(t)
			h, err := seal.ReadHeader(bytes.NewReader(raw), b.cutoff)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sealed.Header, h, cmp.Comparer(func(a, b seal.PublicKey) bool { return a == b })); diff != "" {
				t.Error(diff)
			}
			if err := seal.CheckStructure(h, int64(len(raw))); err != nil {
				t.Error(err)
			}
			d := seal.NewDigest()
			if _, _ = d.Write(raw); d.Sum() != sealed.Digest || d.Size() != sealed.Size {
				t.Errorf("digest %s of %d bytes, sealed says %s of %d", d.Sum(), d.Size(), sealed.Digest, sealed.Size)
			}
			tender, bidder := b.parts(t, h, "technical")
			_, files, err := readAll(bytes.NewReader(raw), h, "technical", tender, bidder)
			if err != nil {
				t.Fatal(err)
			}
			for i, n := range sizes {
				if got := files[fmt.Sprintf("施工组织设计 %d.pdf", i)]; !bytes.Equal(got, noise(uint64(i), n)) {
					t.Errorf("file %d differs: %d bytes", i, len(got))
				}
			}
			tender, bidder = b.parts(t, h, "price")
			index, err := seal.OpenForm(bytes.NewReader(raw), h, "price", tender, bidder)
			if err != nil || string(index.Form) != `{"duration":"180","price":"12345678.90"}` {
				t.Errorf("form %s, %v", index.Form, err)
			}
			tender, _ = b.parts(t, h, seal.OwnerSection)
			owner, err := seal.OpenOwner(bytes.NewReader(raw), h, tender)
			if err != nil || owner.Name != b.in.Owner.Name || owner.FirmKey != b.firm.Public() || owner.SignerKey != b.person.Public() {
				t.Errorf("owner %+v, %v", owner, err)
			}
		})
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	b := setup(t, 3<<20)
	var last, total int64
	if _, err := seal.Seal(io.Discard, b.in, func(done, all int64) {
		if done < last {
			t.Errorf("progress went back from %d to %d", last, done)
		}
		last, total = done, all
	}); err != nil {
		t.Fatal(err)
	}
	if want := int64(2 * (3<<20 + len("rows"))); last != want || total != want {
		t.Errorf("ended at %d of %d, want %d", last, total, want)
	}
}

func TestNotMine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw, _ := b.seal(t)
	if !seal.Mine(raw[:seal.PrefixSize], b.cutoff) {
		t.Error("the lot's own key is not recognised")
	}
	if other := key(t); seal.Mine(raw, other) {
		t.Error("another lot's key is recognised")
	} else if _, err := seal.ReadHeader(bytes.NewReader(raw), other); !errors.Is(err, seal.ErrNotMine) {
		t.Errorf("ReadHeader: %v", err)
	}
	if seal.Mine(raw[:seal.PrefixSize-1], b.cutoff) || seal.Mine(nil, b.cutoff) {
		t.Error("a short prefix is recognised")
	}
	for _, c := range []struct {
		cut  int
		want error
	}{{0, seal.ErrNotEnvelope}, {138, seal.ErrNotEnvelope}, {139, seal.ErrTruncated}, {5000, seal.ErrTruncated}} {
		if _, err := seal.ReadHeader(bytes.NewReader(raw[:c.cut]), b.cutoff); !errors.Is(err, c.want) {
			t.Errorf("cut at %d: %v, want %v", c.cut, err, c.want)
		}
	}
}

// TestHeadTampered flips every byte of the prefix and some of the header: the
// envelope is refused, as another's, as none, or as broken.
func TestHeadTampered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw, _ := b.seal(t)
	for i := 0; i < seal.PrefixSize+16384; i++ {
		if i > seal.PrefixSize+32 && i%511 != 0 && i < seal.PrefixSize+16384-16 {
			continue
		}
		bad := bytes.Clone(raw)
		bad[i] ^= 1
		_, err := seal.ReadHeader(bytes.NewReader(bad), b.cutoff)
		if !errors.Is(err, seal.ErrNotMine) && !errors.Is(err, seal.ErrNotEnvelope) && !errors.Is(err, seal.ErrHeader) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
}

func TestStoredTampered(t *testing.T) {
	t.Parallel()
	b := setup(t, 3<<20)
	raw, sealed := b.seal(t)
	h := sealed.Header
	tender, bidder := b.parts(t, h, "technical")
	s, _ := h.Section("technical")
	const chunk = seal.ChunkSize + 16
	flip := func(at int64) []byte { c := bytes.Clone(raw); c[at] ^= 0x80; return c }
	swapped := bytes.Clone(raw)
	copy(swapped[s.Offset:], raw[s.Offset+chunk:s.Offset+2*chunk])
	copy(swapped[s.Offset+chunk:], raw[s.Offset:s.Offset+chunk])
	repeated := bytes.Clone(raw)
	copy(repeated[s.Offset+chunk:], raw[s.Offset:s.Offset+chunk])
	cases := []struct {
		name string
		raw  []byte
		want error
	}{
		{"first byte", flip(s.Offset), seal.ErrStoredDamaged},
		{"tag of the first chunk", flip(s.Offset + chunk - 1), seal.ErrStoredDamaged},
		{"last byte", flip(s.Offset + s.Stored - 1), seal.ErrStoredDamaged},
		{"chunks swapped", swapped, seal.ErrStoredDamaged},
		{"chunk repeated", repeated, seal.ErrStoredDamaged},
		{"cut in the section", raw[:s.Offset+s.Stored-1], seal.ErrTruncated},
		{"cut at a chunk", raw[:s.Offset+chunk], seal.ErrTruncated},
		{"nothing left", nil, seal.ErrTruncated},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := readAll(bytes.NewReader(c.raw), h, "technical", tender, bidder); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			} else if got := seal.Attribute(err, false); got != seal.CausePlatform {
				t.Errorf("attributed to %s", got)
			} else if got := seal.Attribute(err, true); got != seal.CauseSealer {
				t.Errorf("attributed to %s with the digest intact", got)
			}
		})
	}
}

func TestHeaderBindsChunks(t *testing.T) {
	t.Parallel()
	b := setup(t, 100)
	raw, sealed := b.seal(t)
	tender, bidder := b.parts(t, sealed.Header, "technical")
	for name, change := range map[string]func(*seal.Header){
		"lot":      func(h *seal.Header) { h.Lot = "another" },
		"version":  func(h *seal.Header) { h.DocumentVersion = "3" },
		"deadline": func(h *seal.Header) { h.Deadline = "2026-03-25T01:30:00Z" },
		"sealer":   func(h *seal.Header) { h.Sealer = "another" },
		"opening":  func(h *seal.Header) { h.OpeningKey = b.firm.Public() },
		"number":   func(h *seal.Header) { h.Number = 2 },
	} {
		h := sealed.Header
		change(&h)
		if _, _, err := readAll(bytes.NewReader(raw), h, "technical", tender, bidder); !errors.Is(err, seal.ErrStoredDamaged) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
}

func TestWrongParts(t *testing.T) {
	t.Parallel()
	b := setup(t, 100)
	raw, sealed := b.seal(t)
	h := sealed.Header
	tender, bidder := b.parts(t, h, "technical")
	otherTender, otherBidder := b.parts(t, h, "price")
	bent := bytes.Clone(bidder)
	bent[31] ^= 1
	cases := []struct {
		name           string
		tender, bidder []byte
		cause          seal.Cause
	}{
		{"bidder part of another section", tender, otherBidder, seal.CauseBidder},
		{"one bit", tender, bent, seal.CauseBidder},
		{"none", tender, nil, seal.CauseBidder},
		{"too long", tender, append(bytes.Clone(bidder), 0), seal.CauseBidder},
		{"tender part of another section", otherTender, bidder, seal.CauseHolder},
		{"parts exchanged", bidder, tender, seal.CauseHolder},
	}
	for _, c := range cases {
		_, _, err := readAll(bytes.NewReader(raw), h, "technical", c.tender, c.bidder)
		if !errors.Is(err, seal.ErrPartMismatch) || seal.Attribute(err, true) != c.cause {
			t.Errorf("%s: %v, attributed to %q", c.name, err, seal.Attribute(err, true))
		}
	}
	if !h.CheckPart("technical", seal.RoleTender, tender) || !h.CheckPart("technical", seal.RoleBidder, bidder) {
		t.Error("the right parts are refused")
	}
	if h.CheckPart("price", seal.RoleBidder, bidder) || h.CheckPart("technical", seal.RoleTender, bidder) || h.CheckPart("none", seal.RoleTender, tender) {
		t.Error("a part fits where it does not belong")
	}
	if owner, _ := b.parts(t, h, seal.OwnerSection); h.CheckPart(seal.OwnerSection, seal.RoleBidder, owner) {
		t.Error("the owner section has a bidder part")
	}
}

func TestCombine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, sealed := b.seal(t)
	s, _ := sealed.Header.Section("price")
	c1, err := seal.Capsule(s.WrapTender)
	if err != nil {
		t.Fatal(err)
	}
	right, _ := seal.PartialOf(b.opening, c1)
	wrong, _ := seal.PartialOf(b.bidder, c1)
	for name, partials := range map[string][]seal.Partial{
		"none": nil, "two": {{Point: right}, {Point: right}}, "false": {{Point: wrong}}, "no point": {{Point: make([]byte, 65)}}, "short": {{Point: right[:64]}},
	} {
		if _, err := seal.Combine(s.WrapTender, partials...); !errors.Is(err, seal.ErrPartial) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := seal.UnwrapBidder(b.opening, s); !errors.Is(err, seal.ErrPartial) {
		t.Errorf("bidder part with another key: %v", err)
	}
	for _, bad := range []string{"", "AAAA", strings.Repeat("A", 172), s.WrapTender[1:]} {
		if _, err := seal.Capsule(bad); !errors.Is(err, seal.ErrHeader) {
			t.Errorf("capsule %.8q: %v", bad, err)
		}
	}
}
