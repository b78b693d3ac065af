package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/seal"
)

func TestSizeClass(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]int64{0: 262144, 1: 262144, 262144: 262144, 262145: 290816, 290816: 290816, 290817: 323584} {
		if got := seal.SizeClass(n); got != want {
			t.Errorf("SizeClass(%d) = %d, want %d", n, got, want)
		}
	}
	classes, last := 0, int64(0)
	for n := int64(seal.MinSize); n <= seal.MaxSize; n = seal.SizeClass(n + 1) {
		if n > seal.MinSize && (n <= last || float64(n-last-1)/float64(last+1) > 0.12) {
			t.Fatalf("class %d after %d", n, last)
		}
		if n%4096 != 0 || seal.SizeClass(n) != n {
			t.Fatalf("class %d", n)
		}
		classes, last = classes+1, n
		if n == seal.MaxSize {
			break
		}
	}
	if classes > 100 {
		t.Errorf("%d classes tell too much", classes)
	}
	if seal.SizeClass(1<<62) != 1<<62 {
		t.Error("beyond the largest size")
	}
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "报价清单(一).xlsx", "技术标 第二册.pdf", "𠮷.pdf", "console.txt", "a..b", strings.Repeat("x", 200)} {
		if !seal.IsFileName(good) {
			t.Errorf("%q refused", good)
		}
	}
	for _, bad := range []string{"", ".", "..", "../a", "a/b", `a\b`, "a:b", "a\x00", "a\nb", " a", "a ", "a.", ".a", "CON", "con.txt", "LPT1.pdf", "com9",
		"a\u202efdp.exe", "a\u200bb", "\ufeffa", "a\u2028b", "a*", "a?", "\xff", "a\ufffd", strings.Repeat("x", 201), "<a>", "a|b", `"a"`} {
		if seal.IsFileName(bad) {
			t.Errorf("%q accepted", bad)
		}
	}
}

// TestSealRefuses: each input that breaks a rule, with the code people are shown.
func TestSealRefuses(t *testing.T) {
	t.Parallel()
	many := make([]seal.FileInput, seal.MaxFiles+1)
	for i := range many {
		many[i] = file(fmt.Sprint(i), nil)
	}
	sections := make([]seal.SectionInput, seal.MaxSections)
	for i := range sections {
		sections[i].Name = fmt.Sprintf("s%d", i)
	}
	with := func(f seal.FileInput) func(*seal.Input) {
		return func(in *seal.Input) { in.Sections[0].Files = []seal.FileInput{f} }
	}
	cases := map[string]struct {
		change func(*seal.Input)
		code   string
	}{
		"no cut-off key":      {func(in *seal.Input) { in.CutoffKey = seal.PublicKey{} }, "seal.input"},
		"no opening key":      {func(in *seal.Input) { in.OpeningKey = seal.PublicKey{} }, "seal.input"},
		"no bidder key":       {func(in *seal.Input) { in.Bidder = seal.PrivateKey{} }, "seal.input"},
		"no one-time key":     {func(in *seal.Input) { in.OneTime = seal.PrivateKey{} }, "seal.input"},
		"no firm":             {func(in *seal.Input) { in.Firm = nil }, "seal.input"},
		"no sections":         {func(in *seal.Input) { in.Sections = nil }, "seal.input"},
		"too many sections":   {func(in *seal.Input) { in.Sections = sections }, "seal.input"},
		"a section twice":     {func(in *seal.Input) { in.Sections[1].Name = in.Sections[0].Name }, "seal.input"},
		"a second owner":      {func(in *seal.Input) { in.Sections[1].Name = seal.OwnerSection }, "seal.input"},
		"section name":        {func(in *seal.Input) { in.Sections[1].Name = "Price!" }, "seal.input"},
		"lot":                 {func(in *seal.Input) { in.Lot = "a/b" }, "seal.input"},
		"kind":                {func(in *seal.Input) { in.Kind = "x" }, "seal.input"},
		"number":              {func(in *seal.Input) { in.Number = 0 }, "seal.input"},
		"replaces as first":   {func(in *seal.Input) { in.Replaces = "sm3:" + strings.Repeat("0", 64) }, "seal.input"},
		"second of nothing":   {func(in *seal.Input) { in.Number = 2 }, "seal.input"},
		"first is withdrawal": {func(in *seal.Input) { in.Kind = seal.KindWithdrawal; in.Sections = nil }, "seal.input"},
		"deadline":            {func(in *seal.Input) { in.Deadline = in.Deadline.Add(time.Millisecond) }, "seal.input"},
		"owner's name":        {func(in *seal.Input) { in.Owner.Name = "" }, "seal.input"},
		"agent unnamed":       {func(in *seal.Input) { in.Owner.Capacity = seal.CapacityAgent }, "seal.input"},
		"float in the form":   {func(in *seal.Input) { in.Sections[1].Form = []byte(`{"price":1.5}`) }, "seal.input"},
		"form too large":      {func(in *seal.Input) { in.Sections[1].Form = []byte(`"` + strings.Repeat("x", seal.MaxIndex) + `"`) }, "seal.input"},
		"too many files":      {func(in *seal.Input) { in.Sections[0].Files = many }, "seal.input"},
		"file name":           {with(file("a/b", nil)), "seal.file_name"},
		"file twice":          {func(in *seal.Input) { in.Sections[0].Files = []seal.FileInput{file("A", nil), file("a", nil)} }, "seal.file_twice"},
		"media":               {with(seal.FileInput{Name: "a", Media: "pdf", Open: file("a", nil).Open}), "seal.file_media"},
		"shorter than stated": {with(seal.FileInput{Name: "a", Media: "a/b", Size: 9, Open: file("a", []byte("12345678")).Open}), "seal.file_changed"},
		"longer than stated":  {with(seal.FileInput{Name: "a", Media: "a/b", Size: 7, Open: file("a", []byte("12345678")).Open}), "seal.file_changed"},
		"cannot be opened":    {with(seal.FileInput{Name: "a", Media: "a/b", Open: func() (io.ReadCloser, error) { return nil, io.ErrClosedPipe }}), "seal.file_changed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			c.change(&b.in)
			var out bytes.Buffer
			_, err := seal.Seal(&out, b.in, nil)
			if apperr.CodeOf(err) != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
			if c.code != "seal.file_changed" && !errors.Is(err, seal.ErrInput) {
				t.Errorf("%v is not ErrInput", err)
			}
			if out.Len() > 0 {
				t.Errorf("%d bytes written", out.Len())
			}
		})
	}
}

// TestFileChangesBetweenPasses: the second reading gives other bytes.
func TestFileChangesBetweenPasses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	opened := 0
	b.in.Sections[0].Files = []seal.FileInput{{Name: "a", Media: "a/b", Size: 4, Open: func() (io.ReadCloser, error) {
		opened++
		return io.NopCloser(strings.NewReader(fmt.Sprintf("%04d", opened))), nil
	}}}
	if _, err := seal.Seal(io.Discard, b.in, nil); !errors.Is(err, seal.ErrFileChanged) || opened != 2 {
		t.Errorf("opened %d times: %v", opened, err)
	}
}

// failing accepts some bytes and then fails, as a full disk does.
type failing struct{ room int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriterFails(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 100_000, 5 << 20, 8<<20 + 1000} {
		b := setup(t, 8<<20)
		if _, err := seal.Seal(&failing{room}, b.in, nil); !errors.Is(err, errFull) || errors.Is(err, seal.ErrFileChanged) {
			t.Errorf("room for %d: %v", room, err)
		}
	}
}

// TestStructureRefuses: headers as a hostile sealer could make them.
func TestStructureRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, 100)
	_, sealed := b.seal(t)
	_, other := setup(t, 100).seal(t)
	section := func(i int, f func(*seal.Section)) func(*seal.Header) {
		return func(h *seal.Header) { f(&h.Sections[i]) }
	}
	for name, change := range map[string]func(*seal.Header){
		"version":                func(h *seal.Header) { h.V = 2 },
		"suite":                  func(h *seal.Header) { h.Suite = "INTL" },
		"nonce":                  func(h *seal.Header) { h.Nonce = h.Nonce[1:] },
		"deadline form":          func(h *seal.Header) { h.Deadline = "2026-03-24T09:30:00+08:00" },
		"no sections":            func(h *seal.Header) { h.Sections = nil },
		"owner not first":        func(h *seal.Header) { h.Sections[0], h.Sections[1] = h.Sections[1], h.Sections[0] },
		"owner missing":          func(h *seal.Header) { h.Sections = h.Sections[1:] },
		"owner alone":            func(h *seal.Header) { h.Sections = h.Sections[:1] },
		"gap":                    section(1, func(s *seal.Section) { s.Offset++ }),
		"header class":           func(h *seal.Header) { shift(h, 1) },
		"stored":                 section(1, func(s *seal.Section) { s.Stored-- }),
		"negative size":          section(1, func(s *seal.Section) { s.Size, s.Stored = -1, -1 }),
		"huge size":              section(1, func(s *seal.Section) { s.Size = 1 << 62 }),
		"price by tender alone":  section(2, func(s *seal.Section) { s.Parts = seal.PartsTender }),
		"owner by both":          section(0, func(s *seal.Section) { s.Parts = seal.PartsBoth }),
		"owner with bidder part": section(0, func(s *seal.Section) { s.CommitBidder = s.CommitTender }),
		"no commitment":          section(1, func(s *seal.Section) { s.CommitBidder = "" }),
		"digest in capitals":     section(1, func(s *seal.Section) { s.Digest = strings.ToUpper(s.Digest) }),
		"capsule of another bid": section(0, func(s *seal.Section) { s.WrapTender = other.Header.Sections[2].WrapTender }),
		"with its proof": section(0, func(s *seal.Section) {
			s.WrapTender, s.ProofTender = other.Header.Sections[2].WrapTender, other.Header.Sections[2].ProofTender
		}),
		"own price as owner": section(0, func(s *seal.Section) {
			s.WrapTender, s.ProofTender = sealed.Header.Sections[2].WrapTender, sealed.Header.Sections[2].ProofTender
		}),
		"another opening key": func(h *seal.Header) { h.OpeningKey = b.firm.Public() },
	} {
		h := sealed.Header
		h.Sections = append([]seal.Section(nil), sealed.Header.Sections...)
		change(&h)
		if err := seal.CheckStructure(h, sealed.Size); !errors.Is(err, seal.ErrHeader) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, size := range []int64{0, 4096, sealed.Size - 1, sealed.Size + 1, 1 << 62, -1} {
		if err := seal.CheckStructure(sealed.Header, size); !errors.Is(err, seal.ErrHeader) {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

func shift(h *seal.Header, by int64) {
	for i := range h.Sections {
		h.Sections[i].Offset += by
	}
}

// TestManySections needs a header of more than 16 KiB.
func TestManySections(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.in.Sections = nil
	for i := range seal.MaxSections - 1 {
		b.in.Sections = append(b.in.Sections, seal.SectionInput{Name: fmt.Sprintf("volume-%02d", i), Files: []seal.FileInput{file("a.pdf", noise(uint64(i), 3000))}})
	}
	raw, sealed := b.seal(t)
	h, err := seal.ReadHeader(bytes.NewReader(raw), b.cutoff)
	if err != nil {
		t.Fatal(err)
	}
	if h.Sections[0].Offset <= int64(seal.PrefixSize+16384) {
		t.Errorf("header of %d bytes", h.Sections[0].Offset)
	}
	if err := seal.CheckStructure(h, sealed.Size); err != nil {
		t.Error(err)
	}
	tender, bidder := b.parts(t, h, "volume-30")
	if _, files, err := readAll(bytes.NewReader(raw), h, "volume-30", tender, bidder); err != nil || !bytes.Equal(files["a.pdf"], noise(30, 3000)) {
		t.Errorf("last section: %v", err)
	}
}

// FuzzReadHeader: no input makes it panic or open.
func FuzzReadHeader(f *testing.F) {
	b := setup(f)
	raw, _ := b.seal(f)
	f.Add(raw[:20000])
	f.Add(raw[:seal.PrefixSize])
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := seal.ReadHeader(bytes.NewReader(in), b.cutoff)
		if err == nil && !bytes.Equal(in[:seal.PrefixSize+16384], raw[:seal.PrefixSize+16384]) {
			t.Fatalf("opened %+v", h)
		}
	})
}

// TestAttribute: each error that opening can give, and who answers for it.
func TestAttribute(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want seal.Cause
	}{
		{nil, seal.CauseNone},
		{&seal.PartError{Role: seal.RoleBidder}, seal.CauseBidder},
		{&seal.PartError{Role: seal.RoleTender}, seal.CauseHolder},
		{seal.ErrPartial, seal.CauseHolder},
		{seal.ErrOwner, seal.CauseBidder},
		{seal.ErrCapsule, seal.CauseSealer},
		{seal.ErrTruncated, seal.CauseSealer},
		{seal.ErrStoredDamaged, seal.CauseSealer},
		{seal.ErrPlainDigest, seal.CauseSealer},
		{seal.ErrContents, seal.CauseSealer},
		{seal.ErrNoSection, seal.CauseSealer},
		{seal.ErrHeader, seal.CauseSealer},
		{io.ErrClosedPipe, seal.CausePlatform},
	} {
		if c.err != nil {
			c.err = fmt.Errorf("opening: %w", c.err)
		}
		if got := seal.Attribute(c.err, true); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
		if got := seal.Attribute(c.err, false); c.err != nil && got != seal.CausePlatform {
			t.Errorf("%v, digest differs: %q", c.err, got)
		}
	}
}
