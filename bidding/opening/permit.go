package opening

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"jianbiao/bidding/lot"
	"jianbiao/internal/apperr"
	"jianbiao/internal/canon"
	"jianbiao/internal/evidence"
	"jianbiao/internal/keystore"
	"jianbiao/internal/seal"
)

func edPublic(priv ed25519.PrivateKey) (ed25519.PublicKey, error) {
	pub, ok := priv.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("opening: not an ed25519 key")
	}
	return pub, nil
}

var errNotPermitted = apperr.New(apperr.Forbidden, "keystore.not_permitted", "证据记录不允许现在打开这份投标文件。")

// Permit judges the key store's orders by the evidence alone: the bid stands in
// the recorded cut-off; no postponement or suspension stands; and for contents
// the window is closed. In a tender of two envelopes (双信封) the header, whose
// digest is in the cut-off record, says to which section each capsule belongs;
// those of the second envelope are released only after the second window has
// closed, and only for a bid that passed the review of the first.
func Permit(store *evidence.Store) keystore.Permit {
	return func(ctx context.Context, o keystore.Order) error {
		events, err := store.OfKind(ctx, "lot/"+o.Lot, "cutoff.recorded", "decrypt.window_closed", "lot.suspended", "lot.resumed",
			"opening.postponed", "opening.lobby_reopened", "opening.reviewed")
		if err != nil {
			return err
		}
		l := ledger{digest: o.Digest}
		for i := range events {
			if err := l.add(&events[i]); err != nil {
				return err
			}
		}
		if l.row == nil || l.suspended || l.postponed || (o.Stage == keystore.Contents && l.closed == 0) {
			return errNotPermitted
		}
		if l.first == nil {
			return nil
		}
		return l.permitSections(ctx, store, o)
	}
}

// ledger is what the evidence says of one bid and its opening.
type ledger struct {
	digest    string
	row       *CutoffRow
	first     []string // sections of the first envelope; nil in a tender of one
	closed    int      // the last session whose window has closed
	passed    bool
	suspended bool
	postponed bool
}

func (l *ledger) add(e *evidence.Event) error {
	switch e.Kind {
	case "cutoff.recorded":
		var rows []CutoffRow
		if _, err := e.Get("rows", &rows); err != nil {
			return fmt.Errorf("read cut-off record: %w", err)
		}
		if i := slices.IndexFunc(rows, func(r CutoffRow) bool { return r.Digest == l.digest }); i >= 0 && len(rows) >= MinBids {
			l.row = &rows[i]
		}
		if _, err := e.Get("firstSections", &l.first); err != nil {
			return fmt.Errorf("read cut-off record: %w", err)
		}
	case "decrypt.window_closed":
		session := lot.FirstSession
		if _, err := e.Get("session", &session); err != nil {
			return fmt.Errorf("read window: %w", err)
		}
		l.closed = max(l.closed, session)
	case "opening.reviewed":
		var passed []ReviewedBid
		if _, err := e.Get("passed", &passed); err != nil {
			return fmt.Errorf("read review: %w", err)
		}
		l.passed = slices.ContainsFunc(passed, func(b ReviewedBid) bool { return b.Digest == l.digest })
	case "lot.suspended":
		l.suspended = true
	case "lot.resumed":
		l.suspended = false
	case "opening.postponed":
		l.postponed = true
	case "opening.lobby_reopened":
		l.postponed = false
	}
	return nil
}

// permitSections judges an order capsule by capsule. The header comes from the
// database, and is the one that the cut-off record fixed, or nothing is released.
func (l *ledger) permitSections(ctx context.Context, store *evidence.Store, o keystore.Order) error {
	var raw []byte
	if err := store.DB().GetContext(ctx, &raw, `SELECT header FROM bid WHERE lot_id = $1 AND digest = $2`, o.Lot, o.Digest); err != nil {
		return fmt.Errorf("read header: %w", err)
	}
	var head seal.Header
	if err := canon.Unmarshal(raw, &head); err != nil {
		return errNotPermitted.Because(err)
	}
	if digest, err := head.Digest(); err != nil || digest != l.row.Header {
		return errNotPermitted.Because(err)
	}
	for _, wrap := range o.Wraps {
		i := slices.IndexFunc(head.Sections, func(s seal.Section) bool { return s.WrapTender == wrap })
		if i < 0 || !l.may(o.Stage, head.Sections[i].Name) {
			return errNotPermitted
		}
	}
	return nil
}

func (l *ledger) may(stage keystore.Stage, section string) bool {
	switch {
	case section == seal.OwnerSection:
		return stage == keystore.Owners
	case stage != keystore.Contents:
		return false
	case slices.Contains(l.first, section):
		return l.closed >= lot.FirstSession
	default:
		return l.closed >= lot.SecondSession && l.passed
	}
}
