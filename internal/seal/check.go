package seal

import (
	"fmt"
	"strings"
	"time"
)

// CheckStructure checks all of a header that can be checked without a secret:
// limits, names, key and digest forms, that each tender capsule was made for its
// section (proof of the ephemeral key), that the sections lie one after another,
// that size (of the whole file, in bytes) is a size class that holds them, and
// that a replacement or withdrawal is signed by its one-time key. ErrHeader for
// a broken rule, ErrReplacement for the signature. It does not judge the
// deadline, the lot, or what is replaced.
func CheckStructure(h Header, size int64) error {
	for _, check := range []func(Header) error{checkScalars, checkChain, checkSections} {
		if err := check(h); err != nil {
			return err
		}
	}
	end, err := checkLayout(h)
	if err != nil {
		return err
	}
	if size < end || size > MaxSize || SizeClass(size) != size {
		return fmt.Errorf("size %d is not a size class holding %d bytes: %w", size, end, ErrHeader)
	}
	if h.Number > 1 {
		return checkPreviousSignature(h)
	}
	return nil
}

func checkScalars(h Header) error {
	deadline, err := time.Parse(time.RFC3339, h.Deadline)
	_, nonceErr := h.nonce()
	rules := []struct {
		ok   bool
		what string
	}{
		{h.V == Version, "version"},
		{h.Suite == Suite, "suite"},
		{h.Kind == KindBid || h.Kind == KindWithdrawal, "kind"},
		{isToken(h.Lot, 64, "._:-"), "lot"},
		{isToken(h.DocumentVersion, 128, "._:-"), "document version"},
		{!h.OpeningKey.IsZero(), "opening key"},
		{!h.OneTimeKey.IsZero(), "one-time key"},
		{err == nil && deadline.UTC().Format(time.RFC3339) == h.Deadline, "deadline"},
		{isToken(h.Sealer, 64, "._:+-/ "), "sealer"},
		{nonceErr == nil, "nonce"},
	}
	for _, r := range rules {
		if !r.ok {
			return fmt.Errorf("%s: %w", r.what, ErrHeader)
		}
	}
	return nil
}

func checkChain(h Header) error {
	first := h.Number == 1 && h.Replaces == "" && h.PreviousSignature == "" && h.Kind == KindBid
	later := h.Number > 1 && h.Number <= 1_000_000 && isDigest(h.Replaces) && h.PreviousSignature != ""
	if !first && !later {
		return fmt.Errorf("number %d, replaces %q: %w", h.Number, h.Replaces, ErrHeader)
	}
	return nil
}

func checkSections(h Header) error {
	if h.Kind == KindWithdrawal {
		if h.Sections == nil || len(h.Sections) != 0 {
			return fmt.Errorf("a withdrawal has no sections: %w", ErrHeader)
		}
		return nil
	}
	if len(h.Sections) < 2 || len(h.Sections) > MaxSections {
		return fmt.Errorf("%d sections: %w", len(h.Sections), ErrHeader)
	}
	seen := map[string]bool{}
	for i, s := range h.Sections {
		if seen[s.Name] || (i == 0) != (s.Name == OwnerSection) {
			return fmt.Errorf("section %d is %q: %w", i, s.Name, ErrHeader)
		}
		seen[s.Name] = true
		if err := checkSection(h, s); err != nil {
			return fmt.Errorf("section %d: %w", i, err)
		}
	}
	return nil
}

func isSectionName(s string) bool {
	return isToken(s, 32, "_-") && s == strings.ToLower(s) && 'a' <= s[0] && s[0] <= 'z'
}

func checkSection(h Header, s Section) error {
	want := PartsBoth
	if s.Name == OwnerSection {
		want = PartsTender
	}
	switch {
	case !isSectionName(s.Name):
		return fmt.Errorf("name: %w", ErrHeader)
	case s.Parts != want:
		return fmt.Errorf("parts %q: %w", s.Parts, ErrHeader)
	case !isDigest(s.CommitTender) || !isDigest(s.Digest):
		return fmt.Errorf("digests: %w", ErrHeader)
	case want == PartsTender && (s.WrapBidder != "" || s.CommitBidder != ""):
		return fmt.Errorf("a bidder part where none belongs: %w", ErrHeader)
	case want == PartsBoth && !isDigest(s.CommitBidder):
		return fmt.Errorf("bidder commitment: %w", ErrHeader)
	}
	if want == PartsBoth {
		if _, err := Capsule(s.WrapBidder); err != nil {
			return err
		}
	}
	return checkProof(h, s)
}

func checkProof(h Header, s Section) error {
	raw, err := decodeCapsule(s.WrapTender)
	if err != nil {
		return err
	}
	c1, err := PublicKeyOfPoint(raw[:pointSize])
	if err != nil {
		return fmt.Errorf("tender capsule: %w: %w", ErrHeader, err)
	}
	nonce, err := h.nonce()
	if err != nil {
		return err
	}
	if err := c1.Verify(TagCapsule, capsuleContext(nonce, s.Name, h.OpeningKey, raw), s.ProofTender); err != nil {
		return fmt.Errorf("proof of the tender capsule: %w: %w", ErrHeader, err)
	}
	return nil
}

// checkLayout gives where the last section ends. Sections follow the header
// without gaps; the header's class is read off the first offset.
func checkLayout(h Header) (end int64, err error) {
	if len(h.Sections) == 0 {
		return headerEnd(0), nil
	}
	end = h.Sections[0].Offset
	if !isHeaderEnd(end) {
		return 0, fmt.Errorf("first section at %d: %w", end, ErrHeader)
	}
	for _, s := range h.Sections {
		if s.Offset != end || s.Size < minPlain || s.Size > MaxSize || s.Stored != storedSize(s.Size) {
			return 0, fmt.Errorf("section %s at %d, %d in %d bytes: %w", s.Name, s.Offset, s.Size, s.Stored, ErrHeader)
		}
		end += s.Stored
	}
	return end, nil
}

func isHeaderEnd(offset int64) bool {
	for class := range headerClass + 1 {
		if offset == headerEnd(class) {
			return true
		}
	}
	return false
}

func headerEnd(class int) int64 { return int64(PrefixSize + headerUnit<<class) }

func checkPreviousSignature(h Header) error {
	msg, err := h.unsigned()
	if err != nil {
		return err
	}
	if err := h.OneTimeKey.Verify(TagReplacement, msg, h.PreviousSignature); err != nil {
		return fmt.Errorf("previous signature: %w: %w", ErrReplacement, err)
	}
	return nil
}

// CheckReplacement says whether next may take the place of old, whose envelope
// has oldDigest: same lot, same one-time key, the next number, naming oldDigest,
// signed by the one-time key. Nothing follows a withdrawal. ErrReplacement.
func CheckReplacement(old Header, oldDigest string, next Header) error {
	switch {
	case old.Kind == KindWithdrawal:
		return fmt.Errorf("a withdrawn bid cannot be replaced: %w", ErrReplacement)
	case next.Lot != old.Lot:
		return fmt.Errorf("another lot: %w", ErrReplacement)
	case next.OneTimeKey != old.OneTimeKey || next.OneTimeKey.IsZero():
		return fmt.Errorf("another one-time key: %w", ErrReplacement)
	case next.Number != old.Number+1:
		return fmt.Errorf("number %d after %d: %w", next.Number, old.Number, ErrReplacement)
	case next.Replaces != oldDigest:
		return fmt.Errorf("names another envelope: %w", ErrReplacement)
	}
	return checkPreviousSignature(next)
}
