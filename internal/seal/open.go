package seal

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"jianbiao/internal/canon"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

// Mine says whether an envelope's header is sealed to this cut-off key, from its
// first PrefixSize bytes alone: one trial decryption, about 10,000 a second.
func Mine(prefix []byte, cutoff PrivateKey) bool {
	_, err := headerSecret(prefix, cutoff)
	return err == nil
}

func headerSecret(prefix []byte, cutoff PrivateKey) ([]byte, error) {
	if _, err := HeadSize(prefix); err != nil {
		return nil, err
	}
	if cutoff.key == nil {
		return nil, fmt.Errorf("no cut-off key: %w", ErrInput)
	}
	secret, err := sm2.Decrypt(cutoff.key, prefix[offCapsule:PrefixSize])
	if err != nil || len(secret) != partSize {
		return nil, ErrNotMine
	}
	return secret, nil
}

// ReadHeader reads prefix and header off the beginning of an envelope.
// ErrNotEnvelope, ErrTruncated, ErrNotMine for another lot's, ErrHeader for one
// that breaks the format. It checks no more than that the header is whole and
// canonical: CheckStructure does the rest.
func ReadHeader(r io.Reader, cutoff PrivateKey) (Header, error) {
	prefix := make([]byte, PrefixSize)
	if _, err := io.ReadFull(r, prefix); err != nil {
		return Header{}, shortRead(err, ErrNotEnvelope)
	}
	secret, err := headerSecret(prefix, cutoff)
	if err != nil {
		return Header{}, err
	}
	block := make([]byte, headerUnit<<prefix[offClass])
	if _, err := io.ReadFull(r, block); err != nil {
		return Header{}, shortRead(err, ErrTruncated)
	}
	aead, err := newAEAD(headerKey(secret, prefix))
	if err != nil {
		return Header{}, err
	}
	if block, err = aead.Open(block[:0], make([]byte, nonceSize), block, prefix); err != nil {
		return Header{}, fmt.Errorf("header does not authenticate: %w", ErrHeader)
	}
	return parseHeader(block)
}

// HeadSize is how many leading bytes of an envelope ReadHeader needs, read off
// its first PrefixSize bytes. ErrNotEnvelope.
func HeadSize(prefix []byte) (int64, error) {
	if len(prefix) < PrefixSize || string(prefix[:offSuite]) != magic || prefix[offSuite] != suiteSM || prefix[offClass] > headerClass {
		return 0, ErrNotEnvelope
	}
	return headerEnd(int(prefix[offClass])), nil
}

func shortRead(err, kind error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("envelope ends in its head: %w", kind)
	}
	return fmt.Errorf("read envelope: %w", err)
}

func parseHeader(block []byte) (h Header, err error) {
	n := int64(binary.BigEndian.Uint32(block))
	if n > int64(len(block)-4) || !isZero(block[4+n:]) {
		return Header{}, fmt.Errorf("header length or padding: %w", ErrHeader)
	}
	if err := canon.Unmarshal(block[4:4+n], &h); err != nil {
		return Header{}, fmt.Errorf("header: %w: %w", ErrHeader, err)
	}
	return h, nil
}

// Visit is what OpenSection calls as it goes; either may be nil.
type Visit struct {
	// Index is called once, when the index has been checked against the section's digest.
	Index func(Index) error
	// File is called for each file in order. r ends with ErrPlainDigest instead
	// of io.EOF if the bytes are not those the index promises: what was read
	// until then MUST be thrown away. What is left unread is read and checked.
	File func(f File, r io.Reader) error
}

// OpenSection decrypts one section out of the stored file r. It checks both
// parts against their commitments first (PartError), then each chunk
// (ErrTruncated, ErrStoredDamaged), the index against the section's digest and
// every file against its own (ErrPlainDigest), the form of the index
// (ErrContents). bidderPart is nil for the owner section. Only when it returns
// nil was the section opened; give any error to Attribute.
func OpenSection(r io.ReaderAt, h Header, name string, tenderPart, bidderPart []byte, visit Visit) error {
	plain, index, err := begin(r, h, name, tenderPart, bidderPart)
	if err != nil {
		return err
	}
	if visit.Index != nil {
		if err := visit.Index(index); err != nil {
			return err
		}
	}
	for _, f := range index.Files {
		if err := visitFile(plain, f, visit.File); err != nil {
			return err
		}
	}
	return nil
}

// Skim opens a section as OpenSection does, to the last authenticated chunk, and
// gives its index, which the section's digest holds. Only the files' own digests
// are left to OpenSection: they take three times as long as all the rest, and
// nothing that is read out at an opening hangs on them.
func Skim(r io.ReaderAt, h Header, name string, tenderPart, bidderPart []byte) (Index, error) {
	plain, index, err := begin(r, h, name, tenderPart, bidderPart)
	if err != nil {
		return Index{}, err
	}
	return index, plain.drain()
}

// begin checks the parts, makes the key and reads the index.
func begin(r io.ReaderAt, h Header, name string, tenderPart, bidderPart []byte) (*chunkReader, Index, error) {
	s, ok := h.Section(name)
	if !ok {
		return nil, Index{}, fmt.Errorf("section %q: %w", name, ErrNoSection)
	}
	if _, err := checkLayout(h); err != nil {
		return nil, Index{}, err
	}
	key, err := h.key(s, tenderPart, bidderPart)
	if err != nil {
		return nil, Index{}, err
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, Index{}, err
	}
	aad, err := h.sum()
	if err != nil {
		return nil, Index{}, err
	}
	plain := &chunkReader{r: r, section: s, aead: aead, aad: aad}
	index, err := readIndex(plain, h, s)
	return plain, index, err
}

func readIndex(r io.Reader, h Header, s Section) (index Index, err error) {
	head := make([]byte, saltSize+4)
	if _, err := io.ReadFull(r, head); err != nil {
		return index, endedEarly(err)
	}
	n := int64(binary.BigEndian.Uint32(head[saltSize:]))
	if n > MaxIndex || int64(len(head))+n > s.Size {
		return index, fmt.Errorf("section %s: index of %d bytes: %w", s.Name, n, ErrContents)
	}
	head = append(head, make([]byte, n)...)
	raw := head[saltSize+4:]
	if _, err := io.ReadFull(r, raw); err != nil {
		return index, endedEarly(err)
	}
	nonce, err := h.nonce()
	if err != nil {
		return index, err
	}
	if got := sectionDigest(nonce, s.Name, head); subtle.ConstantTimeCompare([]byte(got), []byte(s.Digest)) != 1 {
		return index, fmt.Errorf("section %s: index: %w", s.Name, ErrPlainDigest)
	}
	if err := canon.Unmarshal(raw, &index); err != nil {
		return index, fmt.Errorf("section %s: index: %w: %w", s.Name, ErrContents, err)
	}
	if err := checkIndex(index); err != nil {
		return index, fmt.Errorf("section %s: %w", s.Name, err)
	}
	left := s.Size - int64(len(head))
	for _, f := range index.Files {
		left -= f.Size
	}
	if left != 0 {
		return index, fmt.Errorf("section %s: files differ from its size by %d: %w", s.Name, left, ErrContents)
	}
	return index, nil
}

// endedEarly: the plaintext ended although the sizes promised more.
func endedEarly(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("section ends early: %w", ErrContents)
	}
	return err
}

func visitFile(plain io.Reader, f File, visit func(File, io.Reader) error) error {
	r := &fileReader{r: io.LimitReader(plain, f.Size), h: sm3.New(), want: f.SM3, left: f.Size}
	if visit != nil {
		if err := visit(f, r); err != nil {
			return err
		}
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, make([]byte, 1<<18)); err != nil {
		return fmt.Errorf("file %q: %w", f.Name, err)
	}
	return nil
}

// fileReader ends with io.EOF only if all that it gave has the digest promised.
type fileReader struct {
	r    io.Reader
	h    hash.Hash
	want string
	left int64
}

func (f *fileReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	f.h.Write(p[:n])
	f.left -= int64(n)
	if errors.Is(err, io.EOF) && (f.left != 0 || digestText(f.h.Sum(nil)) != f.want) {
		return n, ErrPlainDigest
	}
	return n, err
}

// OpenForm opens a section, checks all of it, and gives its index.
func OpenForm(r io.ReaderAt, h Header, name string, tenderPart, bidderPart []byte) (index Index, err error) {
	err = OpenSection(r, h, name, tenderPart, bidderPart, Visit{Index: func(i Index) error { index = i; return nil }})
	if err != nil {
		return Index{}, err
	}
	return index, nil
}

// OpenOwner opens the owner section and verifies the signatures in it.
func OpenOwner(r io.ReaderAt, h Header, tenderPart []byte) (Owner, error) {
	index, err := OpenForm(r, h, OwnerSection, tenderPart, nil)
	if err != nil {
		return Owner{}, err
	}
	o, err := ParseOwner(bytes.TrimSpace(index.Form))
	if err != nil {
		return Owner{}, err
	}
	return o, VerifyOwner(h, o)
}
