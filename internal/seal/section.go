package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"jianbiao/internal/apperr"
	"jianbiao/internal/canon"

	"github.com/emmansun/gmsm/sm3"
)

const (
	saltSize = 32
	minPlain = saltSize + 4 + int64(len(`{"files":[],"form":0,"v":1}`)) // the shortest form has one character
)

// File is one file of a section as its index lists it.
type File struct {
	Name  string `json:"name"`
	Media string `json:"media"` // "application/pdf"
	Size  int64  `json:"size"`
	SM3   string `json:"sm3"` // unsalted digest; it is only ever seen inside the seal
}

// Index begins a section's plaintext: its structured form (投标函 and the like)
// and its files, in the order of their bytes.
type Index struct {
	V     int             `json:"v"`
	Form  json.RawMessage `json:"form"` // canonical JSON; null where there is none
	Files []File          `json:"files"`
}

// FileInput is a file to be sealed. Open is called twice; Size must be exact.
type FileInput struct {
	Name  string
	Media string
	Size  int64
	Open  func() (io.ReadCloser, error)
}

// SectionInput is a section to be sealed: amounts in Form are strings.
type SectionInput struct {
	Name  string
	Form  json.RawMessage
	Files []FileInput
}

// plainSection is a section whose files have been digested: all is known of it
// but the ciphertext.
type plainSection struct {
	name   string
	head   []byte // salt, length of the index, index
	files  []FileInput
	sums   []uint32 // CRC-32C of each file, to notice that it changed meanwhile
	size   int64
	digest string
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// prepare is the first pass over a section's files.
func prepare(nonce []byte, in SectionInput, moved func(int64)) (plainSection, error) {
	p := plainSection{name: in.Name, files: in.Files}
	index := Index{V: Version, Form: in.Form, Files: make([]File, 0, len(in.Files))}
	if len(index.Form) == 0 {
		index.Form = json.RawMessage("null")
	}
	for _, f := range in.Files {
		h, crc := sm3.New(), crc32.New(castagnoli)
		if err := copyFile(io.MultiWriter(h, crc), f, moved); err != nil {
			return p, err
		}
		index.Files = append(index.Files, File{Name: f.Name, Media: f.Media, Size: f.Size, SM3: digestText(h.Sum(nil))})
		p.sums = append(p.sums, crc.Sum32())
		p.size += f.Size
	}
	if err := checkIndex(index); err != nil {
		return p, fmt.Errorf("section %s: %w: %w", in.Name, err, ErrInput)
	}
	raw, err := canon.Marshal(index)
	if err != nil {
		return p, fmt.Errorf("section %s: %w: %w", in.Name, ErrInput, err)
	}
	if len(raw) > MaxIndex {
		return p, fmt.Errorf("section %s: index of %d bytes: %w", in.Name, len(raw), ErrInput)
	}
	p.head = make([]byte, saltSize, saltSize+4+len(raw))
	if _, err := rand.Read(p.head); err != nil {
		return p, fmt.Errorf("seal: randomness: %w", err)
	}
	p.head = append(binary.BigEndian.AppendUint32(p.head, uint32(len(raw))), raw...)
	p.size += int64(len(p.head))
	p.digest = sectionDigest(nonce, in.Name, p.head)
	return p, nil
}

// sectionDigest is salted (head begins with the salt), so that nobody can try
// prices against it, and covers every file through its digest in the index.
func sectionDigest(nonce []byte, name string, head []byte) string {
	return digestText(tagged("jianbiao/envelope/section/v1", nonce, appendText(nil, name), head))
}

func copyFile(w io.Writer, f FileInput, moved func(int64)) error {
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("open %q: %w: %w", f.Name, ErrFileChanged, err)
	}
	defer func() { _ = r.Close() }() // only read from
	from := &source{r: io.LimitReader(r, f.Size)}
	n, err := io.CopyBuffer(meter{w, moved}, from, make([]byte, 1<<18))
	if from.err != nil {
		return fmt.Errorf("read %q: %w: %w", f.Name, ErrFileChanged, from.err)
	}
	if err != nil {
		return err // of the writer
	}
	if extra, _ := r.Read(make([]byte, 1)); n != f.Size || extra > 0 {
		return fmt.Errorf("%q is not of the size stated: %w", f.Name, ErrFileChanged)
	}
	return nil
}

// source remembers that it was reading that failed, not writing.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// meter reports progress.
type meter struct {
	w     io.Writer
	moved func(int64)
}

func (m meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.moved(int64(n))
	return n, err
}

// writeTo is the second pass: the section's whole plaintext.
func (p plainSection) writeTo(w io.Writer, moved func(int64)) error {
	if _, err := io.Copy(w, bytes.NewReader(p.head)); err != nil {
		return err
	}
	for i, f := range p.files {
		crc := crc32.New(castagnoli)
		if err := copyFile(io.MultiWriter(w, crc), f, moved); err != nil {
			return err
		}
		if crc.Sum32() != p.sums[i] {
			return fmt.Errorf("%q changed between the passes: %w", f.Name, ErrFileChanged)
		}
	}
	return nil
}

// checkIndex holds for what is sealed and for what is opened. Its errors name the
// file to people, and are ErrContents.
func checkIndex(index Index) error {
	if index.V != Version || index.Files == nil || len(index.Files) > MaxFiles {
		return fmt.Errorf("version %d, %d files: %w", index.V, len(index.Files), ErrContents)
	}
	seen := map[string]bool{}
	for _, f := range index.Files {
		fold := strings.ToLower(f.Name)
		if !IsFileName(f.Name) {
			return refusal("seal.file_name", "文件名“%s”不可用：请去掉 / \\ : * ? \" < > | 和首尾的空格、句点，长度不超过 200 字节。", f.Name)
		}
		if seen[fold] {
			return refusal("seal.file_twice", "同一部分中有两个名为“%s”的文件，请改名。", f.Name)
		}
		seen[fold] = true
		major, minor, ok := strings.Cut(f.Media, "/")
		if !ok || !isToken(major, 64, ".+-") || !isToken(minor, 96, ".+-") {
			return refusal("seal.file_media", "文件“%s”的类型标识不正确。", f.Name)
		}
		if f.Size < 0 || f.Size > MaxSize || !isDigest(f.SM3) {
			return fmt.Errorf("file %q: size or digest: %w", f.Name, ErrContents)
		}
	}
	return nil
}

func refusal(code, format, name string) error {
	return fmt.Errorf("%w: %w", apperr.New(apperr.Invalid, code, format, printable(name)), ErrContents)
}

// printable is a name that may be shown although it was refused.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.C, r) || r == utf8.RuneError {
			return '·'
		}
		return r
	}, name[:min(len(name), 200)])
}

// IsFileName says whether a name can be a file's on any system: 1 to 200 bytes
// of UTF-8 without path separators, control, format or bidirectional characters,
// characters and names that Windows reserves, and without a dot or space at
// either end.
func IsFileName(name string) bool {
	if name == "" || len(name) > 200 || !utf8.ValidString(name) || strings.Trim(name, " .") != name {
		return false
	}
	for _, r := range name {
		if unicode.Is(unicode.C, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || strings.ContainsRune(`/\:*?"<>|`, r) || r == utf8.RuneError {
			return false
		}
	}
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch stem {
	case "CON", "PRN", "AUX", "NUL":
		return false
	}
	reserved := len(stem) == 4 && (stem[:3] == "COM" || stem[:3] == "LPT") && '0' <= stem[3] && stem[3] <= '9'
	return !reserved
}
