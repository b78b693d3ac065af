package opening_test

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/bidding/submission"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/seal"
)

// together runs the acts at once and returns their errors.
func together(acts ...func() error) []error {
	errs := make([]error, len(acts))
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for i, act := range acts {
		wg.Go(func() {
			<-gate
			errs[i] = act()
		})
	}
	close(gate)
	wg.Wait()
	return errs
}

// oneOf wants exactly one success, and from the others one of the codes.
func oneOf(t *testing.T, what string, errs []error, codes ...string) {
	t.Helper()
	done := 0
	for _, err := range errs {
		told := false
		for _, code := range codes {
			told = told || apperr.CodeOf(err) == code
		}
		switch {
		case err == nil:
			done++
		case !told:
			t.Errorf("%s: the other was told %v", what, err)
		}
	}
	if done != 1 {
		t.Errorf("%s was done %d times", what, done)
	}
}

func events(t *testing.T, c *biddingtest.City, l *lot.Lot, kind string) int {
	t.Helper()
	list, err := c.Store.OfKind(ctx, l.Stream(), kind)
	c.Must(err)
	return len(list)
}

// The buyer and the agency click at the same moment: one event, and the other is
// told how things stand.
func TestTogether_TwoHosts(t *testing.T) {
	t.Parallel()
	for from, try := range map[opening.State]struct {
		command, emit string
		input         string
	}{
		opening.RosterPublished: {"start_decrypt", "decrypt.window_started", ""},
		opening.Imported:        {"announce", "opening.announced", ""},
		opening.Announcing:      {"open_objections", "opening.objection_window_started", ""},
		opening.Decrypting:      {"pause", "opening.paused", `{"reason":"故障"}`},
		opening.Started:         {"postpone", "opening.postponed", `{"reason":"故障"}`},
	} {
		t.Run(try.command, func(t *testing.T) {
			t.Parallel()
			c, l, _ := bring(t, from)
			click := func(who actor.Actor) func() error {
				return func() error {
					_, err := c.Openings.Do(ctx, who, l.ID, try.command, json.RawMessage(try.input))
					return err
				}
			}
			oneOf(t, try.command, together(click(c.Buyer), click(c.Agency), click(c.Buyer), click(c.Agency)), "opening.state", "opening.paused")
			if n := events(t, c, l, try.emit); n != 1 {
				t.Errorf("%d events %s", n, try.emit)
			}
			checkStream(t, c, l.Stream())
		})
	}
}

func TestTogether_TwoHostsStart(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.LobbyOpen)
	c.At(biddingtest.Deadline)
	c.Must(c.Openings.RecordCutoff(ctx, actor.System(), l.ID))
	oneOf(t, "start", together(
		func() error { return c.Openings.Start(ctx, c.Buyer, l.ID) },
		func() error { return c.Openings.Start(ctx, c.Agency, l.ID) }), "opening.state")
	if n := events(t, c, l, "opening.started"); n != 1 {
		t.Errorf("%d events", n)
	}
}

// A command that arrives again, a moment or a while later, acts once.
func TestTogether_ACommandRepeatedActsOnce(t *testing.T) {
	t.Parallel()
	c, l, _ := bring(t, opening.Decrypting)
	remark := func(id string) func() error {
		who := c.Supervisor
		who.Request = id
		return func() error { return c.Openings.Remark(ctx, who, l.ID, "程序符合规定。") }
	}
	id := uuid.NewString()
	done := 0
	for _, err := range together(remark(id), remark(id), remark(id), remark(id), remark(id), remark(id)) {
		switch {
		case err == nil:
			done++
		case !errors.Is(err, opening.ErrRepeated):
			t.Error(err)
		}
	}
	if err := remark(id)(); !errors.Is(err, opening.ErrRepeated) {
		t.Errorf("a while later: %v", err)
	}
	if n := events(t, c, l, "supervisor.remarked"); done != 1 || n != 1 {
		t.Errorf("done %d times, %d events", done, n)
	}
	c.Must(remark(uuid.NewString())())
	// A refused act does not use its id up.
	who := c.Agency
	who.Request = uuid.NewString()
	if err := c.Openings.CloseWindow(ctx, who, l.ID); apperr.CodeOf(err) != "opening.window_running" {
		t.Fatalf("%v", err)
	}
	c.At(biddingtest.Deadline.Add(time.Hour))
	c.Must(c.Openings.CloseWindow(ctx, who, l.ID))
}

// Two servers notice at once what is due: one record, one import.
func TestTogether_TwoServers(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	other := opening.NewService(c.Store, submission.NewService(c.Store, c.Keys, c.Files), c.Keys, c.Keys, c.Files)
	c.To(l, firms, opening.LobbyOpen)
	c.At(biddingtest.Deadline)
	oneOf(t, "record_cutoff", together(
		func() error { return c.Openings.RecordCutoff(ctx, actor.System(), l.ID) },
		func() error { return other.RecordCutoff(ctx, actor.System(), l.ID) }), "opening.cut_off_already")
	if n := events(t, c, l, "cutoff.recorded"); n != 1 {
		t.Errorf("%d cut-off records", n)
	}
	c.Must(c.Openings.Start(ctx, c.Agency, l.ID))
	c.At(biddingtest.Deadline.Add(10 * time.Minute))
	c.Must(c.Openings.PublishRoster(ctx, c.Agency, l.ID))
	c.Must(c.Openings.StartDecrypt(ctx, c.Agency, l.ID))
	for _, err := range together(func() error { return c.Release(firms[0], l.ID) }, func() error { return c.Release(firms[1], l.ID) }, func() error { return c.Release(firms[2], l.ID) }) {
		c.Must(err)
	}
	c.Must(c.Openings.CloseWindow(ctx, actor.System(), l.ID))
	oneOf(t, "import_bids", together(
		func() error { return c.Openings.ImportBids(ctx, actor.System(), l.ID) },
		func() error { return other.ImportBids(ctx, actor.System(), l.ID) }), "opening.state")
	if n := events(t, c, l, "decrypt.completed"); n != 3 {
		t.Errorf("%d bids were completed", n)
	}
}

// Postponed in mid-window, reconvened, and gone on with to the end; what was
// released before is not asked for again.
func TestPostponed_ReconvenedAndClosed(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.Decrypting)
	c.Must(c.Release(firms[0], l.ID))
	c.Must(c.Openings.Postpone(ctx, c.Agency, l.ID, "市政务外网中断，无法恢复"))
	if err := c.Release(firms[1], l.ID); apperr.CodeOf(err) != "opening.state" {
		t.Errorf("released while postponed: %v", err)
	}
	s, _ := firms[0].Sealed.Header.Section(seal.OwnerSection)
	order := keystoreOrder(l.ID, firms[0].Sealed.Digest, s.WrapTender)
	order.Stage = "owners"
	if _, err := c.Keys.Release(ctx, order); apperr.CodeOf(err) != "keystore.not_permitted" {
		t.Errorf("the key store releases while postponed: %v", err)
	}
	again := biddingtest.Deadline.Add(24 * time.Hour)
	if err := c.Openings.Reconvene(ctx, c.Agency, l.ID, biddingtest.Deadline); apperr.CodeOf(err) != "opening.reconvene_past" {
		t.Errorf("reconvened in the past: %v", err)
	}
	c.Must(c.Openings.Reconvene(ctx, c.Agency, l.ID, again))
	if err := c.Openings.ReopenLobby(ctx, actor.System(), l.ID); apperr.CodeOf(err) != "opening.reconvened_too_early" {
		t.Errorf("reopened early: %v", err)
	}
	c.At(again)
	c.Must(c.Openings.ReopenLobby(ctx, actor.System(), l.ID))
	if err := c.Openings.RecordCutoff(ctx, actor.System(), l.ID); apperr.CodeOf(err) != "opening.cut_off_already" {
		t.Errorf("a second cut-off record: %v", err)
	}
	c.Must(c.Openings.Start(ctx, c.Agency, l.ID))
	c.Must(c.Openings.PublishRoster(ctx, c.Agency, l.ID)) // every seal was checked in the first session
	c.Must(c.Openings.StartDecrypt(ctx, c.Agency, l.ID))
	if err := c.Release(firms[0], l.ID); apperr.CodeOf(err) != "opening.part_released" {
		t.Errorf("asked again for what was released: %v", err)
	}
	c.Must(c.Release(firms[1], l.ID))
	c.Must(c.Release(firms[2], l.ID))
	c.Must(c.Openings.CloseWindow(ctx, c.Agency, l.ID))
	expect(t, outcomes(t, c, c.Openings, l), firms, opening.OutcomeOpened, "")
	c.Must(c.Openings.OpenObjections(ctx, c.Agency, l.ID))
	c.At(again.Add(time.Hour))
	c.Must(c.Openings.StartConfirmation(ctx, actor.System(), l.ID))
	c.At(again.Add(2 * time.Hour))
	c.Must(c.Openings.Close(ctx, actor.System(), l.ID))
	checkStream(t, c, l.Stream())
}

// A suspension stops the cut-off and the opening, and its time is given back.
func TestSuspended_NothingGoesOn(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	c.To(l, firms, opening.LobbyOpen)
	c.Must(c.Lots.Suspend(ctx, c.Supervisor, l.ID, lot.SuspendInput{Reason: "异议尚未答复", Order: "宿住建暂〔2026〕1号"}))
	c.At(biddingtest.Deadline)
	if err := c.Openings.RecordCutoff(ctx, actor.System(), l.ID); apperr.CodeOf(err) != "opening.suspended" {
		t.Fatalf("cut off: %v", err)
	}
	due, err := c.Openings.Due(ctx)
	c.Must(err)
	if len(due) != 0 {
		t.Errorf("due in a suspension: %v", due)
	}
	if err := c.Lots.Resume(ctx, c.Supervisor, l.ID); apperr.CodeOf(err) != "lot.after_deadline" {
		t.Errorf("resumed after the deadline without postponing it: %v", err)
	}
	deadline := biddingtest.Deadline.Add(48 * time.Hour)
	c.Must(c.Lots.PostponeDeadline(ctx, c.Agency, l.ID, deadline, "暂停期间顺延"))
	c.Must(c.Lots.Resume(ctx, c.Supervisor, l.ID))
	c.At(deadline)
	c.Must(c.Openings.RecordCutoff(ctx, actor.System(), l.ID))
	c.Must(c.Openings.Start(ctx, c.Agency, l.ID))
	for _, f := range firms {
		c.Must(c.Openings.CheckSeal(ctx, f.Actor, l.ID, c.Signed(f, l.ID, "check_seal", nil)))
	}
	c.Must(c.Openings.PublishRoster(ctx, c.Agency, l.ID))
	c.Must(c.Openings.StartDecrypt(ctx, c.Agency, l.ID))
	c.Must(c.Release(firms[0], l.ID))
	c.Must(c.Lots.Suspend(ctx, c.Buyer, l.ID, lot.SuspendInput{Reason: "行政监督部门责令暂停"}))
	if err := c.Release(firms[1], l.ID); apperr.CodeOf(err) != "opening.suspended" {
		t.Errorf("released in a suspension: %v", err)
	}
	c.At(deadline.Add(3 * time.Hour))
	if err := c.Openings.CloseWindow(ctx, actor.System(), l.ID); apperr.CodeOf(err) != "opening.suspended" {
		t.Errorf("the window closed in a suspension: %v", err)
	}
	c.Must(c.Lots.Resume(ctx, c.Buyer, l.ID))
	c.Must(c.Release(firms[1], l.ID)) // 30 minutes were left, and still are
	c.Must(c.Release(firms[2], l.ID))
	c.Must(c.Openings.CloseWindow(ctx, actor.System(), l.ID))
	expect(t, outcomes(t, c, c.Openings, l), firms, opening.OutcomeOpened, "")
}

// A receipt that the platform signed and that the record lacks stops the
// opening; a false one, one in the record, and a replaced one do not.
func TestMissingReceipt(t *testing.T) {
	t.Parallel()
	c, l, firms := threeBids(t)
	replaced := c.NewFirm("换标建设有限公司")
	c.Bid(replaced, l, "44000000.00", "肆仟肆佰万元整")
	old := replaced.Receipt
	c.Bid(replaced, l, "43000000.00", "肆仟叁佰万元整")
	lost := c.NewFirm("丢标建设有限公司")
	c.Bid(lost, l, "42000000.00", "肆仟贰佰万元整")
	// The platform loses an envelope, and this is on the record of nothing.
	if _, err := c.DB.Owner.Exec(`ALTER TABLE envelope DISABLE TRIGGER USER; DELETE FROM envelope WHERE digest = '` + lost.Sealed.Digest + `'; ALTER TABLE envelope ENABLE TRIGGER USER`); err != nil {
		t.Fatal(err)
	}
	elsewhere := c.NewFirm("他处建设有限公司")
	c.Bid(elsewhere, c.Published(), "41000000.00", "肆仟壹佰万元整")
	c.To(l, nil, opening.Started)
	for _, f := range append(firms, replaced) {
		c.Must(c.Openings.CheckSeal(ctx, f.Actor, l.ID, c.Signed(f, l.ID, "check_seal", nil)))
	}
	if err := c.Openings.CheckSeal(ctx, lost.Actor, l.ID, c.Signed(lost, l.ID, "check_seal", nil)); apperr.CodeOf(err) != "opening.bid_not_found" {
		t.Errorf("the lost bid was found: %v", err)
	}
	forged := lost.Receipt
	forged.Number = 2
	for name, try := range map[string]struct {
		receipt seal.Receipt
		code    string
	}{
		"forged": {forged, "opening.receipt_false"}, "another lot's": {elsewhere.Receipt, "opening.receipt_false"}, "none": {seal.Receipt{}, "opening.receipt_false"},
		"in the record": {firms[0].Receipt, "opening.receipt_not_missing"}, "replaced": {old, "opening.receipt_not_missing"},
	} {
		if err := c.Openings.ReportMissing(ctx, lost.Actor, l.ID, try.receipt); apperr.CodeOf(err) != try.code {
			t.Errorf("%s: %v, want %s", name, err, try.code)
		}
	}
	c.Must(c.Openings.ReportMissing(ctx, lost.Actor, l.ID, lost.Receipt))
	if err := c.Openings.PublishRoster(ctx, c.Agency, l.ID); apperr.CodeOf(err) != "opening.receipt_missing" {
		t.Fatalf("the roster was published: %v", err)
	}
	var named int
	c.Must(c.DB.Owner.Get(&named, `SELECT count(*) FROM bid WHERE organisation IS NOT NULL`))
	if named != 0 {
		t.Errorf("%d names are known", named)
	}
	c.Must(c.Openings.Postpone(ctx, c.Agency, l.ID, "有回执不在截止记录中，查明后复会"))
}
