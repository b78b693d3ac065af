package opening

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm3"
	"golang.org/x/sync/errgroup"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/canon"
	"jianbiao/internal/evidence"
	"jianbiao/internal/keystore"
	"jianbiao/internal/seal"
	"jianbiao/internal/vrf"
)

// result is what came out of one bid.
type result struct {
	bid     *Bid
	outcome string
	reason  string
	forms   map[string]json.RawMessage
}

// ImportBids is the second half: the window has closed, and the opening key is
// used on the contents of every bid whose parts were released. First the
// reading-out table (开标一览表) is made, then the files are stored and checked.
func (s *Service) ImportBids(ctx context.Context, who actor.Actor, lotID string) error {
	if err := s.Tabulate(ctx, who, lotID); err != nil {
		return err
	}
	return s.CheckFiles(ctx, who, lotID)
}

// Tabulate opens every bid to its last authenticated chunk, several at a time,
// and makes the reading-out table. It takes its time and holds no lock; when it
// is run twice, it finds the same.
func (s *Service) Tabulate(ctx context.Context, who actor.Actor, lotID string) error {
	h, err := s.asleep(ctx, who, lotID, "import_bids")
	if err != nil {
		return err
	}
	taking := make([]*Bid, 0, len(h.bids)) // whoever is out of a second session is not opened
	for i := range h.bids {
		if b := &h.bids[i]; !h.out(b) {
			taking = append(taking, b)
		}
	}
	results := make([]result, len(taking))
	if err := eachBid(ctx, len(taking), func(ctx context.Context, i int) (err error) {
		results[i], err = s.openBid(ctx, h, taking[i])
		return err
	}); err != nil {
		return err
	}
	coefficient, err := s.drawCoefficient(h)
	if err != nil {
		return err
	}
	return s.command(ctx, who, lotID, "import_bids", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		opened := 0
		forms := map[string]map[string]json.RawMessage{}
		for _, r := range results {
			forms[r.bid.Digest] = r.forms
		}
		h.markRepeated(forms)
		for _, r := range results {
			if r.outcome == OutcomeOpened {
				opened++
			}
			if err := storeResult(ctx, tx, h, r); err != nil {
				return nil, err
			}
		}
		return map[string]any{"opened": opened, "of": len(results)}, storeCoefficient(ctx, tx, h, coefficient)
	})
}

// asleep reads the hall without a lock, for work that takes its time, if the
// command may be given now.
func (s *Service) asleep(ctx context.Context, who actor.Actor, lotID, command string) (*hall, error) {
	l, err := lot.Read(ctx, s.store.DB(), lotID)
	if err != nil {
		return nil, err
	}
	h, err := readHall(ctx, s.store.DB(), l)
	if err != nil {
		return nil, err
	}
	_, err = Table.Next(h.o.State, command, who.Role, h.facts(time.Time{}, who))
	return h, err
}

// eachBid works on as many bids at once as there are processors.
func eachBid(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		g.Go(func() error { return f(ctx, i) })
	}
	return g.Wait()
}

// openBid opens one bid, or says by proof whose cause it is that it does not
// open (trust rules: part against commitment → bidder; stored file against
// receipt → platform; false partial → holder; else the sealer; no part → the
// bidder, unless an outage lies in the window).
func (s *Service) openBid(ctx context.Context, h *hall, b *Bid) (result, error) {
	res := result{bid: b, forms: map[string]json.RawMessage{}}
	if b.PartState != PartReleased {
		res.outcome, res.reason = OutcomeRevoked, "no_part"
		if h.outage {
			res.outcome, res.reason = OutcomeUndecided, "no_part_during_outage"
		}
		return res, nil
	}
	err := s.openSections(ctx, h, b, &res)
	if err == nil {
		res.outcome = OutcomeOpened
		return res, nil
	}
	if !strings.HasPrefix(apperr.CodeOf(err), "seal.") {
		return res, err // the platform could not try: nobody's cause, tried again
	}
	intact, ierr := s.intact(ctx, b)
	if ierr != nil {
		return res, ierr
	}
	cause := seal.Attribute(err, intact)
	var part *seal.PartError
	if intact && errors.As(err, &part) && part.Role == seal.RoleTender {
		cause = seal.CauseSealer // the partial was proven right, so the capsule held something else
	}
	switch cause {
	case seal.CauseBidder, seal.CauseSealer:
		res.outcome, res.reason = OutcomeRevoked, string(cause)
	default:
		res.outcome, res.reason = OutcomeWithdrawn, string(cause)
	}
	res.forms = nil
	return res, nil
}

// intact compares the stored file with the digest that its receipt promised.
func (s *Service) intact(ctx context.Context, b *Bid) (bool, error) {
	f, err := s.files.Open(ctx, b.EnvelopeID)
	if err != nil {
		return false, nil // a file that is gone is not intact
	}
	defer func() { _ = f.Close() }()
	d := seal.NewDigest()
	if _, err := io.Copy(d, f); err != nil {
		return false, fmt.Errorf("digest stored envelope: %w", err)
	}
	return d.Sum() == b.Digest, nil
}

func (s *Service) openSections(ctx context.Context, h *hall, b *Bid, res *result) error {
	return s.withContents(ctx, h, b, func(f io.ReaderAt, head seal.Header, name string, tender, bidder []byte) error {
		index, err := seal.Skim(f, head, name, tender, bidder)
		res.forms[name] = index.Form
		return err
	})
}

// withContents gives every section of a bid's contents that this session opens,
// with both parts of its key.
func (s *Service) withContents(ctx context.Context, h *hall, b *Bid, visit func(f io.ReaderAt, head seal.Header, name string, tender, bidder []byte) error) error {
	head, err := b.Header()
	if err != nil {
		return err
	}
	var parts map[string]string
	if err := canon.Unmarshal(b.Parts, &parts); err != nil {
		return fmt.Errorf("parts of bid %s: %w", b.Digest, err)
	}
	f, err := s.files.Open(ctx, b.EnvelopeID)
	if err != nil {
		return fmt.Errorf("stored envelope: %w: %w", err, seal.ErrStoredDamaged)
	}
	defer func() { _ = f.Close() }()
	var sections []seal.Section
	var wraps []string
	for _, sec := range head.Sections {
		if sec.Parts == seal.PartsBoth && h.now(sec.Name) {
			sections, wraps = append(sections, sec), append(wraps, sec.WrapTender)
		}
	}
	tender, err := s.tenderParts(ctx, b, head.OpeningKey, keystore.Contents, wraps)
	if err != nil {
		return err
	}
	for i, sec := range sections {
		bidder, err := base64.RawURLEncoding.DecodeString(parts[sec.Name])
		if err != nil {
			err = fmt.Errorf("part: %w: %w", err, &seal.PartError{Section: sec.Name, Role: seal.RoleBidder})
		} else {
			err = visit(f, head, sec.Name, tender[i], bidder)
		}
		if err != nil {
			return fmt.Errorf("section %s: %w", sec.Name, err)
		}
	}
	return nil
}

func storeResult(ctx context.Context, tx *evidence.Tx, h *hall, r result) error {
	b := h.bid(r.bid.Digest)
	fields := map[string]any{"digest": b.Digest, "organisation": *b.Organisation}
	kind := map[string]string{OutcomeOpened: "decrypt.completed", OutcomeRevoked: "bid.revoked",
		OutcomeWithdrawn: "bid.withdrawn", OutcomeUndecided: "bid.undecided"}[r.outcome]
	b.Outcome = &r.outcome
	if r.outcome != OutcomeOpened {
		fields["reason"] = r.reason
		b.OutcomeReason = &r.reason
	}
	if r.outcome == OutcomeOpened {
		if _, forms := b.form(); forms != nil { // those of the first envelope
			maps.Copy(forms, r.forms)
			r.forms = forms
		}
		raw, err := canon.Marshal(r.forms)
		if err != nil {
			return err
		}
		b.Form = raw
		h.judge(b)
	}
	tx.Record(evidence.Draft{Stream: h.lot.Stream(), Kind: kind, Actor: actor.System(), Fields: fields})
	return exec(ctx, tx, "store result", `UPDATE bid SET outcome = $1, outcome_reason = $2, form = $3, price = $4, flags = $5 WHERE lot_id = $6 AND digest = $7`,
		b.Outcome, b.OutcomeReason, b.Form, b.Price, b.Flags, b.LotID, b.Digest)
}

// Coefficient is the random coefficient (随机系数): the output of the lot's
// verifiable random function over the cut-off record and the released parts.
// Whoever has the VRF key of the notice recomputes it.
type Coefficient struct {
	Value   string   `json:"value"`
	Index   int      `json:"index"`
	Values  []string `json:"values"`
	Alpha   string   `json:"alpha"` // hex, SM3 of AlphaInput
	Proof   string   `json:"proof"` // hex, RFC 9381
	Beta    string   `json:"beta"`  // hex
	Mapping string   `json:"mapping"`
}

// alpha is the VRF's input: SM3 of the canonical {tag, lot, cutoff, parts}.
func (h *hall) alpha() ([]byte, error) {
	raw, err := canon.Marshal(map[string]any{"tag": "jianbiao/coefficient/1", "lot": h.lot.ID, "cutoff": *h.o.CutoffDigest, "parts": h.partsRows()})
	if err != nil {
		return nil, err
	}
	d := sm3.Sum(raw)
	return d[:], nil
}

func (s *Service) drawCoefficient(h *hall) (*Coefficient, error) {
	if h.params.Coefficient == nil || !h.final() {
		return nil, nil
	}
	values, err := h.params.Coefficient.Values()
	if err != nil {
		return nil, err
	}
	key, err := s.platform.VRFKey(h.lot.ID)
	if err != nil {
		return nil, err
	}
	alpha, err := h.alpha()
	if err != nil {
		return nil, err
	}
	proof, err := vrf.Prove(key.Seed(), alpha)
	if err != nil {
		return nil, fmt.Errorf("draw coefficient: %w", err)
	}
	beta, err := vrf.Hash(proof)
	if err != nil {
		return nil, fmt.Errorf("draw coefficient: %w", err)
	}
	i := vrf.Choose(beta, len(values))
	return &Coefficient{Value: values[i], Index: i, Values: values, Alpha: hex.EncodeToString(alpha), Proof: hex.EncodeToString(proof),
		Beta: hex.EncodeToString(beta), Mapping: fmt.Sprintf("从 %s 到 %s 共 %d 个取值，由随机输出等概率选取", values[0], values[len(values)-1], len(values))}, nil
}

func storeCoefficient(ctx context.Context, tx *evidence.Tx, h *hall, c *Coefficient) error {
	if c == nil {
		return nil
	}
	raw, err := canon.Marshal(c)
	if err != nil {
		return err
	}
	tx.Record(evidence.Draft{Stream: h.lot.Stream(), Kind: "coefficient.drawn", Actor: actor.System(), Fields: map[string]any{
		"value": c.Value, "alpha": c.Alpha, "proof": c.Proof, "beta": c.Beta}})
	return exec(ctx, tx, "store coefficient", `UPDATE opening SET coefficient = $1 WHERE lot_id = $2`, raw, h.o.LotID)
}
