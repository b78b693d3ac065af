package opening_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/keystore"
	"jianbiao/internal/seal"
)

// outcomes takes an opening from the closed window to the table.
func outcomes(t *testing.T, c *biddingtest.City, s *opening.Service, l *lot.Lot) map[string]opening.Reading {
	t.Helper()
	c.Must(s.ImportBids(ctx, actor.System(), l.ID))
	c.Must(s.Announce(ctx, c.Agency, l.ID))
	snap, err := s.Snapshot(ctx, l.ID)
	c.Must(err)
	out := map[string]opening.Reading{}
	for _, r := range snap.Table {
		out[r.Digest] = r
	}
	return out
}

// What is changed after the table was made does not change the table: the file
// is flagged as the platform's cause, the files of the others are there, and the
// opening goes on.
func TestCheckFiles_FlagsWhatWasChangedAfterTheTable(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.DecryptClosed)
	c.Must(c.Openings.Tabulate(ctx, actor.System(), l.ID))
	spoil(t, c, envelopeOf(t, c, firms[0].Sealed.Digest), flip(priceSection(t, firms[0]).Offset+3))
	c.Must(c.Openings.Announce(ctx, c.Agency, l.ID))
	c.Must(c.Openings.OpenObjections(ctx, c.Agency, l.ID))
	c.At(biddingtest.Deadline.Add(2 * time.Hour))
	if err := c.Openings.StartConfirmation(ctx, c.Agency, l.ID); apperr.CodeOf(err) != "opening.files_unchecked" {
		t.Fatalf("the record before the files: %v", err)
	}
	c.Must(c.Openings.CheckFiles(ctx, actor.System(), l.ID))
	c.Must(c.Openings.StartConfirmation(ctx, c.Agency, l.ID))
	snap, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	for _, r := range snap.Table {
		flagged := slices.Contains(r.Flags, "file_damaged")
		if r.Outcome != opening.OutcomeOpened || r.Price == "" || flagged != (r.Digest == firms[0].Sealed.Digest) {
			t.Errorf("%s: %s, flags %v", r.Organisation, r.Outcome, r.Flags)
		}
	}
	events, err := c.Store.OfKind(ctx, l.Stream(), "bid.file_damaged")
	c.Must(err)
	if len(events) != 1 || events[0].Text("cause") != "platform" {
		t.Errorf("events %+v", events)
	}
	var files int
	c.Must(c.DB.App.Get(&files, `SELECT count(*) FROM bid_file WHERE lot_id = $1 AND digest <> $2`, l.ID, firms[0].Sealed.Digest))
	if files != 6 {
		t.Errorf("%d files of the others, want 6", files)
	}
}

// expect checks the outcome of the first firm, and that the others opened.
func expect(t *testing.T, got map[string]opening.Reading, firms []*biddingtest.Firm, outcome, reason string) {
	t.Helper()
	for i, f := range firms {
		r := got[f.Sealed.Digest]
		switch {
		case i > 0 && (r.Outcome != opening.OutcomeOpened || r.Price == ""):
			t.Errorf("%s, who did everything right: %s %s", r.Organisation, r.Outcome, r.Reason)
		case i == 0 && (r.Outcome != outcome || r.Reason != opening.Causes[reason]):
			t.Errorf("%s %s, want %s %s", r.Outcome, r.Reason, outcome, opening.Causes[reason])
		case i == 0 && r.Outcome != opening.OutcomeOpened && (r.Price != "" || r.Manager != ""):
			t.Errorf("a bid that did not open is read out: %+v", r)
		}
	}
}

// spoil changes the stored file of a bid behind the platform's back.
func spoil(t *testing.T, c *biddingtest.City, id string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(c.Dir, "files", id)
	raw, err := os.ReadFile(path)
	c.Must(err)
	if raw = change(raw); raw == nil {
		c.Must(os.Remove(path))
		return
	}
	c.Must(os.WriteFile(path, raw, 0o600))
}

func flip(at int64) func([]byte) []byte {
	return func(b []byte) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
}

func priceSection(t *testing.T, f *biddingtest.Firm) seal.Section {
	t.Helper()
	s, ok := f.Sealed.Header.Section("price")
	if !ok {
		t.Fatal("no price section")
	}
	return s
}

// What is stored is not what was receipted: the platform's cause, whatever was
// done to it and whenever.
func TestAttribution_StoredFileIsNotTheReceiptedOne(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(f *biddingtest.Firm) func([]byte) []byte{
		"a byte of the price": func(f *biddingtest.Firm) func([]byte) []byte { return flip(priceSection(t, f).Offset + 3) },
		"truncated": func(f *biddingtest.Firm) func([]byte) []byte {
			return func(b []byte) []byte { return b[:priceSection(t, f).Offset+10] }
		},
		"gone": func(*biddingtest.Firm) func([]byte) []byte { return func([]byte) []byte { return nil } },
		"another file": func(*biddingtest.Firm) func([]byte) []byte {
			return func(b []byte) []byte { return make([]byte, len(b)) }
		},
	} {
		for _, when := range []opening.State{opening.LobbyOpen, opening.DecryptClosed} {
			t.Run(name+" before "+string(when), func(t *testing.T) {
				t.Parallel()
				c, l, firms := threeBids(t)
				if when == opening.LobbyOpen { // before the cut-off, by the receipt's stream
					spoil(t, c, firms[0].Receipt.Event.Stream[len("bid/"):], change(firms[0]))
					c.To(l, firms, opening.DecryptClosed)
				} else {
					c.To(l, firms, opening.DecryptClosed)
					spoil(t, c, envelopeOf(t, c, firms[0].Sealed.Digest), change(firms[0]))
				}
				expect(t, outcomes(t, c, c.Openings, l), firms, opening.OutcomeWithdrawn, "platform")
			})
		}
	}
}

// The sealer damaged a chunk before the file was handed in: the receipt is over
// the damaged file, so the file is intact and the bid is its maker's cause.
func TestAttribution_DamagedBeforeItWasHandedIn(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := c.Published()
	var firms []*biddingtest.Firm
	for i, name := range []string{"苏北建设集团有限公司", "运河建工集团有限公司", "华宇建筑工程有限公司"} {
		f := c.NewFirm(name)
		firms = append(firms, f)
		if i > 0 {
			c.Bid(f, l, "45600000.00", "肆仟伍佰陆拾万元整")
			continue
		}
		envelope := c.Seal(f, l, seal.KindBid, "45600000.00", "肆仟伍佰陆拾万元整")
		envelope = flip(priceSection(t, f).Offset + 3)(envelope)
		digest := seal.NewDigest()
		_, _ = digest.Write(envelope)
		f.Sealed.Digest = digest.Sum()
		var err error
		f.Receipt, err = c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(envelope))
		c.Must(err)
	}
	c.To(l, firms, opening.DecryptClosed)
	expect(t, outcomes(t, c, c.Openings, l), firms, opening.OutcomeRevoked, "sealer")
}

// The same ciphertext with another key: parts that would open it to something
// else, or to nothing, are refused by the commitments, and each try is on the
// record; the right parts are taken after them.
func TestAttribution_AnotherKeyForTheSameCiphertext(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.Decrypting)
	f, right := firms[0], c.Parts(firms[0])
	release := func(parts map[string]string) error {
		return c.Openings.ReleasePart(ctx, f.Actor, l.ID, opening.ReleaseInput{Signed: c.Signed(f, l.ID, "release_part", map[string]any{"parts": parts}), Parts: parts})
	}
	other := make([]byte, 32)
	_, err := rand.Read(other)
	c.Must(err)
	for name, parts := range map[string]map[string]string{
		"one part of another key": {"price": base64.RawURLEncoding.EncodeToString(other), "technical": right["technical"], "qualification": right["qualification"]},
		"a part missing":          {"technical": right["technical"], "qualification": right["qualification"]},
		"a part too many":         {"price": right["price"], "technical": right["technical"], "qualification": right["qualification"], "owner": right["price"]},
		"parts exchanged":         {"price": right["technical"], "technical": right["price"], "qualification": right["qualification"]},
		"not base64":              {"price": "!", "technical": right["technical"], "qualification": right["qualification"]},
		"none":                    {},
	} {
		if err := release(parts); apperr.CodeOf(err) != "opening.part_mismatch" {
			t.Errorf("%s: %v", name, err)
		}
	}
	failed, err := c.Store.OfKind(ctx, l.Stream(), "decrypt.attempt_failed")
	c.Must(err)
	if len(failed) != 6 || failed[0].Text("reason") != "part_mismatch" {
		t.Errorf("%d failed attempts on the record", len(failed))
	}
	for _, g := range firms {
		c.Must(c.Release(g, l.ID))
	}
	c.Must(c.Openings.CloseWindow(ctx, actor.System(), l.ID))
	expect(t, outcomes(t, c, c.Openings, l), firms, opening.OutcomeOpened, "")
}

// falseHolder answers orders for one bid with partials of a key of its own.
type falseHolder struct {
	keystore.OpeningKeys
	digest string
	key    seal.PrivateKey
}

func (h falseHolder) Release(ctx context.Context, o keystore.Order) ([][]seal.Partial, error) {
	out, err := h.OpeningKeys.Release(ctx, o)
	if err != nil || o.Digest != h.digest || o.Stage != keystore.Contents {
		return out, err
	}
	for i, wrap := range o.Wraps {
		c1, err := seal.Capsule(wrap)
		if err != nil {
			return nil, err
		}
		point, proof, err := seal.ProvePartial(h.key, c1)
		if err != nil {
			return nil, err
		}
		out[i] = []seal.Partial{{Holder: "platform", Point: point, Proof: proof}}
	}
	return out, nil
}

func TestAttribution_FalsePartialIsItsHoldersCause(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.DecryptClosed)
	key, err := seal.GenerateKey()
	c.Must(err)
	s := opening.NewService(c.Store, c.Submissions, c.Keys, falseHolder{c.Keys, firms[0].Sealed.Digest, key}, c.Files)
	expect(t, outcomes(t, c, s, l), firms, opening.OutcomeWithdrawn, "holder")
}

// No part: the bidder's cause; but an outage in the window leaves it open, and
// one that was over before the window began does not.
func TestAttribution_NoPart(t *testing.T) {
	t.Parallel()
	for name, try := range map[string]struct {
		outageIn        opening.State
		outage          bool
		outcome, reason string
	}{
		"no outage":            {"", false, opening.OutcomeRevoked, "no_part"},
		"outage in the window": {opening.Decrypting, true, opening.OutcomeUndecided, "no_part_during_outage"},
		"outage before it":     {opening.Started, true, opening.OutcomeRevoked, "no_part"},
		"a pause, no outage":   {opening.Decrypting, false, opening.OutcomeRevoked, "no_part"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, l, firms := threeBids(t)
			fault := func(in opening.State) {
				if try.outageIn == in {
					c.Must(c.Openings.Pause(ctx, c.Agency, l.ID, "故障", try.outage))
					c.At(biddingtest.Deadline.Add(2 * time.Minute))
					c.Must(c.Openings.Resume(ctx, c.Agency, l.ID))
				}
			}
			c.To(l, nil, opening.Started)
			fault(opening.Started)
			for _, f := range firms {
				c.Must(c.Openings.CheckSeal(ctx, f.Actor, l.ID, c.Signed(f, l.ID, "check_seal", nil)))
			}
			c.Must(c.Openings.PublishRoster(ctx, c.Agency, l.ID))
			c.Must(c.Openings.StartDecrypt(ctx, c.Agency, l.ID))
			fault(opening.Decrypting)
			for _, f := range firms[1:] {
				c.Must(c.Release(f, l.ID))
			}
			c.At(biddingtest.Deadline.Add(time.Hour))
			c.Must(c.Openings.CloseWindow(ctx, actor.System(), l.ID))
			expect(t, outcomes(t, c, c.Openings, l), firms, try.outcome, try.reason)
		})
	}
}
