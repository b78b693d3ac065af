package submission_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/submission"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/seal"
)

var ctx = context.Background()

const price, capital = "45600000.00", "肆仟伍佰陆拾万元整"

func code(t *testing.T, err error, want string) {
	t.Helper()
	if apperr.CodeOf(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func files(t *testing.T, c *biddingtest.City) int {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(c.Dir, "files"))
	c.Must(err)
	left, err := os.ReadDir(filepath.Join(c.Dir, "files", "partial"))
	c.Must(err)
	return len(list) - 1 + len(left)
}

func rejected(t *testing.T, c *biddingtest.City, l *lot.Lot, reason string) int {
	t.Helper()
	events, err := c.Store.OfKind(ctx, l.Stream(), "bid.reject_recorded")
	c.Must(err)
	n := 0
	for i := range events {
		if events[i].Text("reason") == reason {
			n++
		}
		if events[i].Text("actor.organisationName") != "" {
			t.Error("a refusal names the bidder")
		}
	}
	return n
}

func TestSubmit_ReceiptVerifiesAndOpensItsEvent(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
	c.Bid(f, l, price, capital)
	p := c.Keys.Platform()
	pub, _ := p.Ed25519.Public().(ed25519.PublicKey)
	c.Must(seal.VerifyReceipt(f.Receipt, pub, p.SM2.Public()))
	c.Must(f.Receipt.Covers(f.Sealed.Header, f.Sealed.Digest, f.Sealed.Size))
	forged := f.Receipt
	forged.Lot = "another"
	if seal.VerifyReceipt(forged, pub, p.SM2.Public()) == nil {
		t.Error("a changed receipt verifies")
	}
	events, err := c.Store.Since(ctx, f.Receipt.Event.Stream, 0, 10)
	c.Must(err)
	if len(events) != 1 || events[0].ID != f.Receipt.Event.ID || events[0].Verify() != nil {
		t.Errorf("the receipt's event: %+v", events)
	}
}

func TestSubmit_BegunAfterTheDeadlineIsRefused(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
	envelope := c.Seal(f, l, seal.KindBid, price, capital)
	c.At(biddingtest.Deadline)
	_, err := c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(envelope))
	code(t, err, "bid.late")
	if rejected(t, c, l, "late") != 1 || files(t, c) != 0 {
		t.Error("the late bid left no record, or a file")
	}
}

// crossing gives its last byte only after the deadline has passed.
type crossing struct {
	r     io.Reader
	left  int
	cross func()
	fail  bool
}

func (c *crossing) Read(p []byte) (int, error) {
	if c.left <= 1 && c.cross != nil {
		c.cross()
		c.cross = nil
		if c.fail {
			return 0, errors.New("the line broke")
		}
	}
	if len(p) > c.left-1 && c.left > 1 {
		p = p[:c.left-1]
	}
	n, err := c.r.Read(p)
	c.left -= n
	return n, err
}

func TestSubmit_UnfinishedAtTheDeadlineIsWithdrawn(t *testing.T) {
	t.Parallel()
	for _, fail := range []bool{false, true} {
		t.Run(fmt.Sprintf("line broke %v", fail), func(t *testing.T) {
			t.Parallel()
			c := biddingtest.New(t)
			l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
			envelope := c.Seal(f, l, seal.KindBid, price, capital)
			c.At(biddingtest.Deadline.Add(-time.Second))
			_, err := c.Submissions.Submit(ctx, f.Actor, &crossing{r: bytes.NewReader(envelope), left: len(envelope), cross: func() { c.At(biddingtest.Deadline) }, fail: fail})
			code(t, err, "bid.unfinished")
			if rejected(t, c, l, "unfinished") != 1 || files(t, c) != 0 {
				t.Error("no record of the withdrawal, or a file is left")
			}
		})
	}
}

func TestSubmit_InterruptedInTimeLeavesNothing(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
	envelope := c.Seal(f, l, seal.KindBid, price, capital)
	_, err := c.Submissions.Submit(ctx, f.Actor, &crossing{r: bytes.NewReader(envelope), left: len(envelope), cross: func() {}, fail: true})
	code(t, err, "bid.interrupted")
	if rejected(t, c, l, "unfinished") != 0 || files(t, c) != 0 {
		t.Error("something is left")
	}
	_, err = c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(envelope))
	c.Must(err)
}

func TestSubmit_Refusals(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := c.Published()
	f := c.NewFirm("苏北建设集团有限公司")
	envelope := c.Seal(f, l, seal.KindBid, price, capital)
	submit := func(who actor.Actor, body []byte) error {
		_, err := c.Submissions.Submit(ctx, who, bytes.NewReader(body))
		return err
	}
	stranger := f.Actor
	stranger.Certified = false
	code(t, submit(stranger, envelope), "bid.not_certified")
	code(t, submit(c.Agency, envelope), "bid.not_certified")
	code(t, submit(f.Actor, nil), "bid.malformed")
	code(t, submit(f.Actor, envelope[:100]), "bid.malformed")
	code(t, submit(f.Actor, envelope[:len(envelope)-1]), "bid.malformed")
	code(t, submit(f.Actor, bytes.Repeat([]byte("x"), 1<<20)), "bid.no_such_lot")
	other := *l
	key, err := seal.GenerateKey()
	c.Must(err)
	text := key.Public().Text()
	other.OpeningKey = &text
	code(t, submit(f.Actor, c.Seal(c.NewFirm("别家建设有限公司"), &other, seal.KindBid, price, capital)), "bid.not_current_document")
	later := *l
	at := l.BidDeadline.Add(time.Hour)
	later.BidDeadline = &at
	code(t, submit(f.Actor, c.Seal(c.NewFirm("晚到建设有限公司"), &later, seal.KindBid, price, capital)), "bid.wrong_deadline")
	c.Must(c.Lots.Suspend(ctx, c.Agency, l.ID, lot.SuspendInput{Reason: "异议尚未答复"}))
	code(t, submit(f.Actor, envelope), "bid.suspended")
	c.Must(c.Lots.Resume(ctx, c.Agency, l.ID))
	first, err := c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(envelope))
	c.Must(err)
	again, err := c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(envelope))
	if err != nil || again.SignatureSM2 != first.SignatureSM2 {
		t.Errorf("an answer that was lost is not given again: %v", err)
	}
	elsewhere := submission.NewService(c.Store, c.Keys, c.Files)
	_, err = elsewhere.Submit(ctx, f.Actor, bytes.NewReader(envelope))
	code(t, err, "bid.already_received")
	if files(t, c) != 1 {
		t.Errorf("%d files for one bid", files(t, c))
	}
}

func TestSubmit_ReplacementAndWithdrawal(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := c.Published()
	f, g, h := c.NewFirm("苏北建设集团有限公司"), c.NewFirm("运河建工集团有限公司"), c.NewFirm("华宇建筑工程有限公司")
	c.Bid(f, l, price, capital)
	first := f.Sealed
	c.Bid(f, l, "44000000.00", "肆仟肆佰万元整")
	// A second envelope of the same number, sealed against the first.
	f.Sealed, f.Number = first, 1
	_, err := c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(c.Seal(f, l, seal.KindBid, "43000000.00", "肆仟叁佰万元整")))
	code(t, err, "bid.not_newest")
	// A thief who knows the digest and has another key.
	c.Bid(g, l, price, capital)
	thief := c.NewFirm("冒名建设有限公司")
	thief.Sealed, thief.Number = g.Sealed, 1
	_, err = c.Submissions.Submit(ctx, thief.Actor, bytes.NewReader(c.Seal(thief, l, seal.KindWithdrawal, "", "")))
	code(t, err, "bid.bad_replacement")
	c.Bid(h, l, price, capital)
	_, err = c.Submissions.Submit(ctx, h.Actor, bytes.NewReader(c.Seal(h, l, seal.KindWithdrawal, "", "")))
	c.Must(err)
	c.To(l, nil, "lobby_open")
	c.At(biddingtest.Deadline)
	c.Must(c.Openings.RecordCutoff(ctx, actor.System(), l.ID))
	record, err := c.Openings.Cutoff(ctx, l.ID)
	c.Must(err)
	if record.Count != 2 || record.Rows[0].Number+record.Rows[1].Number != 3 {
		t.Errorf("%+v", record)
	}
}

// Submissions race with the cut-off: whoever has a receipt is in the record, and
// nobody else is.
func TestSubmit_AgainstTheCutoff(t *testing.T) {
	t.Parallel()
	const rush = 32
	for round := range 3 {
		c := biddingtest.New(t)
		l := c.Published()
		firms, envelopes := make([]*biddingtest.Firm, rush), make([][]byte, rush)
		for i := range firms {
			firms[i] = c.NewFirm(fmt.Sprintf("第%d建设有限公司", i))
			envelopes[i] = c.Seal(firms[i], l, seal.KindBid, price, capital)
		}
		c.To(l, nil, "lobby_open")
		c.At(biddingtest.Deadline.Add(-time.Second))
		var wg sync.WaitGroup
		var mu sync.Mutex
		var receipts []string
		for i, f := range firms {
			wg.Go(func() {
				r, err := c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(envelopes[i]))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					receipts = append(receipts, r.Digest)
				} else if k := apperr.CodeOf(err); k != "bid.late" && k != "bid.unfinished" {
					t.Errorf("%v", err)
				}
			})
		}
		wg.Go(func() {
			c.At(biddingtest.Deadline)
			if err := c.Openings.RecordCutoff(ctx, actor.System(), l.ID); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		record, err := c.Openings.Cutoff(ctx, l.ID)
		c.Must(err)
		var recorded []string
		for _, row := range record.Rows {
			recorded = append(recorded, row.Digest)
		}
		slices.Sort(receipts)
		if !slices.Equal(recorded, receipts) {
			t.Errorf("round %d: %d receipts, %d in the record", round, len(receipts), len(recorded))
		}
	}
}
