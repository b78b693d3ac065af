package lot_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/seal"
)

const (
	price   = "45600000.00"
	capital = "肆仟伍佰陆拾万元整"
)

// day is an hour of March 2026 in Beijing.
func day(d, hour int) time.Time {
	return biddingtest.Start.AddDate(0, 0, d-2).Add(time.Duration(hour-9) * time.Hour)
}

func at(t time.Time) *time.Time { return &t }

// Of a question the database keeps the text and the day; neither row nor event
// joins it with the firm, and only the firm itself is told that it is its own.
func TestAsk_NobodyIsToldWhoAsked(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, asker, other := c.Published(), c.NewFirm("苏北建设集团有限公司"), c.NewFirm("运河建工集团有限公司")
	q, err := c.Lots.Ask(ctx, asker.Actor, l.ID, " 工期是否包含法定节假日？ ")
	c.Must(err)
	if !q.Mine || q.Text != "工期是否包含法定节假日？" {
		t.Errorf("%+v", q)
	}
	for name, try := range map[string]struct {
		who  actor.Actor
		open int
		mine bool
	}{
		"the host": {c.Agency, 1, false}, "the buyer": {c.Buyer, 1, false}, "the supervisor": {c.Supervisor, 1, false},
		"who asked": {asker.Actor, 1, true}, "another bidder": {other.Actor, 0, false}, "the public": {actor.Anyone(), 0, false},
	} {
		list, err := c.Lots.Questions(ctx, try.who, l.ID)
		c.Must(err)
		if len(list) != try.open || try.open == 1 && list[0].Mine != try.mine {
			t.Errorf("%s reads %+v", name, list)
		}
	}
	var rows []string
	c.Must(c.DB.Owner.Select(&rows, `SELECT CAST(to_jsonb(x) AS text) FROM question x UNION ALL
		SELECT CAST(to_jsonb(e) AS text) || COALESCE((SELECT string_agg(convert_from(o.value, 'UTF8'), ' ') FROM event_opening o WHERE o.event_id = e.id), '')
		FROM event e WHERE stream = $1`, "question/"+q.ID))
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		for _, secret := range []string{asker.Actor.OrganisationID, asker.Actor.OrganisationName, asker.Actor.PersonID, asker.Actor.USCC} {
			if strings.Contains(r, secret) {
				t.Errorf("%q is in %s", secret, r)
			}
		}
	}
	again, err := c.Lots.Ask(ctx, asker.Actor, l.ID, "保证金可否用保函？")
	c.Must(err)
	doc, err := c.Lots.Clarify(ctx, c.Agency, l.ID, lot.ClarifyInput{Answers: []lot.ClarifyAnswer{{Question: q.ID, Answer: "包含。"}}})
	c.Must(err)
	if !bytes.Contains(doc.Body, []byte("包含。")) || !bytes.Contains(doc.Body, []byte(q.Text)) || doc.Version != 2 {
		t.Errorf("version %d: %s", doc.Version, doc.Body)
	}
	list, err := c.Lots.Questions(ctx, actor.Anyone(), l.ID)
	c.Must(err)
	if len(list) != 1 || *list[0].Answer != "包含。" || *list[0].Answered != 2 || list[0].Mine {
		t.Errorf("the public reads %+v", list)
	}
	_, err = c.Lots.Clarify(ctx, c.Agency, l.ID, lot.ClarifyInput{Answers: []lot.ClarifyAnswer{{Question: q.ID, Answer: "不包含。"}}})
	want(t, "answered twice", err, "lot.question_answered")
	_, err = c.Lots.Clarify(ctx, c.Agency, l.ID, lot.ClarifyInput{Answers: []lot.ClarifyAnswer{{again.ID, "可以。"}, {again.ID, "可以。"}}})
	want(t, "answered twice at once", err, "lot.question_answered")
	open, err := c.Lots.Matters(ctx, c.Agency)
	c.Must(err)
	if len(open) != 1 || open[0].Kind != "question" || open[0].Text != again.Text {
		t.Errorf("open: %+v", open)
	}
}

func TestAsk_Refusals(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
	ask := func(who actor.Actor, text string) error { _, err := c.Lots.Ask(ctx, who, l.ID, text); return err }
	uncertified := f.Actor
	uncertified.Certified = false
	want(t, "uncertified", ask(uncertified, "？"), "question.not_certified")
	want(t, "by the host", ask(c.Agency, "？"), "question.not_certified")
	want(t, "empty", ask(f.Actor, " "), "question.invalid")
	want(t, "endless", ask(f.Actor, strings.Repeat("长", 2001)), "question.invalid")
	want(t, "with his name", ask(f.Actor, "苏北建设集团有限公司想知道工期"), "question.names_asker", "第二十二条")
	want(t, "with his code", ask(f.Actor, "我司"+strings.ToLower(f.Actor.USCC)), "question.names_asker")
	for i := range 50 {
		c.Must(ask(f.Actor, fmt.Sprintf("第 %d 个问题", i)))
	}
	want(t, "51", ask(f.Actor, "第 51 个问题"), "question.too_many")
	c.Must(ask(c.NewFirm("运河建工集团有限公司").Actor, "另一家的问题"))
	c.At(biddingtest.Deadline)
	want(t, "after the deadline", ask(c.NewFirm("项王建设有限公司").Actor, "？"), "lot.after_deadline")
	draft := written(t, c, true)
	_, err := c.Lots.Ask(ctx, f.Actor, draft.ID, "？")
	want(t, "a draft", err, "lot.not_found")
	_, err = c.Lots.Questions(ctx, f.Actor, draft.ID)
	want(t, "a draft's", err, "lot.not_found")
}

// Fifteen days lie between a clarification that affects bids and the deadline
// (招标投标法 23; R11-1). One that comes later is refused with the earliest
// lawful deadline, and that deadline is taken.
func TestClarify_FifteenDays(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	give := func(l *lot.Lot, affects bool, to *time.Time) error {
		_, err := c.Lots.Clarify(ctx, c.Agency, l.ID, lot.ClarifyInput{Changes: "第三章技术要求有修改", Affects: affects, To: to})
		return err
	}
	l, second := c.Published(), c.Published()
	c.At(day(9, 23))
	c.Must(give(l, true, nil)) // the 24th is the fifteenth day
	c.At(day(10, 0))
	c.Must(give(second, false, nil))
	before := heads(c, second)
	e, _ := apperr.From(give(second, true, nil))
	want(t, "fourteen days", e, "lot.clarification_too_late", "15 日", "2026年3月25日（星期三）09:30", "《中华人民共和国招标投标法》第二十三条")
	if e.Fields["earliest"] != "2026-03-25T09:30:00+08:00" || e.Fields["to"] == "" {
		t.Errorf("%+v", e.Fields)
	}
	want(t, "not far enough", give(second, true, at(day(24, 17))), "lot.clarification_too_late")
	want(t, "earlier", give(second, true, at(day(23, 9))), "lot.not_later")
	want(t, "by the supervisor", func() error {
		_, err := c.Lots.Clarify(ctx, c.Supervisor, second.ID, lot.ClarifyInput{Changes: "x"})
		return err
	}(), "lot.role")
	if after := heads(c, second); after != before {
		t.Error("a refused clarification left something")
	}
	earliest, err := time.Parse(time.RFC3339, e.Fields["earliest"])
	c.Must(err)
	plan, err := c.Lots.PlanClarification(ctx, c.Agency, second.ID, true, nil)
	c.Must(err)
	if plan.OK || plan.Refusal.Code != "lot.clarification_too_late" || !plan.Earliest.Equal(earliest) || plan.Rule != "R11-1" {
		t.Errorf("%+v", plan)
	}
	plan, err = c.Lots.PlanClarification(ctx, c.Agency, second.ID, true, &earliest)
	c.Must(err)
	if !plan.OK || slices.ContainsFunc(plan.Checks, func(k lot.PeriodCheck) bool { return !k.OK }) || plan.Raise.Date.String() != "2026-03-15" {
		t.Errorf("%+v", plan)
	}
	c.Must(give(second, true, &earliest))
	moved(t, c, second, earliest)
}

// moved looks at what a clarification that moved the deadline leaves.
func moved(t *testing.T, c *biddingtest.City, l *lot.Lot, to time.Time) {
	t.Helper()
	now, err := c.Lots.Get(ctx, l.ID)
	c.Must(err)
	var scheduled time.Time
	c.Must(c.DB.Owner.Get(&scheduled, `SELECT scheduled_at FROM opening WHERE lot_id = $1`, l.ID))
	if now.DocumentVersion != 3 || !now.BidDeadline.Equal(to) || !scheduled.Equal(to) {
		t.Errorf("version %d, deadline %s, opening %s", now.DocumentVersion, now.BidDeadline, scheduled)
	}
	notices, err := c.Lots.Notices(ctx, l.ID)
	c.Must(err)
	last := notices[len(notices)-1]
	if len(notices) != 3 || last.Number != 3 || last.Kind != "clarification" || !strings.Contains(last.Body, "由2026年3月24日（星期二）09:30推迟到2026年3月25日（星期三）09:30") {
		t.Errorf("%+v", last)
	}
	checks, err := c.Lots.Checks(ctx, l.ID)
	c.Must(err)
	var found []string
	for _, k := range checks {
		found = append(found, fmt.Sprintf("%s %s v%d %s %v", k.Cause, k.Rule, k.Version, k.Until.In(biddingtest.Start.Location()).Format("01-02"), k.OK))
	}
	if !slices.Equal(found, []string{"clarify R08-1 v2 03-08 true", "clarify R09-1 v2 03-24 true", "clarify R08-1 v3 03-08 true", "clarify R09-1 v3 03-25 true",
		"clarify R11-1 v3 03-25 true", "publish R08-1 v1 03-08 true", "publish R09-1 v1 03-24 true"}) {
		t.Errorf("checks:\n%s", strings.Join(found, "\n"))
	}
	events, err := c.Store.OfKind(ctx, l.Stream(), "tender.clarified", "lot.deadline_postponed", "period.checked")
	c.Must(err)
	if len(events) != 6 || events[3].Kind != "tender.clarified" || events[3].Text("noticeDigest") != last.Digest || events[4].Text("to") != "2026-03-25T09:30:00+08:00" {
		t.Errorf("%d events", len(events))
	}
	versions, err := c.Lots.Versions(ctx, l.ID)
	c.Must(err)
	if len(versions) != 3 || versions[1].Affects || !versions[2].Affects || versions[2].Changes != "第三章技术要求有修改" {
		t.Errorf("%+v", versions)
	}
}

// A clarification says truly whether it affects bids, and what it changes.
func TestClarify_Refusals(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := c.Published()
	give := func(in lot.ClarifyInput) error { _, err := c.Lots.Clarify(ctx, c.Agency, l.ID, in); return err }
	cheaper, longer, wrong := biddingtest.Params(), biddingtest.Params(), biddingtest.Params()
	cheaper.PriceCeiling, longer.DecryptMinutes, wrong.Quality = "47000000.00", 60, ""
	dear := biddingtest.Params()
	dear.Deposit.Amount = "960000.01"
	want(t, "nothing", give(lot.ClarifyInput{}), "lot.clarification_invalid")
	want(t, "parameters without a word", give(lot.ClarifyInput{Params: &cheaper, Affects: true}), "lot.clarification_invalid")
	want(t, "an empty answer", give(lot.ClarifyInput{Answers: []lot.ClarifyAnswer{{uuid.NewString(), " "}}}), "lot.clarification_invalid")
	want(t, "an answer to nothing", give(lot.ClarifyInput{Answers: []lot.ClarifyAnswer{{uuid.NewString(), "是"}}}), "lot.question_answered")
	want(t, "bad parameters", give(lot.ClarifyInput{Changes: "x", Params: &wrong, Affects: true}), "document.invalid")
	want(t, "a deposit above 2 %", give(lot.ClarifyInput{Changes: "x", Params: &dear, Affects: true}), "rule.ratio_max")
	want(t, "a ceiling that is said to affect nobody", give(lot.ClarifyInput{Changes: "限价下调", Params: &cheaper}), "lot.clarification_affects", "第二十一条")
	want(t, "a file that is not there", give(lot.ClarifyInput{Changes: "x", RemoveFiles: []string{uuid.NewString()}}), "document.file_not_found")
	c.Must(give(lot.ClarifyInput{Changes: "解密时限改为 60 分钟", Params: &longer}))
	cheaper.DecryptMinutes = 60
	c.Must(give(lot.ClarifyInput{Changes: "限价下调", Params: &cheaper, Affects: true}))
	now, err := c.Lots.Get(ctx, l.ID)
	c.Must(err)
	doc, err := c.Lots.Document(ctx, l.ID)
	c.Must(err)
	if now.PriceCeiling.String() != "47000000" && now.PriceCeiling.StringFixed(2) != "47000000.00" || doc.Params.DecryptMinutes != 60 || doc.Version != 3 {
		t.Errorf("ceiling %s, %+v", now.PriceCeiling, doc.Params)
	}
	c.At(biddingtest.Deadline)
	want(t, "after the deadline", give(lot.ClarifyInput{Changes: "x"}), "lot.after_deadline")
}

// A file belongs to the versions that name it: nobody sees it before, and
// whoever has an older version can still check its files.
func TestClarify_FilesOfVersions(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := written(t, c, true)
	add := func(name string) *lot.File {
		f, err := c.Lots.AddFile(ctx, c.Agency, l.ID, name, "application/pdf", strings.NewReader(biddingtest.PDF(name)))
		c.Must(err)
		return f
	}
	open := func(who actor.Actor, f *lot.File) error {
		_, r, err := c.Lots.OpenFile(ctx, who, l.ID, f.ID)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			c.Must(r.Close())
		}
		return err
	}
	first := add("图纸.pdf")
	c.Must(publish(c, l, biddingtest.Start.AddDate(0, 0, 6), biddingtest.Deadline))
	second := add("图纸第2版.pdf")
	want(t, "a file that is not issued", open(actor.Anyone(), second), "document.file_not_found")
	c.Must(open(c.Agency, second))
	doc, err := c.Lots.Document(ctx, l.ID)
	c.Must(err)
	if len(doc.Files) != 1 || doc.Files[0].ID != first.ID {
		t.Errorf("%+v", doc.Files)
	}
	doc, err = c.Lots.Clarify(ctx, c.Agency, l.ID, lot.ClarifyInput{Changes: "更换图纸", RemoveFiles: []string{first.ID}, Affects: true})
	c.Must(err)
	if len(doc.Files) != 1 || doc.Files[0].ID != second.ID || lot.Digest(doc.Body) != doc.Digest {
		t.Errorf("%+v", doc.Files)
	}
	c.Must(open(actor.Anyone(), first))
	c.Must(open(actor.Anyone(), second))
}

// A bid that was sealed for an older version stands at the cut-off and is
// opened; it is flagged, and never rejected. New ones answer the newest.
func TestClarify_OlderBidsStand(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := c.Published()
	var firms []*biddingtest.Firm
	for _, name := range []string{"苏北建设集团有限公司", "运河建工集团有限公司", "项王建设有限公司"} {
		f := c.NewFirm(name)
		firms = append(firms, f)
		c.Bid(f, l, price, capital)
	}
	late := c.NewFirm("晚来建设有限公司")
	stale := c.Seal(late, l, seal.KindBid, price, capital)
	p := biddingtest.Params()
	p.PriceCeiling = "45000000.00"
	_, err := c.Lots.Clarify(ctx, c.Agency, l.ID, lot.ClarifyInput{Changes: "限价下调", Params: &p, Affects: true})
	c.Must(err)
	_, err = c.Submissions.Submit(ctx, late.Actor, bytes.NewReader(stale))
	want(t, "a new bid for the old version", err, "bid.not_current_document", "第 2 版")
	l, err = c.Lots.Get(ctx, l.ID)
	c.Must(err)
	c.Bid(firms[0], l, "44000000.00", "肆仟肆佰万元整") // replaced
	c.To(l, firms, opening.Announcing)
	bids, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	if len(bids.Bids) != 3 {
		t.Fatalf("%d bids", len(bids.Bids))
	}
	for _, b := range bids.Bids {
		replaced := b.Digest == firms[0].Sealed.Digest
		if slices.Contains(b.Flags, "document_outdated") == replaced || slices.Contains(b.Flags, "over_ceiling") == replaced || b.Outcome != "opened" {
			t.Errorf("%s (replaced %v): %s, flags %v", b.Organisation, replaced, b.Outcome, b.Flags)
		}
	}
}

// An objection suspends the tender until it is answered, and an authority's
// order until that is lifted; the last one to go lets it go on.
func TestObject_SuspendsUntilAnswered(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
	suspended := func(want bool) {
		t.Helper()
		now, err := c.Lots.Get(ctx, l.ID)
		c.Must(err)
		if (now.SuspendedSince != nil) != want {
			t.Errorf("suspended since %v, want %v", now.SuspendedSince, want)
		}
	}
	c.At(day(13, 15)) // a Friday; three days end on Monday
	o, err := c.Lots.Object(ctx, f.Actor, l.ID, lot.ObjectionInput{Subject: "资格条件", Text: "业绩要求与项目规模不相适应"})
	c.Must(err)
	suspended(true)
	if o.DueAt.In(biddingtest.Start.Location()).Format(time.DateTime) != "2026-03-17 00:00:00" || !strings.Contains(o.Basis, "第二十二条") {
		t.Errorf("due %s by %s", o.DueAt, o.Basis)
	}
	want(t, "resumed by the host", c.Lots.Resume(ctx, c.Agency, l.ID), "lot.order_stands", "答复")
	_, err = c.Lots.Object(ctx, f.Actor, l.ID, lot.ObjectionInput{Subject: "再提", Text: "再提"})
	want(t, "twice", err, "objection.too_many")
	c.At(day(14, 9))
	c.Must(c.Lots.Suspend(ctx, c.Supervisor, l.ID, lot.SuspendInput{Reason: "责令暂停，配合调查", Order: "宿住建暂〔2026〕3号"}))
	want(t, "answered by a stranger", c.Lots.AnswerDocumentObjection(ctx, c.Supervisor, l.ID, o.ID, "不成立"), "lot.role")
	want(t, "no answer", c.Lots.AnswerDocumentObjection(ctx, c.Agency, l.ID, o.ID, " "), "lot.answer_missing")
	want(t, "unknown", c.Lots.AnswerDocumentObjection(ctx, c.Agency, l.ID, uuid.NewString(), "x"), "objection.not_found")
	c.At(day(17, 9))
	c.Must(c.Lots.AnswerDocumentObjection(ctx, c.Agency, l.ID, o.ID, "成立，将修改招标文件"))
	suspended(true)
	want(t, "the host against the order", c.Lots.Resume(ctx, c.Agency, l.ID), "lot.order_stands")
	want(t, "answered twice", c.Lots.AnswerDocumentObjection(ctx, c.Agency, l.ID, o.ID, "x"), "objection.none_open")
	c.Must(c.Lots.Resume(ctx, c.Supervisor, l.ID))
	suspended(false)
	checks, err := c.Lots.Checks(ctx, l.ID)
	c.Must(err)
	if checks[0].Rule != "R12-3" || checks[0].OK || checks[0].Cause != "answer_document_objection" {
		t.Errorf("a late answer: %+v", checks[0])
	}
	list, err := c.Lots.Suspensions(ctx, l.ID)
	c.Must(err)
	if len(list) != 2 || list[0].Cause != "objection" || list[1].Cause != "authority" || *list[1].OrderNumber != "宿住建暂〔2026〕3号" || list[0].Until == nil || list[1].Until == nil {
		t.Errorf("%+v", list)
	}
	for who, n := range map[*actor.Actor]int{&c.Agency: 1, &c.Supervisor: 1, &f.Actor: 1} {
		read, err := c.Lots.Objections(ctx, *who, l.ID)
		c.Must(err)
		if len(read) != n || read[0].Name != nil || read[0].Mine != (who == &f.Actor) {
			t.Errorf("%s reads %+v", who.Role, read)
		}
	}
	events, err := c.Store.OfKind(ctx, l.Stream(), "lot.suspended", "suspension.lifted", "lot.resumed")
	c.Must(err)
	var kinds []string
	for i := range events {
		kinds = append(kinds, events[i].Kind)
	}
	if strings.Join(kinds, " ") != "lot.suspended lot.suspended suspension.lifted suspension.lifted lot.resumed" {
		t.Error(kinds)
	}
}

// Ten days before the deadline an objection is too late (R12-2), unless the
// deadline moves; who signs is known to the host and to no other bidder.
func TestObject_InTimeAndSigned(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f, g := c.Published(), c.NewFirm("苏北建设集团有限公司"), c.NewFirm("运河建工集团有限公司")
	object := func(who actor.Actor, in lot.ObjectionInput) error {
		_, err := c.Lots.Object(ctx, who, l.ID, in)
		return err
	}
	fair := lot.ObjectionInput{Subject: "评标办法", Text: "分值设置不合理"}
	c.At(day(15, 9))
	want(t, "no subject", object(f.Actor, lot.ObjectionInput{Text: "x"}), "objection.invalid")
	want(t, "by the buyer", object(c.Buyer, fair), "question.not_certified")
	want(t, "named in the text", object(f.Actor, lot.ObjectionInput{Subject: "x", Text: "我苏北建设集团有限公司认为"}), "objection.names_objector")
	want(t, "nine days", object(f.Actor, fair), "objection.too_late", "2026年3月14日", "第二十二条")
	c.Must(c.Lots.PostponeDeadline(ctx, c.Agency, l.ID, day(26, 9), "答疑需要时间"))
	fair.Signed = true
	c.Must(object(f.Actor, fair))
	c.Must(c.Lots.AnswerDocumentObjection(ctx, c.Buyer, l.ID, objections(t, c, c.Agency, l)[0].ID, "分值符合规定"))
	if o := objections(t, c, c.Agency, l)[0]; o.Name == nil || *o.Name != "苏北建设集团有限公司" {
		t.Errorf("the host reads %+v", o)
	}
	if n := len(objections(t, c, g.Actor, l)) + len(objections(t, c, actor.Anyone(), l)); n != 0 {
		t.Error("a signed objection is read by others")
	}
	if o := objections(t, c, f.Actor, l); len(o) != 1 || !o[0].Mine || *o[0].Answer != "分值符合规定" {
		t.Errorf("who raised it reads %+v", o)
	}
	c.At(day(16, 8))
	c.Must(object(g.Actor, lot.ObjectionInput{Subject: "工期", Text: "工期过短"}))
	c.At(day(26, 10)) // the deadline passes in the suspension
	open := objections(t, c, c.Agency, l)
	c.Must(c.Lots.AnswerDocumentObjection(ctx, c.Agency, l.ID, open[len(open)-1].ID, "工期符合定额"))
	now, err := c.Lots.Get(ctx, l.ID)
	c.Must(err)
	if now.SuspendedSince == nil || !strings.Contains(*now.SuspendedReason, "届满") {
		t.Error("the lot went on after its deadline had passed")
	}
	want(t, "resumed after the deadline", c.Lots.Resume(ctx, c.Agency, l.ID), "lot.after_deadline")
	want(t, "into the past", c.Lots.PostponeDeadline(ctx, c.Agency, l.ID, day(26, 9).Add(time.Minute), "x"), "lot.not_later")
	c.Must(c.Lots.PostponeDeadline(ctx, c.Agency, l.ID, day(30, 9), "暂停期间顺延"))
	if now, err = c.Lots.Get(ctx, l.ID); err != nil || now.SuspendedSince != nil {
		t.Errorf("still suspended: %v", err)
	}
	notices, err := c.Lots.Notices(ctx, l.ID)
	c.Must(err)
	if len(notices) != 3 || notices[2].Kind != "postponement" || !strings.Contains(notices[2].Body, "2026年3月30日（星期一）09:00") {
		t.Errorf("%+v", notices)
	}
}

func objections(t *testing.T, c *biddingtest.City, who actor.Actor, l *lot.Lot) []lot.Objection {
	t.Helper()
	list, err := c.Lots.Objections(ctx, who, l.ID)
	c.Must(err)
	return list
}

// A tender that failed or was terminated is tendered again, once, with its
// document as a draft of its own.
func TestRetender(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := written(t, c, true)
	_, err := c.Lots.AddFile(ctx, c.Agency, l.ID, "图纸.pdf", "application/pdf", strings.NewReader(biddingtest.PDF("图纸")))
	c.Must(err)
	c.Must(publish(c, l, biddingtest.Start.AddDate(0, 0, 6), biddingtest.Deadline))
	_, err = c.Lots.Retender(ctx, c.Agency, l.ID)
	want(t, "while it runs", err, "lot.state")
	c.At(day(3, 9))
	c.Must(c.Lots.Terminate(ctx, c.Agency, l.ID, "设计方案有重大调整"))
	notices, err := c.Lots.Notices(ctx, l.ID)
	c.Must(err)
	checks, err := c.Lots.Checks(ctx, l.ID)
	c.Must(err)
	if n := notices[len(notices)-1]; n.Kind != "termination" || !strings.Contains(n.Body, "设计方案有重大调整") || checks[0].Rule != "R15-1" || !checks[0].OK {
		t.Errorf("%+v %+v", n, checks[0])
	}
	stranger := c.Agency
	stranger.OrganisationID = uuid.NewString()
	_, err = c.Lots.Retender(ctx, stranger, l.ID)
	want(t, "a stranger", err, "lot.not_yours")
	next, err := c.Lots.Retender(ctx, c.Agency, l.ID)
	c.Must(err)
	if next.State != lot.Drafting || next.Attempt != 2 || *next.PredecessorID != l.ID || next.DocumentVersion != 1 || next.Code == l.Code {
		t.Errorf("%+v", next)
	}
	old, err := c.Lots.Document(ctx, l.ID)
	c.Must(err)
	doc, err := c.Lots.Document(ctx, next.ID)
	c.Must(err)
	if doc.Params.PriceCeiling != old.Params.PriceCeiling || len(doc.Files) != 1 || doc.Files[0].SM3 != old.Files[0].SM3 || doc.Files[0].ID == old.Files[0].ID || doc.IssuedAt != nil {
		t.Errorf("%+v", doc)
	}
	_, r, err := c.Lots.OpenFile(ctx, c.Agency, next.ID, doc.Files[0].ID)
	c.Must(err)
	raw, err := io.ReadAll(r)
	c.Must(err)
	c.Must(r.Close())
	if string(raw) != biddingtest.PDF("图纸") {
		t.Errorf("%q", raw)
	}
	_, err = c.Lots.Retender(ctx, c.Agency, l.ID)
	want(t, "twice", err, "lot.retendered_already")
	now, err := c.Lots.Get(ctx, l.ID)
	c.Must(err)
	before, after, err := c.Lots.Relatives(ctx, actor.Anyone(), now)
	c.Must(err)
	if before != nil || after != nil {
		t.Error("the public is told of a draft")
	}
	_, after, err = c.Lots.Relatives(ctx, c.Buyer, now)
	c.Must(err)
	if after == nil || after.ID != next.ID || after.Attempt != 2 {
		t.Errorf("%+v", after)
	}
	c.Must(publish(c, next, biddingtest.Start.AddDate(0, 0, 6), biddingtest.Deadline))
	given := written(t, c, true)
	c.Must(c.Lots.Terminate(ctx, c.Agency, given.ID, "项目取消"))
	_, err = c.Lots.Retender(ctx, c.Agency, given.ID)
	want(t, "never published", err, "lot.never_published")
}

// What the events of a lot say and what its rows say agree after everything
// that can happen to it before its deadline.
func TestAudit_AgreesAfterEverything(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
	faults := func() []string {
		t.Helper()
		now, err := c.Lots.Get(ctx, l.ID)
		c.Must(err)
		events, err := c.Store.Since(ctx, l.Stream(), 0, 500)
		c.Must(err)
		out, err := lot.Audit(ctx, c.Store.DB(), now, events)
		c.Must(err)
		return out
	}
	o, err := c.Lots.Object(ctx, f.Actor, l.ID, lot.ObjectionInput{Subject: "工期", Text: "工期过短"})
	c.Must(err)
	_, err = c.Lots.Clarify(ctx, c.Agency, l.ID, lot.ClarifyInput{Changes: "工期延长", Affects: true, To: at(day(30, 9))})
	c.Must(err)
	c.Must(c.Lots.Suspend(ctx, c.Supervisor, l.ID, lot.SuspendInput{Reason: "调查", Order: "1号"}))
	c.At(day(31, 9))
	c.Must(c.Lots.AnswerDocumentObjection(ctx, c.Agency, l.ID, o.ID, "已延长"))
	c.Must(c.Lots.PostponeDeadline(ctx, c.Agency, l.ID, day(38, 9), "暂停期间顺延"))
	c.Must(c.Lots.Resume(ctx, c.Supervisor, l.ID))
	c.Must(c.Lots.Terminate(ctx, c.Buyer, l.ID, "设计方案有重大调整"))
	_, err = c.Lots.Retender(ctx, c.Buyer, l.ID)
	c.Must(err)
	if found := faults(); len(found) != 0 {
		t.Errorf("%s", strings.Join(found, "\n"))
	}
	_, err = c.DB.Owner.Exec(`BEGIN; SET LOCAL session_replication_role = replica; UPDATE notice SET digest = 'sm3:0' WHERE kind = 'clarification'; COMMIT`)
	c.Must(err)
	if found := faults(); len(found) == 0 || !strings.Contains(found[0], "notice 2") {
		t.Errorf("a changed notice gives %v", found)
	}
}

// Government procurement: a question is due in three working days (R12-4), a
// challenge is signed, may be made in seven working days (R12-5), is answered in
// seven (R12-6), and suspends nothing; a clarification has R11-2.
func TestDocuments_Procurement(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f, g := gov(t, c, nil), c.NewFirm("苏北教学设备有限公司"), c.NewFirm("运河教育装备有限公司")
	c.Must(publish(c, l, beijing(3, 9, 17, 30), biddingtest.Deadline))
	c.At(beijing(3, 12, 16, 0)) // a Thursday
	_, err := c.Lots.Ask(ctx, f.Actor, l.ID, "交货地点在哪里？")
	c.Must(err)
	asked, err := c.Lots.Questions(ctx, c.Agency, l.ID)
	c.Must(err)
	if asked[0].Due == nil || !asked[0].Due.Equal(beijing(3, 18, 0, 0)) || !strings.Contains(asked[0].Basis, "政府采购法实施条例") {
		t.Errorf("%+v", asked[0])
	}
	o, err := c.Lots.Object(ctx, f.Actor, l.ID, lot.ObjectionInput{Subject: "技术参数", Text: "我苏北教学设备有限公司认为参数指向特定品牌"})
	c.Must(err)
	if o.Kind != "challenge" || o.Name == nil || *o.Name != "苏北教学设备有限公司" || !o.DueAt.Equal(beijing(3, 24, 0, 0)) {
		t.Errorf("%+v", o)
	}
	now, err := c.Lots.Get(ctx, l.ID)
	c.Must(err)
	if now.SuspendedSince != nil || now.OpenObjections != 1 {
		t.Error("a challenge suspended the procurement")
	}
	open, err := c.Lots.Matters(ctx, c.Buyer)
	c.Must(err)
	if len(open) != 2 || open[0].Kind != "question" || open[1].Kind != "challenge" {
		t.Errorf("%+v", open)
	}
	if n := len(objections(t, c, g.Actor, l)); n != 0 {
		t.Error("another supplier reads a challenge")
	}
	c.Must(c.Lots.AnswerDocumentObjection(ctx, c.Agency, l.ID, o.ID, "参数已征求三家意见"))
	if n := len(objections(t, c, actor.Anyone(), l)); n != 0 {
		t.Error("the public reads a challenge")
	}
	c.At(beijing(3, 19, 9, 0))
	_, err = c.Lots.Object(ctx, g.Actor, l.ID, lot.ObjectionInput{Subject: "x", Text: "y"})
	want(t, "after seven working days", err, "objection.too_late", "2026年3月18日", "政府采购法")
	_, err = c.Lots.Clarify(ctx, c.Agency, l.ID, lot.ClarifyInput{Changes: "x", Affects: true})
	want(t, "five days", err, "lot.clarification_too_late", "政府采购法实施条例", "2026年4月3日")
	to := beijing(4, 3, 9, 30)
	_, err = c.Lots.Clarify(ctx, c.Agency, l.ID, lot.ClarifyInput{Changes: "x", Affects: true, To: &to})
	c.Must(err)
	checks, err := c.Lots.Checks(ctx, l.ID)
	c.Must(err)
	var found []string
	for _, k := range checks {
		found = append(found, fmt.Sprintf("%s %s %v", k.Cause, k.Rule, k.OK))
	}
	if got := strings.Join(found, ", "); !strings.Contains(got, "clarify R11-2 true") || !strings.Contains(got, "clarify R09-2 true") || !strings.Contains(got, "answer_document_objection R12-6 true") ||
		!strings.Contains(got, "publish R08-2 true") || strings.Contains(got, "R11-1") {
		t.Error(got)
	}
	_, err = c.Lots.Object(ctx, g.Actor, l.ID, lot.ObjectionInput{Subject: "修改内容", Text: "新的参数排斥竞争"}) // the changed document may be challenged anew
	c.Must(err)
	c.Must(c.Lots.Terminate(ctx, c.Buyer, l.ID, "采购任务取消"))
	checks, err = c.Lots.Checks(ctx, l.ID)
	c.Must(err)
	if !slices.ContainsFunc(checks, func(k lot.PeriodCheck) bool { return k.Rule == "R15-2" && k.OK }) {
		t.Error("the end has no check of its own rule")
	}
}
