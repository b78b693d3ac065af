// Package firm is a bidder's own program (投标人端) in Go: the keys and the vault
// on its machine, sealing, signing, releasing its parts. The rehearsal's robots
// use it; it knows nothing of the server but public keys and answers.
package firm

import (
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"time"

	"jianbiao/bidding/opening"
	"jianbiao/bidding/tenderform"
	"jianbiao/internal/seal"
	"jianbiao/internal/vault"
)

// Firm is a bidder with what its vault holds.
type Firm struct {
	Name   string
	USCC   string
	Person string // legal representative, who also signs
	Vault  vault.Document
	firm   seal.PrivateKey
	signer seal.PrivateKey
}

// New makes a firm with new signing keys.
func New(name, uscc, person string) (*Firm, error) {
	f := &Firm{Name: name, USCC: uscc, Person: person}
	for _, k := range []*seal.PrivateKey{&f.firm, &f.signer} {
		key, err := seal.GenerateKey()
		if err != nil {
			return nil, err
		}
		*k = key
	}
	f.Vault.Signing = []vault.SigningKey{{Use: "firm", Name: name, USCC: uscc, Key: f.firm},
		{Use: "legalRepresentative", Name: person, USCC: uscc, Key: f.signer}}
	return f, nil
}

// PublicKey is the firm's signing key, to be registered.
func (f *Firm) PublicKey() string { return f.firm.Public().Text() }

// Lot is what a bidder knows of a lot: it is all on the lot's page.
type Lot struct {
	ID              string
	Title           string
	DocumentVersion int
	CutoffKey       string
	OpeningKey      string
	Deadline        time.Time
}

// Offer is a bid before it is sealed.
type Offer struct {
	Price         string // 元
	Duration      int    // 日历天
	Quality       string
	Manager       string
	DepositForm   string
	DepositAmount string
	Files         map[string][]seal.FileInput // by section
	Form          *tenderform.Form            // of the document, nil if it has none
}

// Seal seals an offer to w. A second offer for the same lot replaces the first.
// The bid is in the vault once Keep has been called with the result.
func (f *Firm) Seal(w io.Writer, l Lot, o Offer, now time.Time) (vault.Bid, error) {
	in, kept, err := f.input(l, seal.KindBid, now)
	if err != nil {
		return kept, err
	}
	names := []string{"qualification", "technical", tenderform.PriceSection}
	forms, err := o.forms(names)
	if err != nil {
		return kept, err
	}
	in.Bidder, in.Firm, in.Signatory = kept.Bidder, f.firm, f.signer
	in.Owner = seal.Owner{Name: f.Name, USCC: f.USCC, LegalRepresentative: f.Person, Capacity: seal.CapacityLegal, SignedAt: now.Format(time.RFC3339)}
	for _, name := range names {
		in.Sections = append(in.Sections, seal.SectionInput{Name: name, Form: forms[name], Files: o.Files[name]})
	}
	return f.seal(w, in, kept)
}

// Withdraw seals a withdrawal of the lot's bid: an envelope like any other.
func (f *Firm) Withdraw(w io.Writer, l Lot, now time.Time) (vault.Bid, error) {
	in, kept, err := f.input(l, seal.KindWithdrawal, now)
	if err != nil {
		return kept, err
	}
	if old, ok := f.Vault.Current(l.ID); ok {
		in.MinSize = old.Size
	}
	return f.seal(w, in, kept)
}

func (f *Firm) seal(w io.Writer, in seal.Input, kept vault.Bid) (vault.Bid, error) {
	sealed, err := seal.Seal(w, in, nil)
	if err != nil {
		return kept, fmt.Errorf("seal: %w", err)
	}
	kept.Digest, kept.Size, kept.Header = sealed.Digest, sealed.Size, sealed.Header
	return kept, nil
}

func (f *Firm) input(l Lot, kind seal.Kind, now time.Time) (in seal.Input, kept vault.Bid, err error) {
	kept = vault.Bid{Lot: l.ID, Title: l.Title, SealedAt: now.Format(time.RFC3339)}
	in = seal.Input{Lot: l.ID, DocumentVersion: fmt.Sprint(l.DocumentVersion), Deadline: l.Deadline, Kind: kind, Number: 1}
	if in.CutoffKey, err = seal.ParsePublicKey(l.CutoffKey); err != nil {
		return in, kept, err
	}
	if in.OpeningKey, err = seal.ParsePublicKey(l.OpeningKey); err != nil {
		return in, kept, err
	}
	// Nothing follows a withdrawal: who bids again begins anew.
	if old, ok := f.Vault.Current(l.ID); ok && old.Header.Kind == seal.KindBid {
		in.Number, in.Replaces, kept.OneTime = old.Header.Number+1, old.Digest, old.OneTime
	} else if kept.OneTime, err = seal.GenerateKey(); err != nil {
		return in, kept, err
	}
	kept.Bidder, err = seal.GenerateKey()
	in.OneTime = kept.OneTime
	return in, kept, err
}

// Keep puts a bid with its receipt into the vault, after checking that the
// receipt speaks of it.
func (f *Firm) Keep(b vault.Bid, receipt seal.Receipt) error {
	if err := receipt.Covers(b.Header, b.Digest, b.Size); err != nil {
		return err
	}
	b.Receipt = &receipt
	f.Vault.Keep(b)
	if !slices.ContainsFunc(f.Vault.Followed, func(x vault.Followed) bool { return x.Lot == b.Lot }) {
		f.Vault.Followed = append(f.Vault.Followed, vault.Followed{Lot: b.Lot, Title: b.Title, Since: b.SealedAt})
	}
	return nil
}

// Signed signs a command of the hall with the bid's one-time key.
func (f *Firm) Signed(lotID, command string, more map[string]any) (opening.Signed, error) {
	kept, ok := f.Vault.Current(lotID)
	if !ok {
		return opening.Signed{}, fmt.Errorf("%s has no bid for lot %s", f.Name, lotID)
	}
	msg, err := opening.SignedMessage(lotID, kept.Digest, more)
	if err != nil {
		return opening.Signed{}, err
	}
	sig, err := seal.SignWithOneTime(kept.OneTime, opening.Tag(command), msg)
	return opening.Signed{Digest: kept.Digest, Signature: sig}, err
}

// Release unwraps the bidder's parts on its own machine, and signs them: those of
// the sections that the present session opens (opening.Snapshot.Opens), nil for
// all. The parts of a second envelope (第二信封) do not leave before its session.
func (f *Firm) Release(lotID string, opens func(section string) bool) (opening.ReleaseInput, error) {
	kept, ok := f.Vault.Current(lotID)
	if !ok {
		return opening.ReleaseInput{}, fmt.Errorf("%s has no bid for lot %s", f.Name, lotID)
	}
	parts := map[string]string{}
	for _, s := range kept.Header.Sections {
		if s.Parts != seal.PartsBoth || (opens != nil && !opens(s.Name)) {
			continue
		}
		part, err := seal.UnwrapBidder(kept.Bidder, s)
		if err != nil {
			return opening.ReleaseInput{}, err
		}
		parts[s.Name] = base64.RawURLEncoding.EncodeToString(part)
	}
	signed, err := f.Signed(lotID, "release_part", map[string]any{"parts": parts})
	return opening.ReleaseInput{Signed: signed, Parts: parts}, err
}

// Blob is the vault, encrypted under the passphrase as it is kept on the server.
func (f *Firm) Blob(passphrase string, now time.Time) ([]byte, error) {
	v, err := vault.New(passphrase)
	if err != nil {
		return nil, err
	}
	v.Doc = f.Vault
	return v.Save(now)
}
