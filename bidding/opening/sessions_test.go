package opening_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
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

// fourEnvelopes is a published tender of two envelopes with four bids.
func fourEnvelopes(t *testing.T) (*biddingtest.City, *lot.Lot, []*biddingtest.Firm) {
	t.Helper()
	c := biddingtest.New(t)
	l := c.PublishedWith(biddingtest.TwoEnvelopes())
	firms := []*biddingtest.Firm{c.NewFirm("苏北建设集团有限公司"), c.NewFirm("运河建工集团有限公司"), c.NewFirm("华宇建筑工程有限公司"), c.NewFirm("洋河路桥工程有限公司")}
	for i, p := range []struct{ price, capital string }{{"45600000.00", "肆仟伍佰陆拾万元整"}, {"47800000.00", "肆仟柒佰捌拾万元整"},
		{"49900000.00", "肆仟玖佰玖拾万元整"}, {"44400000.00", "肆仟肆佰肆拾万元整"}} {
		c.Bid(firms[i], l, p.price, p.capital)
	}
	return c, l, firms
}

func look(c *biddingtest.City, l *lot.Lot) *opening.Snapshot {
	c.T.Helper()
	snap, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	return snap
}

// sound derives lot and opening from their events again.
func sound(c *biddingtest.City, l *lot.Lot) {
	c.T.Helper()
	events, err := c.Store.Since(ctx, l.Stream(), 0, 10_000)
	c.Must(err)
	now, err := c.Lots.Get(ctx, l.ID)
	c.Must(err)
	faults, err := opening.Audit(ctx, c.Store.DB(), now, events)
	c.Must(err)
	more, err := lot.Audit(ctx, c.Store.DB(), now, events)
	c.Must(err)
	for _, f := range append(faults, more...) {
		c.T.Error("audit: " + f)
	}
}

func lotState(c *biddingtest.City, l *lot.Lot) lot.State {
	c.T.Helper()
	now, err := c.Lots.Get(ctx, l.ID)
	c.Must(err)
	return now.State
}

func TestSessions_WholeProcedure(t *testing.T) {
	t.Parallel()
	c, l, firms := fourEnvelopes(t)
	c.Between(l, firms)
	first := look(c, l)
	if first.State != opening.BetweenSessions || first.Session != 1 || first.Sessions != 2 || first.Coefficient != nil || lotState(c, l) != lot.CutOff || len(first.Past) != 1 {
		t.Fatalf("after the first session: %+v, lot %s", first, lotState(c, l))
	}
	for _, r := range first.Table {
		if r.Outcome != opening.OutcomeOpened || r.Price != "" || r.Manager != "" || len(r.Flags) != 0 {
			t.Errorf("first envelope read as %+v", r)
		}
	}
	sound(c, l)
	c.ToSecond(l, firms, firms[:3], opening.Closed)
	sound(c, l)
	last := look(c, l)
	if last.State != opening.Closed || last.Session != 2 || last.Coefficient == nil || lotState(c, l) != lot.Opened || last.RecordDigest == first.RecordDigest {
		t.Fatalf("after the second session: %s, session %d, lot %s", last.State, last.Session, lotState(c, l))
	}
	for _, r := range last.Table {
		failed := r.Digest == firms[3].Sealed.Digest
		if failed != (r.Outcome == opening.OutcomeRejected) || failed != (r.Price == "") || (failed && !strings.Contains(r.Reason, "业绩")) {
			t.Errorf("second envelope read as %+v", r)
		}
	}
	frozen, err := c.Openings.SessionSnapshot(ctx, l.ID, 1)
	c.Must(err)
	if frozen.RecordDigest != first.RecordDigest || frozen.Bids[0].SealChecked == nil || frozen.Bids[0].Confirmed == nil || frozen.ClosedAt == nil {
		t.Errorf("the first session was not kept: %+v", frozen)
	}
	if _, err := c.Openings.SessionSnapshot(ctx, l.ID, 3); apperr.CodeOf(err) != "opening.no_session" {
		t.Errorf("a third session: %v", err)
	}
	var files []string
	c.Must(c.DB.Owner.Select(&files, `SELECT section FROM bid_file WHERE digest = $1 ORDER BY section`, firms[3].Sealed.Digest))
	if fmt.Sprint(files) != "[qualification technical]" {
		t.Errorf("files of the bid that did not pass: %v", files)
	}
}

// Every state of the second session, every command, every role.
func TestSessions_EveryStateCommandRoleOfTheSecond(t *testing.T) {
	t.Parallel()
	for _, state := range []opening.State{opening.LobbyOpen, opening.Started, opening.RosterPublished, opening.Decrypting, opening.DecryptClosed,
		opening.Imported, opening.Announcing, opening.ObjectionWindow, opening.RecordConfirming, opening.Closed} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			c, l, firms := fourEnvelopes(t)
			c.Between(l, firms)
			c.ToSecond(l, firms, firms[:3], state)
			everyCommand(t, c, l, firms[0], state)
			sound(c, l)
		})
	}
}

// order asks the key store for what the opening key gives of these sections.
func order(c *biddingtest.City, l *lot.Lot, f *biddingtest.Firm, stage keystore.Stage, sections ...string) error {
	o := keystore.Order{Lot: l.ID, Stage: stage, Digest: f.Sealed.Digest}
	for _, name := range sections {
		s, ok := f.Sealed.Header.Section(name)
		if !ok {
			c.T.Fatalf("no section %s", name)
		}
		o.Wraps = append(o.Wraps, s.WrapTender)
	}
	_, err := c.Keys.Release(ctx, o)
	return err
}

func refusedOrder(t *testing.T, when string, err error) {
	t.Helper()
	if apperr.CodeOf(err) != "keystore.not_permitted" {
		t.Errorf("%s: the key store answered %v", when, err)
	}
}

// In no state of the first session, nor between the sessions, does the key
// store give anything of a second envelope, alone or hidden among first ones;
// nor does the hall take its bidder's part.
func TestSecrecy_FirstSessionOpensNothingOfTheSecondEnvelope(t *testing.T) {
	t.Parallel()
	for _, state := range []opening.State{opening.Started, opening.RosterPublished, opening.Decrypting, opening.DecryptClosed, opening.Imported,
		opening.Announcing, opening.RecordConfirming, opening.BetweenSessions} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			c, l, firms := fourEnvelopes(t)
			if state == opening.BetweenSessions {
				c.Between(l, firms)
			} else {
				c.To(l, firms, state)
			}
			for _, stage := range []keystore.Stage{keystore.Owners, keystore.Contents} {
				refusedOrder(t, "price alone", order(c, l, firms[0], stage, "price"))
				refusedOrder(t, "price among the first", order(c, l, firms[0], stage, "qualification", "price"))
				refusedOrder(t, "price with the owner", order(c, l, firms[0], stage, seal.OwnerSection, "price"))
			}
			if opening.Step(state) > 3 { // control: the first envelope is open by now
				c.Must(order(c, l, firms[0], keystore.Contents, "qualification", "technical"))
			}
			if state == opening.Decrypting {
				partsOfTheSecondAreRefused(t, c, l, firms[0])
			}
		})
	}
}

func partsOfTheSecondAreRefused(t *testing.T, c *biddingtest.City, l *lot.Lot, f *biddingtest.Firm) {
	t.Helper()
	before := stateOf(t, c, l)
	parts := c.Parts(f)
	err := c.Openings.ReleasePart(ctx, f.Actor, l.ID, opening.ReleaseInput{Signed: c.Signed(f, l.ID, "release_part", map[string]any{"parts": parts}), Parts: parts})
	if apperr.CodeOf(err) != "opening.other_session" || stateOf(t, c, l) != before {
		t.Errorf("parts of both envelopes: %v", err)
	}
	price, _ := base64.RawURLEncoding.DecodeString(parts["price"])
	if got := found(everything(t, c), map[string][]byte{"the part": price}); len(got) != 0 {
		t.Errorf("a refused part was kept: %v", got)
	}
	c.Must(c.Release(f, l.ID))
}

// Whoever holds the database may write what he likes into bids and opening: the
// key store asks the evidence, and the header that the cut-off record fixed.
func TestSecrecy_TheDatabaseAloneOpensNoSecondEnvelope(t *testing.T) {
	t.Parallel()
	c, l, firms := fourEnvelopes(t)
	c.Between(l, firms)
	f := firms[0]
	var header string
	c.Must(c.DB.Owner.Get(&header, `SELECT convert_from(header, 'UTF8') FROM bid WHERE lot_id = $1 AND digest = $2`, l.ID, f.Sealed.Digest))
	renamed := strings.NewReplacer(`"name":"price"`, `"name":"technical"`, `"name":"technical"`, `"name":"price"`).Replace(header)
	if renamed == header {
		t.Fatal("the header was not changed")
	}
	tx := c.DB.Owner.MustBegin()
	tx.MustExec(`SET LOCAL session_replication_role = replica`) // no trigger of the record
	tx.MustExec(`UPDATE opening SET session = 2, state = 'decrypt_closed' WHERE lot_id = $1`, l.ID)
	tx.MustExec(`UPDATE bid SET review = 'passed', part_state = 'released' WHERE lot_id = $1`, l.ID)
	tx.MustExec(`UPDATE document SET body = convert_to(replace(convert_from(body, 'UTF8'), '"session":2', '"session":1'), 'UTF8') WHERE lot_id = $1`, l.ID)
	c.Must(tx.Commit())
	events, err := c.Store.Since(ctx, l.Stream(), 0, 10_000)
	c.Must(err)
	if faults, err := opening.Audit(ctx, c.Store.DB(), l, events); err != nil || len(faults) == 0 {
		t.Errorf("the audit finds %v, %v", faults, err)
	}
	refusedOrder(t, "rows rewritten", order(c, l, f, keystore.Contents, "price"))
	c.Must(order(c, l, f, keystore.Contents, "technical"))
	tx = c.DB.Owner.MustBegin()
	tx.MustExec(`SET LOCAL session_replication_role = replica`)
	tx.MustExec(`UPDATE bid SET header = convert_to($1, 'UTF8') WHERE lot_id = $2 AND digest = $3`, renamed, l.ID, f.Sealed.Digest)
	c.Must(tx.Commit())
	refusedOrder(t, "sections renamed", order(c, l, f, keystore.Contents, "price"))
	refusedOrder(t, "sections renamed, the other", order(c, l, f, keystore.Contents, "technical"))
}

// In the middle of the second window the parts of those who passed are there
// and open nothing; a bid that did not pass is never opened, not even after.
func TestSecrecy_SecondWindowAndBidsThatDidNotPass(t *testing.T) {
	t.Parallel()
	c, l, firms := fourEnvelopes(t)
	c.Between(l, firms)
	c.ToSecond(l, firms, firms[:3], opening.Decrypting)
	secrets := map[string][]byte{"first price": []byte("45600000"), "fourth price": []byte("44400000"), "capital": []byte("肆仟伍佰陆拾万元整"), "manager": []byte("李建国")}
	for _, f := range firms[:3] {
		c.Must(c.Release(f, l.ID))
		secrets[f.Actor.OrganisationName] = tenderParts(t, c, l, f)[f.Actor.OrganisationName+" price"]
		refusedOrder(t, "mid-window", order(c, l, f, keystore.Contents, "price"))
	}
	if got := found(everything(t, c), secrets); len(got) != 0 {
		t.Errorf("in mid-window of the second session these are found: %v", got)
	}
	last := firms[3]
	for what, err := range map[string]error{
		"release": c.Release(last, l.ID),
		"failure": c.Openings.ReportFailure(ctx, last.Actor, l.ID, opening.FailureInput{Signed: opening.Signed{Digest: last.Sealed.Digest}, Reason: "network"}),
	} {
		if apperr.CodeOf(err) != "opening.not_in_session" {
			t.Errorf("%s by one who did not pass: %v", what, err)
		}
	}
	c.Must(c.Openings.CloseWindow(ctx, c.Agency, l.ID))
	refusedOrder(t, "did not pass, window closed", order(c, l, last, keystore.Contents, "price"))
	c.Must(order(c, l, firms[0], keystore.Contents, "price"))
	outcomes(t, c, c.Openings, l)
	after := found(everything(t, c), map[string][]byte{"first price": []byte("45600000"), "fourth price": []byte("44400000"),
		"his tender part": tenderParts(t, c, l, last)[last.Actor.OrganisationName+" price"]})
	if !slices.Contains(after, "first price") || slices.Contains(after, "fourth price") || slices.Contains(after, "his tender part") {
		t.Errorf("after the reading these are found: %v", after)
	}
}

func TestSessions_ReviewAndNotice(t *testing.T) {
	t.Parallel()
	c, l, firms := fourEnvelopes(t)
	// One firm does not decrypt its first envelope: it is out for good.
	c.To(l, firms[:3], opening.Started)
	for _, f := range firms {
		c.Must(c.Openings.CheckSeal(ctx, f.Actor, l.ID, c.Signed(f, l.ID, "check_seal", nil)))
	}
	c.Must(c.Openings.PublishRoster(ctx, c.Agency, l.ID))
	c.Must(c.Openings.StartDecrypt(ctx, c.Agency, l.ID))
	for _, f := range firms[:3] {
		c.Must(c.Release(f, l.ID))
	}
	c.At(biddingtest.Deadline.Add(40 * time.Minute))
	c.Must(c.Openings.CloseWindow(ctx, c.Agency, l.ID))
	expect(t, outcomesOfFirst(t, c, l), []*biddingtest.Firm{firms[3]}, opening.OutcomeRevoked, "no_part")
	c.Must(c.Openings.OpenObjections(ctx, c.Agency, l.ID))
	c.At(biddingtest.Deadline.Add(2 * time.Hour))
	c.Must(c.Openings.StartConfirmation(ctx, c.Agency, l.ID))
	c.At(biddingtest.Deadline.Add(4 * time.Hour))
	due, err := c.Openings.Due(ctx)
	c.Must(err)
	if len(due) != 1 || due[0].Command != "close_first" {
		t.Fatalf("due: %+v", due)
	}
	_, err = c.Openings.Do(ctx, actor.System(), l.ID, "close", nil)
	wantCode(t, "close before the second session", err, "opening.second_to_come")
	_, err = c.Openings.Do(ctx, actor.System(), l.ID, due[0].Command, nil)
	c.Must(err)

	wantCode(t, "notice before the review", c.Openings.ScheduleSecond(ctx, c.Agency, l.ID, biddingtest.SecondDay), "opening.not_reviewed")
	wantCode(t, "a revoked bid reviewed", c.Review(l, firms, firms[:2]), "opening.review_unknown_bid")
	wantCode(t, "a bid left out", c.Review(l, firms[:2], firms[:2]), "opening.review_incomplete")
	wantCode(t, "a bid twice", c.Review(l, []*biddingtest.Firm{firms[0], firms[0], firms[1]}, firms[:2]), "opening.review_unknown_bid")
	wantCode(t, "no report", c.Openings.Review(ctx, c.Agency, l.ID, opening.ReviewInput{}), "opening.text")
	wantCode(t, "no reason", c.Openings.Review(ctx, c.Agency, l.ID, opening.ReviewInput{Report: "1", Failed: []opening.FailedReview{{Digest: firms[0].Sealed.Digest}}}), "opening.review_reason")
	wantCode(t, "report's digest", c.Openings.Review(ctx, c.Agency, l.ID, opening.ReviewInput{Report: "1", ReportDigest: "md5:1"}), "opening.report_digest")
	c.Must(c.Review(l, firms[:3], nil))
	wantCode(t, "second session though none passed", c.Openings.ScheduleSecond(ctx, c.Agency, l.ID, biddingtest.SecondDay), "opening.none_passed")
	c.Must(c.Review(l, firms[:3], firms[:2])) // corrected, and on the record again
	if r := look(c, l).Review; r == nil || r.Passed != 2 || r.Of != 3 || !r.Few {
		t.Errorf("review is shown as %+v", r)
	}
	wantCode(t, "cancelled though two passed", c.Openings.CancelSecond(ctx, c.Buyer, l.ID, "均未通过"), "opening.some_passed")
	wantCode(t, "in the past", c.Openings.ScheduleSecond(ctx, c.Agency, l.ID, biddingtest.Deadline), "opening.second_past")
	c.Must(c.Openings.ScheduleSecond(ctx, c.Agency, l.ID, biddingtest.SecondDay.AddDate(0, 0, 1)))
	c.Must(c.Openings.ScheduleSecond(ctx, c.Agency, l.ID, biddingtest.SecondDay)) // announced anew
	wantCode(t, "review after the notice", c.Review(l, firms[:3], firms[:3]), "opening.second_noticed")
	notices, err := c.Lots.Notices(ctx, l.ID)
	c.Must(err)
	if len(notices) != 3 || !strings.Contains(notices[2].Body, "2026年3月27日 09:30") {
		t.Errorf("notices: %+v", notices)
	}
	secondOfTwo(t, c, l, firms)
}

// secondOfTwo plays the second session with two bids left, by what is due.
func secondOfTwo(t *testing.T, c *biddingtest.City, l *lot.Lot, firms []*biddingtest.Firm) {
	t.Helper()
	c.At(biddingtest.SecondDay.Add(-opening.LobbyBefore - time.Minute))
	wantCode(t, "lobby too early", c.Openings.OpenLobby(ctx, actor.System(), l.ID), "opening.lobby_too_early")
	c.At(biddingtest.SecondDay.Add(-time.Minute))
	due, err := c.Openings.Due(ctx)
	c.Must(err)
	if len(due) != 1 || due[0].Command != "open_lobby" {
		t.Fatalf("due: %+v", due)
	}
	c.Must(c.Openings.OpenLobby(ctx, actor.System(), l.ID))
	wantCode(t, "start too early", c.Openings.Start(ctx, c.Agency, l.ID), "opening.second_too_early")
	if b := look(c, l).Bids; !slices.ContainsFunc(b, func(x opening.HallBid) bool { return x.Outcome == opening.OutcomeRevoked }) ||
		!slices.ContainsFunc(b, func(x opening.HallBid) bool { return x.Outcome == opening.OutcomeRejected }) {
		t.Errorf("bids of the second session: %+v", b)
	}
	c.At(biddingtest.SecondDay)
	c.Must(c.Openings.Start(ctx, c.Agency, l.ID))
	wantCode(t, "seal check of one who is out", c.Openings.CheckSeal(ctx, firms[3].Actor, l.ID, c.Signed(firms[3], l.ID, "check_seal", nil)), "opening.not_in_session")
	for _, f := range firms[:2] {
		c.Must(c.Openings.CheckSeal(ctx, f.Actor, l.ID, c.Signed(f, l.ID, "check_seal", nil)))
	}
	c.Must(c.Openings.Postpone(ctx, c.Agency, l.ID, "停电"))
	c.Must(c.Openings.Reconvene(ctx, c.Agency, l.ID, biddingtest.SecondDay.Add(time.Hour)))
	c.At(biddingtest.SecondDay.Add(time.Hour))
	c.Must(c.Openings.ReopenLobby(ctx, c.Agency, l.ID))
	c.Must(c.Openings.Start(ctx, c.Agency, l.ID))
	c.Must(c.Openings.PublishRoster(ctx, c.Agency, l.ID))
	c.Must(c.Openings.StartDecrypt(ctx, c.Agency, l.ID))
	for _, f := range firms[:2] {
		c.Must(c.Release(f, l.ID))
	}
	if due, err = c.Openings.Due(ctx); err != nil || len(due) != 1 || due[0].Command != "close_window" {
		t.Fatalf("due when both released: %+v, %v", due, err)
	}
	c.Must(c.Openings.CloseWindow(ctx, actor.System(), l.ID))
	got := outcomes(t, c, c.Openings, l)
	sound(c, l)
	if got[firms[0].Sealed.Digest].Price == "" || got[firms[2].Sealed.Digest].Outcome != opening.OutcomeRejected || got[firms[3].Sealed.Digest].Outcome != opening.OutcomeRevoked {
		t.Errorf("second session: %+v", got)
	}
}

// outcomesOfFirst is outcomes for a session without prices.
func outcomesOfFirst(t *testing.T, c *biddingtest.City, l *lot.Lot) map[string]opening.Reading {
	t.Helper()
	return outcomes(t, c, c.Openings, l)
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if e, ok := apperr.From(err); !ok || e.Code != code || !chinese(e.Detail) {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestSessions_NobodyPassed(t *testing.T) {
	t.Parallel()
	c, l, firms := fourEnvelopes(t)
	c.Between(l, firms)
	wantCode(t, "cancelled before the review", c.Openings.CancelSecond(ctx, c.Buyer, l.ID, "均未通过"), "opening.not_reviewed")
	c.Must(c.Review(l, firms, nil))
	c.Must(c.Openings.CancelSecond(ctx, c.Buyer, l.ID, "四家均未通过第一信封评审"))
	if s := look(c, l); s.State != opening.Closed || lotState(c, l) != lot.Failed || s.Coefficient != nil {
		t.Errorf("%s, lot %s", s.State, lotState(c, l))
	}
	sound(c, l)
	for _, f := range firms {
		refusedOrder(t, "none passed", order(c, l, f, keystore.Contents, "price"))
	}
	frozen, err := c.Openings.SessionSnapshot(ctx, l.ID, 1)
	c.Must(err)
	if frozen.State != opening.BetweenSessions || frozen.RecordDigest == "" {
		t.Errorf("first session: %+v", frozen)
	}
}

// breaking releases so many orders and then is struck down.
type breaking struct {
	keystore.OpeningKeys
	left atomic.Int32
}

func (b *breaking) Release(ctx context.Context, o keystore.Order) ([][]seal.Partial, error) {
	if b.left.Add(-1) < 0 {
		return nil, errors.New("killed")
	}
	return b.OpeningKeys.Release(ctx, o)
}

// An import of the prices that is struck down half way leaves nothing, and the
// next one does all of it.
func TestSessions_ImportIsSafeToKill(t *testing.T) {
	t.Parallel()
	c, l, firms := fourEnvelopes(t)
	c.Between(l, firms)
	c.ToSecond(l, firms, firms[:3], opening.DecryptClosed)
	before := stateOf(t, c, l)
	keys := &breaking{OpeningKeys: c.Keys}
	keys.left.Store(2)
	dying := opening.NewService(c.Store, c.Submissions, c.Keys, keys, c.Files)
	if err := dying.ImportBids(ctx, actor.System(), l.ID); err == nil || stateOf(t, c, l) != before {
		t.Fatalf("a killed import: %v", err)
	}
	got := outcomes(t, c, c.Openings, l)
	for _, f := range firms[:3] {
		if r := got[f.Sealed.Digest]; r.Outcome != opening.OutcomeOpened || r.Price == "" {
			t.Errorf("after the second try: %+v", r)
		}
	}
	var files int
	c.Must(c.DB.Owner.Get(&files, `SELECT count(*) FROM bid_file WHERE section = 'price'`))
	if files != 3 {
		t.Errorf("%d price files", files)
	}
	wantCode(t, "imported twice", c.Openings.ImportBids(ctx, actor.System(), l.ID), "opening.state")
}
