package seal

import (
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"jianbiao/internal/canon"

	"github.com/emmansun/gmsm/sm3"
)

// Kind says what an envelope is.
type Kind string

// The kinds.
const (
	KindBid        Kind = "bid"        // 投标文件, first or replacing
	KindWithdrawal Kind = "withdrawal" // 撤回
)

// Role is whose part of a section's key is meant.
type Role string

// The roles.
const (
	RoleTender Role = "tender" // 招标方: wrapped to the opening key
	RoleBidder Role = "bidder" // 投标人: wrapped to the key of the bidder's machine
)

// Parts says which parts a section's key is made of.
type Parts string

// The ways to make a section's key.
const (
	PartsTender Parts = "tender" // by the opening key alone: the owner section
	PartsBoth   Parts = "both"
)

// OwnerSection is the section that says who bids (投标人信息).
const OwnerSection = "owner"

// Section is one sealed section as the header describes it. Wraps are capsules
// in base64url, digests and commitments "sm3:" and hexadecimal, sizes bytes.
type Section struct {
	Name         string `json:"name"`
	Parts        Parts  `json:"parts"`
	WrapTender   string `json:"wrapTender"`
	ProofTender  string `json:"proofTender"` // signature of the capsule's ephemeral key
	WrapBidder   string `json:"wrapBidder"`  // "" for PartsTender
	CommitTender string `json:"commitTender"`
	CommitBidder string `json:"commitBidder"` // "" for PartsTender
	Digest       string `json:"digest"`       // salted, of the plaintext
	Offset       int64  `json:"offset"`       // in the file
	Size         int64  `json:"size"`         // of the plaintext
	Stored       int64  `json:"stored"`       // of the chunks in the file
}

// Header is what the cut-off key opens: it binds everything and names nobody.
type Header struct {
	V                 int       `json:"v"`
	Kind              Kind      `json:"kind"`
	Lot               string    `json:"lot"`
	DocumentVersion   string    `json:"documentVersion"`
	OpeningKey        PublicKey `json:"openingKey"`
	Deadline          string    `json:"deadline"` // RFC 3339, UTC, whole seconds
	Suite             string    `json:"suite"`
	Sealer            string    `json:"sealer"`
	Nonce             string    `json:"nonce"` // 32 random bytes, base64url
	Number            int       `json:"number"`
	Replaces          string    `json:"replaces"` // digest of the envelope replaced, "" for the first
	OneTimeKey        PublicKey `json:"oneTimeKey"`
	PreviousSignature string    `json:"previousSignature"` // by OneTimeKey, "" for the first
	Sections          []Section `json:"sections"`
}

// Section finds a section by name; ok is false if there is none.
func (h Header) Section(name string) (s Section, ok bool) {
	for _, s := range h.Sections {
		if s.Name == name {
			return s, true
		}
	}
	return Section{}, false
}

// DeadlineTime is the deadline the envelope was sealed for.
func (h Header) DeadlineTime() (time.Time, error) {
	t, err := time.Parse(time.RFC3339, h.Deadline)
	if err != nil {
		return time.Time{}, fmt.Errorf("deadline: %w: %w", ErrHeader, err)
	}
	return t, nil
}

// Digest is the digest of the canonical header: the associated data of every
// chunk, and the name under which other records cite a header.
func (h Header) Digest() (string, error) {
	sum, err := h.sum()
	if err != nil {
		return "", err
	}
	return digestText(sum), nil
}

func (h Header) sum() ([]byte, error) {
	raw, err := canon.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("header: %w: %w", ErrHeader, err)
	}
	return tagged("jianbiao/envelope/header/v1", raw), nil
}

// unsigned is what PreviousSignature signs: the canonical header without it.
func (h Header) unsigned() ([]byte, error) {
	h.PreviousSignature = ""
	raw, err := canon.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("header: %w: %w", ErrHeader, err)
	}
	return raw, nil
}

func (h Header) nonce() ([]byte, error) {
	raw, err := b64.DecodeString(h.Nonce)
	if err != nil || len(raw) != partSize {
		return nil, fmt.Errorf("nonce is not 32 bytes of base64url: %w", ErrHeader)
	}
	return raw, nil
}

// commitment hides a part (256 random bits) and binds it to envelope, section
// and role. GCM does not commit to its key; this does.
func commitment(nonce []byte, section string, role Role, part []byte) string {
	return digestText(tagged("jianbiao/envelope/part/v1", nonce, appendText(nil, section), appendText(nil, string(role)), part))
}

// sectionKey derives a section's SM4 key: the KDF of GB/T 32918 over the parts
// and where they are used.
func sectionKey(nonce []byte, section string, parts Parts, tenderPart, bidderPart []byte) []byte {
	z := message("jianbiao/envelope/section-key/v1", nonce)
	z = appendText(z, section)
	z = appendText(z, string(parts))
	z = append(z, tenderPart...)
	z = append(z, bidderPart...)
	return sm3.Kdf(z, keySize)
}

// CheckPart says whether a part is the one committed to. A section without that
// part has none that fits.
func (h Header) CheckPart(section string, role Role, part []byte) bool {
	s, ok := h.Section(section)
	nonce, err := h.nonce()
	if !ok || err != nil || len(part) != partSize {
		return false
	}
	want := s.CommitTender
	if role == RoleBidder {
		want = s.CommitBidder
	}
	got := commitment(nonce, section, role, part)
	return want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}

// key checks the parts against their commitments and derives the section's key.
func (h Header) key(s Section, tenderPart, bidderPart []byte) ([]byte, error) {
	nonce, err := h.nonce()
	if err != nil {
		return nil, err
	}
	if !h.CheckPart(s.Name, RoleTender, tenderPart) {
		return nil, &PartError{Section: s.Name, Role: RoleTender}
	}
	if s.Parts == PartsTender {
		return sectionKey(nonce, s.Name, s.Parts, tenderPart, nil), nil
	}
	if !h.CheckPart(s.Name, RoleBidder, bidderPart) {
		return nil, &PartError{Section: s.Name, Role: RoleBidder}
	}
	return sectionKey(nonce, s.Name, s.Parts, tenderPart, bidderPart), nil
}

// Commitments lists what a receipt holds of the sections.
func (h Header) Commitments() []Commitment {
	out := make([]Commitment, 0, len(h.Sections))
	for _, s := range h.Sections {
		out = append(out, Commitment{
			Section: s.Name, CommitTender: s.CommitTender, CommitBidder: s.CommitBidder, Digest: s.Digest,
		})
	}
	return out
}

func isToken(s string, maxLen int, extra string) bool {
	if s == "" || len(s) > maxLen {
		return false
	}
	for _, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && !strings.ContainsRune(extra, rune(c)) {
			return false
		}
	}
	return true
}
