package opening_test

import (
	"context"
	"encoding/base64"
	"testing"
	"time"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
	"jianbiao/internal/seal"
)

var ctx = context.Background()

func threeBids(t *testing.T) (*biddingtest.City, *lot.Lot, []*biddingtest.Firm) {
	t.Helper()
	c := biddingtest.New(t)
	l := c.Published()
	firms := []*biddingtest.Firm{c.NewFirm("苏北建设集团有限公司"), c.NewFirm("运河建工集团有限公司"), c.NewFirm("华宇建筑工程有限公司")}
	for i, p := range []struct{ price, capital string }{{"45600000.00", "肆仟伍佰陆拾万元整"}, {"47800000.00", "肆仟柒佰捌拾万元整"}, {"52000000.00", "伍仟贰佰万元整"}} {
		c.Bid(firms[i], l, p.price, p.capital)
	}
	return c, l, firms
}

func TestOpening_WholeProcedure(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.Closed)
	snap, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	if snap.State != opening.Closed || len(snap.Table) != 3 || snap.Coefficient == nil {
		t.Fatalf("state %s, %d rows, coefficient %v", snap.State, len(snap.Table), snap.Coefficient)
	}
	prices := map[string]string{}
	for _, r := range snap.Table {
		prices[r.Organisation] = r.Price
		if r.Outcome != opening.OutcomeOpened {
			t.Errorf("%s: %s %s", r.Organisation, r.Outcome, r.Reason)
		}
		over := len(r.Flags) == 1 && r.Flags[0] == "over_ceiling"
		if want := r.Price == "52000000.00"; over != want || (!want && len(r.Flags) != 0) {
			t.Errorf("%s at %s has flags %v", r.Organisation, r.Price, r.Flags)
		}
	}
	if prices["苏北建设集团有限公司"] != "45600000.00" {
		t.Errorf("prices: %v", prices)
	}
	checkStream(t, c, l.Stream())
	got, err := c.Lots.Get(ctx, l.ID)
	c.Must(err)
	if got.State != lot.Opened {
		t.Errorf("lot is %s", got.State)
	}
}

// checkStream re-derives every event of a stream and looks for gaps.
func checkStream(t *testing.T, c *biddingtest.City, stream string) {
	t.Helper()
	events, err := c.Store.Since(ctx, stream, 0, 10_000)
	c.Must(err)
	kinds := evidence.NewDictionary(lot.Kinds(), opening.Kinds())
	for i := range events {
		e := &events[i]
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has seq %d", i+1, e.Seq)
		}
		if err := e.Verify(); err != nil {
			t.Error(err)
		}
		if _, ok := kinds[e.Kind]; !ok && e.Kind != "bid.reject_recorded" {
			t.Errorf("kind %s is not in the dictionary", e.Kind)
		}
	}
}

func TestOpening_FewerThanThreeOpensNothing(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := c.Published()
	for _, name := range []string{"苏北建设集团有限公司", "运河建工集团有限公司"} {
		c.Bid(c.NewFirm(name), l, "45600000.00", "肆仟伍佰陆拾万元整")
	}
	c.To(l, nil, opening.LobbyOpen)
	c.At(biddingtest.Deadline)
	c.Must(c.Openings.RecordCutoff(ctx, actor.System(), l.ID))
	if err := c.Openings.Start(ctx, c.Agency, l.ID); apperr.CodeOf(err) != "opening.too_few_bidders" {
		t.Fatalf("start: %v", err)
	}
	c.Must(c.Openings.AbortLt3(ctx, actor.System(), l.ID))
	snap, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	if snap.State != opening.AbortedLt3 || snap.Cutoff.Count != 2 {
		t.Fatalf("%s with %d", snap.State, snap.Cutoff.Count)
	}
	for _, b := range snap.Bids {
		if b.Organisation != "" || b.USCC != "" {
			t.Errorf("a name is shown: %+v", b)
		}
	}
	var named int
	c.Must(c.DB.Owner.Get(&named, `SELECT count(*) FROM bid WHERE organisation IS NOT NULL OR owner IS NOT NULL`))
	if named != 0 {
		t.Errorf("%d owners were opened", named)
	}
}

func TestOpening_WhoDoesNotReleaseIsRevokedAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.Decrypting)
	c.Must(c.Release(firms[0], l.ID))
	c.Must(c.Release(firms[1], l.ID))
	c.Must(c.Openings.ReportFailure(ctx, firms[2].Actor, l.ID, opening.FailureInput{Signed: opening.Signed{Digest: firms[2].Sealed.Digest}, Reason: "key_missing"}))
	if err := c.Openings.CloseWindow(ctx, actor.System(), l.ID); apperr.CodeOf(err) != "opening.window_running" {
		t.Fatalf("the window closed early: %v", err)
	}
	c.At(biddingtest.Deadline.Add(30 * time.Minute))
	if err := c.Release(firms[2], l.ID); apperr.CodeOf(err) != "opening.window_over" {
		t.Fatalf("released after the window: %v", err)
	}
	c.Must(c.Openings.CloseWindow(ctx, actor.System(), l.ID))
	c.Must(c.Openings.ImportBids(ctx, actor.System(), l.ID))
	c.Must(c.Openings.Announce(ctx, c.Buyer, l.ID))
	snap, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	outcome := map[string]string{}
	for _, r := range snap.Table {
		outcome[r.Organisation] = r.Outcome
	}
	if outcome["华宇建筑工程有限公司"] != opening.OutcomeRevoked || outcome["苏北建设集团有限公司"] != opening.OutcomeOpened {
		t.Errorf("%v", outcome)
	}
}

func TestOpening_AnOutageInTheWindowLeavesItToTheBuyer(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.Decrypting)
	c.Must(c.Openings.Pause(ctx, c.Agency, l.ID, "市政务外网中断", true))
	if err := c.Release(firms[0], l.ID); apperr.CodeOf(err) != "opening.paused" {
		t.Fatalf("released in a pause: %v", err)
	}
	c.At(biddingtest.Deadline.Add(20 * time.Minute))
	c.Must(c.Openings.Resume(ctx, c.Agency, l.ID))
	c.Must(c.Release(firms[0], l.ID))
	c.Must(c.Release(firms[1], l.ID))
	c.At(biddingtest.Deadline.Add(40 * time.Minute))
	if err := c.Openings.CloseWindow(ctx, actor.System(), l.ID); apperr.CodeOf(err) != "opening.window_running" {
		t.Fatalf("the pause did not extend the window: %v", err)
	}
	c.At(biddingtest.Deadline.Add(50 * time.Minute))
	c.Must(c.Openings.CloseWindow(ctx, actor.System(), l.ID))
	c.Must(c.Openings.ImportBids(ctx, actor.System(), l.ID))
	c.Must(c.Openings.Announce(ctx, c.Agency, l.ID))
	c.Must(c.Openings.OpenObjections(ctx, c.Agency, l.ID))
	c.At(biddingtest.Deadline.Add(70 * time.Minute))
	if err := c.Openings.StartConfirmation(ctx, actor.System(), l.ID); apperr.CodeOf(err) != "opening.undecided" {
		t.Fatalf("a record with an undecided bid is to be confirmed: %v", err)
	}
	decide := func(who actor.Actor) error {
		return c.Openings.DecideBid(ctx, who, l.ID, firms[2].Sealed.Digest, opening.OutcomeWithdrawn, "中断期间该公司无法连接")
	}
	if err := decide(c.Agency); apperr.CodeOf(err) != "opening.buyer_only" {
		t.Fatalf("the agency decided: %v", err)
	}
	c.Must(decide(c.Buyer))
	c.Must(c.Openings.StartConfirmation(ctx, actor.System(), l.ID))
	c.At(biddingtest.Deadline.Add(90 * time.Minute))
	c.Must(c.Openings.Close(ctx, actor.System(), l.ID))
}

func TestOpening_ObjectionIsAnsweredBeforeTheEnd(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.ObjectionWindow)
	const words = "对一览表第 2 行的工期有异议。"
	id, err := c.Openings.RaiseObjection(ctx, firms[0].Actor, l.ID, opening.ObjectionInput{
		Signed: c.Signed(firms[0], l.ID, "raise_objection", map[string]any{"text": words}), Text: words})
	c.Must(err)
	c.At(biddingtest.Deadline.Add(time.Hour))
	if err := c.Openings.StartConfirmation(ctx, c.Agency, l.ID); apperr.CodeOf(err) != "opening.unanswered_objection" {
		t.Fatalf("confirmation started: %v", err)
	}
	c.Must(c.Openings.AnswerObjection(ctx, c.Agency, l.ID, id, "工期以投标函为准，已核对无误。"))
	if err := c.Openings.AnswerObjection(ctx, c.Agency, l.ID, id, "再答一次"); apperr.CodeOf(err) != "opening.objection_not_found" {
		t.Fatalf("answered twice: %v", err)
	}
	c.Must(c.Openings.StartConfirmation(ctx, c.Agency, l.ID))
}

func TestOpening_RefusesFalseParts(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.Decrypting)
	foreign := c.Parts(firms[1])
	err := c.Openings.ReleasePart(ctx, firms[0].Actor, l.ID, opening.ReleaseInput{
		Signed: c.Signed(firms[0], l.ID, "release_part", map[string]any{"parts": foreign}), Parts: foreign})
	if apperr.CodeOf(err) != "opening.part_mismatch" {
		t.Fatalf("foreign parts: %v", err)
	}
	stolen := c.Parts(firms[0])
	err = c.Openings.ReleasePart(ctx, firms[1].Actor, l.ID, opening.ReleaseInput{
		Signed: opening.Signed{Digest: firms[0].Sealed.Digest, Signature: c.Signed(firms[1], l.ID, "release_part", map[string]any{"parts": stolen}).Signature}, Parts: stolen})
	if apperr.CodeOf(err) != "opening.bad_signature" {
		t.Fatalf("another firm's signature: %v", err)
	}
	c.Must(c.Release(firms[0], l.ID))
	if err := c.Release(firms[0], l.ID); apperr.CodeOf(err) != "opening.part_released" {
		t.Fatalf("released twice: %v", err)
	}
	snap, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	for _, b := range snap.Bids {
		if b.Digest == firms[0].Sealed.Digest && b.Part.Attempts != 2 {
			t.Errorf("attempts: %d", b.Part.Attempts)
		}
	}
}

// With every part in the database in mid-window, nothing that is stored, and no
// service, gives a price: the opening key is not used before the window closes.
func TestOpening_NoPriceInMidWindow(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.Decrypting)
	for _, f := range firms {
		c.Must(c.Release(f, l.ID))
	}
	if err := c.Openings.ImportBids(ctx, actor.System(), l.ID); err == nil {
		t.Fatal("imported in mid-window")
	}
	h := firms[0].Sealed.Header
	s, _ := h.Section("price")
	if _, err := c.Keys.Release(ctx, keystoreOrder(l.ID, firms[0].Sealed.Digest, s.WrapTender)); apperr.CodeOf(err) != "keystore.not_permitted" {
		t.Fatalf("the key store released a content part: %v", err)
	}
	part, _ := base64.RawURLEncoding.DecodeString(c.Parts(firms[0])["price"])
	f, err := c.Files.Open(ctx, envelopeOf(t, c, firms[0].Sealed.Digest))
	c.Must(err)
	defer func() { _ = f.Close() }()
	if _, err := seal.OpenForm(f, h, "price", part, part); err == nil {
		t.Fatal("the bidder's part alone opened the price")
	}
	snap, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	if len(snap.Table) != 0 || snap.Coefficient != nil {
		t.Error("the hall shows a table in mid-window")
	}
}

func envelopeOf(t *testing.T, c *biddingtest.City, digest string) string {
	t.Helper()
	var id string
	c.Must(c.DB.Owner.Get(&id, `SELECT envelope_id FROM bid WHERE digest = $1`, digest))
	return id
}
