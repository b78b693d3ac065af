package lot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/tenderform"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
)

var ctx = context.Background()

func draft(t *testing.T, c *biddingtest.City, compulsory bool) *lot.Lot {
	t.Helper()
	p, err := c.Lots.CreateProject(ctx, c.Buyer, lot.ProjectInput{Code: "SQ" + uuid.NewString()[:8], Name: "宿迁市第一中学改扩建工程", Compulsory: compulsory,
		Region: "321302", AgencyID: c.Agency.OrganisationID, ApprovalNumber: "宿发改投〔2026〕1号", ApprovalAuthority: "宿迁市发展和改革委员会"})
	c.Must(err)
	l, err := c.Lots.Create(ctx, c.Agency, p.ID, lot.Input{Name: "施工一标段", Estimate: "48000000"})
	c.Must(err)
	return l
}

func written(t *testing.T, c *biddingtest.City, compulsory bool) *lot.Lot {
	t.Helper()
	l := draft(t, c, compulsory)
	_, err := c.Lots.SetDocument(ctx, c.Agency, l.ID, biddingtest.Params())
	c.Must(err)
	return l
}

func publish(c *biddingtest.City, l *lot.Lot, saleEnd, deadline time.Time) error {
	_, err := c.Lots.Publish(ctx, c.Agency, l.ID, lot.PublishInput{SaleEnd: saleEnd, BidDeadline: deadline, Title: "招标公告", Body: "欢迎投标。"})
	return err
}

// want checks the code, and that a person reads Chinese with the words given.
func want(t *testing.T, what string, err error, code string, words ...string) {
	t.Helper()
	e, ok := apperr.From(err)
	if !ok || e.Code != code {
		t.Errorf("%s: %v, want %s", what, err, code)
		return
	}
	for _, w := range words {
		if !strings.Contains(e.Detail+e.Basis, w) {
			t.Errorf("%s: %q and %q do not say %q", what, e.Detail, e.Basis, w)
		}
	}
}

// heads is everything that the database says of a lot and of how much is on the
// record.
func heads(c *biddingtest.City, l *lot.Lot) string {
	var s string
	c.Must(c.DB.Owner.Get(&s, `SELECT concat_ws(' ', (SELECT count(*) FROM event), (SELECT CAST(to_jsonb(x) AS text) FROM lot x WHERE id = $1),
		(SELECT count(*) FROM notice), (SELECT count(*) FROM opening), (SELECT count(*) FROM document_file), (SELECT string_agg(digest, ',') FROM document))`, l.ID))
	return s
}

func TestPublish_MinimumPeriods(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := written(t, c, true)
	before := heads(c, l)
	start := biddingtest.Start // Monday 2 March 2026
	want(t, "four days of sale", publish(c, l, start.AddDate(0, 0, 4), biddingtest.Deadline), "rule.min_period", "2026", "招标投标法实施条例", "十六")
	want(t, "19 days to bid", publish(c, l, start.AddDate(0, 0, 6), start.AddDate(0, 0, 19)), "rule.min_period", "2026", "招标投标法", "二十四")
	want(t, "deadline before the end of the sale", publish(c, l, start.AddDate(0, 0, 30), biddingtest.Deadline), "lot.dates")
	want(t, "deadline in the past", publish(c, l, start.AddDate(0, 0, -9), start.AddDate(0, 0, -1)), "lot.dates")
	_, err := c.Lots.Publish(ctx, c.Agency, l.ID, lot.PublishInput{SaleEnd: start.AddDate(0, 0, 6), BidDeadline: biddingtest.Deadline, Title: " ", Body: "x"})
	want(t, "no title", err, "notice.invalid")
	if after := heads(c, l); after != before {
		t.Errorf("a refused publication left something:\n%s\n%s", before, after)
	}
	e, _ := apperr.From(publish(c, l, start.AddDate(0, 0, 6), start.AddDate(0, 0, 19)))
	if e == nil || len(e.Fields) == 0 || e.Fields["bidDeadline"] == "" {
		t.Errorf("the refusal hangs on no field: %+v", e)
	}
	c.Must(publish(c, l, start.AddDate(0, 0, 6), biddingtest.Deadline))
	want(t, "published twice", publish(c, l, start.AddDate(0, 0, 6), biddingtest.Deadline), "lot.state")
}

// The earliest date that a refusal names is accepted, and the moment before it
// is not.
func TestPublish_TheNamedEarliestDateIsTheEarliest(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	earliest := func(days int) error {
		return publish(c, written(t, c, true), biddingtest.Start.AddDate(0, 0, 6), biddingtest.Start.AddDate(0, 0, days))
	}
	first := 0
	for days := 19; days <= 22 && first == 0; days++ {
		if earliest(days) == nil {
			first = days
		}
	}
	if first != 20 && first != 21 {
		t.Fatalf("first accepted after %d days", first)
	}
	e, ok := apperr.From(earliest(first - 1))
	at := biddingtest.Start.AddDate(0, 0, first)
	if !ok || !strings.Contains(e.Detail, at.Format("2006-01-02")) && !strings.Contains(e.Detail, at.Format("2006年1月2日")) {
		t.Errorf("the refusal does not name %s: %+v", at.Format(time.DateOnly), e)
	}
}

func TestPublish_NotCompulsoryIsNotBoundToTwentyDays(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := written(t, c, false)
	c.Must(publish(c, l, biddingtest.Start.AddDate(0, 0, 6), biddingtest.Start.AddDate(0, 0, 8)))
}

func TestPublish_NeedsADocument(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	want(t, "no document", publish(c, draft(t, c, true), biddingtest.Start.AddDate(0, 0, 6), biddingtest.Deadline), "lot.no_document")
}

func TestSetDocument_Refusals(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := draft(t, c, true)
	before := heads(c, l)
	for name, try := range map[string]struct {
		change func(p *lot.Params)
		code   string
		words  []string
	}{
		"deposit above 2 %":      {func(p *lot.Params) { p.Deposit.Amount = "960000.01" }, "rule.ratio_max", []string{"招标投标法实施条例", "二十六"}},
		"deposit by transfer":    {func(p *lot.Params) { p.Deposit.Forms = []string{"转账"} }, "document.deposit_cash_only", []string{"保函", "第十三条"}},
		"deposit in cash":        {func(p *lot.Params) { p.Deposit.Forms = []string{"现金"} }, "document.deposit_cash_only", nil},
		"deposit in no form":     {func(p *lot.Params) { p.Deposit.Forms = nil }, "document.invalid", nil},
		"negative deposit":       {func(p *lot.Params) { p.Deposit.Amount = "-1" }, "document.invalid", nil},
		"no price":               {func(p *lot.Params) { p.Sections = p.Sections[:2] }, "document.invalid", nil},
		"a section called owner": {func(p *lot.Params) { p.Sections[0].Name = "owner" }, "document.invalid", nil},
		"a section twice":        {func(p *lot.Params) { p.Sections[0].Name = "price" }, "document.invalid", nil},
		"window of 4 minutes":    {func(p *lot.Params) { p.DecryptMinutes = 4 }, "document.invalid", nil},
		"window of 121 minutes":  {func(p *lot.Params) { p.DecryptMinutes = 121 }, "document.invalid", nil},
		"a tenth of a cent":      {func(p *lot.Params) { p.PriceCeiling = "1.001" }, "document.invalid", nil},
		"no quality":             {func(p *lot.Params) { p.Quality = " " }, "document.invalid", nil},
		"coefficient backwards":  {func(p *lot.Params) { p.Coefficient = &lot.Coefficient{Min: "0.98", Max: "0.95", Step: "0.01"} }, "document.invalid", nil},
		"coefficient endless":    {func(p *lot.Params) { p.Coefficient = &lot.Coefficient{Min: "0", Max: "1", Step: "0.0001"} }, "document.invalid", nil},
		"coefficient stands":     {func(p *lot.Params) { p.Coefficient = &lot.Coefficient{Min: "0", Max: "1", Step: "0"} }, "document.invalid", nil},
		"a form of nowhere": {func(p *lot.Params) {
			p.Form = &tenderform.Form{Attachments: []tenderform.Attachment{{Section: "nowhere", Name: "licence", Label: "营业执照"}}}
		}, "document.invalid", nil},
	} {
		p := biddingtest.Params()
		try.change(&p)
		_, err := c.Lots.SetDocument(ctx, c.Agency, l.ID, p)
		want(t, name, err, try.code, try.words...)
	}
	if after := heads(c, l); after != before {
		t.Error("a refused document left something")
	}
	p := biddingtest.Params()
	p.Deposit.Amount = "960000.00" // exactly 2 % of the estimate
	_, err := c.Lots.SetDocument(ctx, c.Agency, l.ID, p)
	c.Must(err)
}

// A stranger has the bytes of the document and computes its digest himself.
func TestDocument_DigestIsReproducible(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := written(t, c, true)
	f, err := c.Lots.AddFile(ctx, c.Agency, l.ID, "图纸.pdf", "application/pdf", strings.NewReader(biddingtest.PDF("图纸")))
	c.Must(err)
	c.Must(publish(c, l, biddingtest.Start.AddDate(0, 0, 6), biddingtest.Deadline))
	doc, err := c.Lots.Document(ctx, l.ID)
	c.Must(err)
	if lot.Digest(doc.Body) != doc.Digest || len(doc.Files) != 1 || doc.Files[0].SM3 != f.SM3 || f.SM3 != lot.Digest([]byte(biddingtest.PDF("图纸"))) {
		t.Errorf("%+v", doc)
	}
	var body struct {
		Lot    string
		Params lot.Params
		Files  []lot.File
	}
	c.Must(json.Unmarshal(doc.Body, &body))
	if body.Lot != l.ID || body.Params.PriceCeiling != "50000000.00" || len(body.Files) != 1 {
		t.Errorf("%+v", body)
	}
	issued, err := c.Store.OfKind(ctx, l.Stream(), "tender.doc_issued")
	c.Must(err)
	if len(issued) != 1 || issued[0].Text("digest") != doc.Digest {
		t.Error("the issued digest is not on the record")
	}
	_, r, err := c.Lots.OpenFile(ctx, actor.Anyone(), l.ID, f.ID)
	c.Must(err)
	raw, err := io.ReadAll(r)
	c.Must(err)
	c.Must(r.Close())
	if string(raw) != biddingtest.PDF("图纸") {
		t.Errorf("%q", raw)
	}
}

// A draft, and a draft that was given up, are its host's own business.
func TestDraft_IsInvisibleToOthers(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := written(t, c, true)
	f, err := c.Lots.AddFile(ctx, c.Agency, l.ID, "图纸.pdf", "application/pdf", strings.NewReader(biddingtest.PDF("图纸")))
	c.Must(err)
	stranger := c.Buyer
	stranger.OrganisationID = uuid.NewString()
	others := []actor.Actor{actor.Anyone(), stranger, c.Supervisor, c.NewFirm("苏北建设集团有限公司").Actor}
	hidden := func(when string) {
		t.Helper()
		for _, who := range others {
			list, err := c.Lots.List(ctx, who, lot.Filter{})
			c.Must(err)
			if len(list) != 0 {
				t.Errorf("%s: %s lists it", when, who.Role)
			}
			_, _, err = c.Lots.OpenFile(ctx, who, l.ID, f.ID)
			want(t, when+" file for "+string(who.Role), err, "lot.not_found")
			want(t, when+" termination by "+string(who.Role), c.Lots.Terminate(ctx, who, l.ID, "理由"), "lot.not_found")
		}
		mine, err := c.Lots.List(ctx, c.Buyer, lot.Filter{})
		c.Must(err)
		if len(mine) != 1 {
			t.Errorf("%s: its buyer does not list it", when)
		}
	}
	hidden("draft")
	c.Must(c.Lots.Terminate(ctx, c.Buyer, l.ID, "项目取消"))
	hidden("terminated draft")
}

func TestAddFile_Refusals(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := written(t, c, true)
	add := func(who actor.Actor, name string, r io.Reader) error {
		_, err := c.Lots.AddFile(ctx, who, l.ID, name, "application/pdf", r)
		return err
	}
	stranger := c.Agency
	stranger.OrganisationID = uuid.NewString()
	want(t, "empty", add(c.Agency, "空.pdf", strings.NewReader("")), "document.file_empty")
	want(t, "too large", add(c.Agency, "大.pdf", io.LimitReader(zeros{}, lot.MaxFile+1)), "document.file_too_large", "500")
	want(t, "no name", add(c.Agency, " ", strings.NewReader("x")), "document.file_name")
	want(t, "a path", add(c.Agency, "../x.pdf", strings.NewReader("x")), "document.file_name")
	want(t, "two lines", add(c.Agency, "a\r\nb", strings.NewReader("x")), "document.file_name")
	want(t, "endless name", add(c.Agency, strings.Repeat("长", 121), strings.NewReader("x")), "document.file_name")
	want(t, "a stranger", add(stranger, "a.pdf", strings.NewReader("x")), "lot.not_yours")
	want(t, "a bidder", add(c.NewFirm("苏北建设集团有限公司").Actor, "a.pdf", strings.NewReader("x")), "lot.role")
	if err := add(c.Agency, "断.pdf", io.MultiReader(strings.NewReader("x"), broken{})); err == nil {
		t.Error("a broken upload was taken")
	}
	left, err := os.ReadDir(filepath.Join(c.Dir, "files"))
	c.Must(err)
	partial, err := os.ReadDir(filepath.Join(c.Dir, "files", "partial"))
	c.Must(err)
	if len(left) != 1 || len(partial) != 0 {
		t.Errorf("%d files and %d partial ones are left", len(left)-1, len(partial))
	}
	c.Must(publish(c, l, biddingtest.Start.AddDate(0, 0, 6), biddingtest.Deadline))
	c.Must(add(c.Agency, "补充图纸.pdf", strings.NewReader(biddingtest.PDF("补充")))) // for the next version
	c.Must(c.Lots.Terminate(ctx, c.Agency, l.ID, "项目取消"))
	want(t, "after the end", add(c.Agency, "a.pdf", strings.NewReader("x")), "lot.state")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestLot_PostponeSuspendTerminate(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := c.Published()
	later := biddingtest.Deadline.Add(48 * time.Hour)
	want(t, "no reason", c.Lots.PostponeDeadline(ctx, c.Agency, l.ID, later, " "), "lot.reason_missing")
	want(t, "earlier", c.Lots.PostponeDeadline(ctx, c.Agency, l.ID, biddingtest.Deadline.Add(-time.Hour), "提前"), "lot.not_later")
	want(t, "by the supervisor", c.Lots.PostponeDeadline(ctx, c.Supervisor, l.ID, later, "顺延"), "lot.role")
	c.Must(c.Lots.PostponeDeadline(ctx, c.Agency, l.ID, later, "澄清影响投标文件编制"))
	l, err := c.Lots.Get(ctx, l.ID)
	c.Must(err)
	var scheduled time.Time
	c.Must(c.DB.Owner.Get(&scheduled, `SELECT scheduled_at FROM opening WHERE lot_id = $1`, l.ID))
	if !l.BidDeadline.Equal(later) || !scheduled.Equal(later) {
		t.Errorf("deadline %s, opening %s", l.BidDeadline, scheduled)
	}
	want(t, "not suspended", c.Lots.Resume(ctx, c.Agency, l.ID), "lot.not_suspended")
	want(t, "suspended without a reason", c.Lots.Suspend(ctx, c.Supervisor, l.ID, lot.SuspendInput{Reason: "", Order: "宿住建暂〔2026〕1号"}), "lot.reason_missing")
	elsewhere := c.Supervisor
	elsewhere.Region = "320500"
	want(t, "another region", c.Lots.Suspend(ctx, elsewhere, l.ID, lot.SuspendInput{Reason: "x", Order: "宿住建暂〔2026〕1号"}), "lot.other_region")
	c.Must(c.Lots.Suspend(ctx, c.Supervisor, l.ID, lot.SuspendInput{Reason: "责令暂停", Order: "宿住建暂〔2026〕1号"}))
	want(t, "suspended twice", c.Lots.Suspend(ctx, c.Supervisor, l.ID, lot.SuspendInput{Reason: "责令暂停", Order: "宿住建暂〔2026〕1号"}), "lot.suspended")
	c.Must(c.Lots.Resume(ctx, c.Supervisor, l.ID))
	want(t, "terminated by the supervisor", c.Lots.Terminate(ctx, c.Supervisor, l.ID, "x"), "lot.role")
	c.Must(c.Lots.Terminate(ctx, c.Buyer, l.ID, "项目取消"))
	want(t, "postponed after its end", c.Lots.PostponeDeadline(ctx, c.Agency, l.ID, later.Add(time.Hour), "x"), "lot.state")
	c.At(later)
	due, err := c.Openings.Due(ctx)
	c.Must(err)
	if len(due) != 0 {
		t.Errorf("a terminated lot is due: %v", due)
	}
	f := c.NewFirm("苏北建设集团有限公司")
	c.At(biddingtest.Deadline)
	_, err = c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(c.Seal(f, l, "bid", "45600000.00", "肆仟伍佰陆拾万元整")))
	want(t, "a bid for a terminated lot", err, "bid.no_such_lot")
}

func TestProject_Refusals(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	good := lot.ProjectInput{Code: "SQ-1", Name: "工程", Compulsory: true, Region: "321302", AgencyID: c.Agency.OrganisationID, ApprovalNumber: "1", ApprovalAuthority: "发改委"}
	_, err := c.Lots.CreateProject(ctx, c.Agency, good)
	want(t, "by an agency", err, "project.role")
	for name, change := range map[string]func(*lot.ProjectInput){
		"no name": func(p *lot.ProjectInput) { p.Name = "" }, "no approval": func(p *lot.ProjectInput) { p.ApprovalNumber = " " },
		"bad region": func(p *lot.ProjectInput) { p.Region = "宿迁" }, "bad agency": func(p *lot.ProjectInput) { p.AgencyID = "x" },
		"long code": func(p *lot.ProjectInput) { p.Code = strings.Repeat("x", 201) },
	} {
		in := good
		change(&in)
		_, err := c.Lots.CreateProject(ctx, c.Buyer, in)
		want(t, name, err, "project.invalid")
	}
	in := good
	in.AgencyID = uuid.NewString()
	_, err = c.Lots.CreateProject(ctx, c.Buyer, in)
	want(t, "unknown agency", err, "project.agency_unknown")
	p, err := c.Lots.CreateProject(ctx, c.Buyer, good)
	c.Must(err)
	_, err = c.Lots.CreateProject(ctx, c.Buyer, good)
	want(t, "code taken", err, "project.code_taken")
	stranger := c.Buyer
	stranger.OrganisationID = uuid.NewString()
	_, err = c.Lots.Create(ctx, stranger, p.ID, lot.Input{Name: "一标段", Estimate: "1"})
	want(t, "another buyer's lot", err, "lot.not_yours")
	_, err = c.Lots.Create(ctx, c.Buyer, uuid.NewString(), lot.Input{Name: "一标段", Estimate: "1"})
	want(t, "no project", err, "project.not_found")
	for i, estimate := range []string{"", "0", "-1", "1.001", "很多", "1e30"} {
		_, err = c.Lots.Create(ctx, c.Buyer, p.ID, lot.Input{Name: fmt.Sprint(i), Estimate: estimate})
		want(t, "estimate "+estimate, err, "lot.invalid")
	}
}

// Every command of a lot, by every role, in each state that a host can bring
// about: what the table has no row for leaves nothing.
func TestService_EveryStateCommandRole(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	states := map[lot.State]*lot.Lot{lot.Drafting: written(t, c, true), lot.Published: c.Published(), lot.Terminated: c.Published()}
	c.Must(c.Lots.Terminate(ctx, c.Buyer, states[lot.Terminated].ID, "项目取消"))
	do := map[string]func(who actor.Actor, id string) error{
		"set_document": func(who actor.Actor, id string) error {
			_, err := c.Lots.SetDocument(ctx, who, id, biddingtest.Params())
			return err
		},
		"add_file": func(who actor.Actor, id string) error {
			_, err := c.Lots.AddFile(ctx, who, id, "a", "b", strings.NewReader("x"))
			return err
		},
		"publish": func(who actor.Actor, id string) error {
			_, err := c.Lots.Publish(ctx, who, id, lot.PublishInput{SaleEnd: biddingtest.Start.AddDate(0, 0, 6), BidDeadline: biddingtest.Deadline, Title: "x", Body: "y"})
			return err
		},
		"postpone_deadline": func(who actor.Actor, id string) error {
			return c.Lots.PostponeDeadline(ctx, who, id, biddingtest.Deadline.Add(time.Hour), "x")
		},
		"suspend": func(who actor.Actor, id string) error {
			return c.Lots.Suspend(ctx, who, id, lot.SuspendInput{Reason: "x", Order: "宿住建暂〔2026〕1号"})
		},
		"ask": func(who actor.Actor, id string) error {
			_, err := c.Lots.Ask(ctx, who, id, "工期是否含法定节假日？")
			return err
		},
		"object_document": func(who actor.Actor, id string) error {
			_, err := c.Lots.Object(ctx, who, id, lot.ObjectionInput{Subject: "资格条件", Text: "与项目规模不相适应"})
			return err
		},
		"clarify": func(who actor.Actor, id string) error {
			_, err := c.Lots.Clarify(ctx, who, id, lot.ClarifyInput{Changes: "开标地点不变"})
			return err
		},
		"answer_document_objection": func(who actor.Actor, id string) error {
			return c.Lots.AnswerDocumentObjection(ctx, who, id, uuid.NewString(), "不成立")
		},
		"retender":   func(who actor.Actor, id string) error { _, err := c.Lots.Retender(ctx, who, id); return err },
		"resume_lot": func(who actor.Actor, id string) error { return c.Lots.Resume(ctx, who, id) },
		"terminate":  func(who actor.Actor, id string) error { return c.Lots.Terminate(ctx, who, id, "x") },
	}
	for state, l := range states {
		before := heads(c, l)
		for command, run := range do {
			for _, role := range actor.Roles() {
				_, err := lot.Table.Next(state, command, role, lot.Facts{HasDocument: true})
				own := apperr.CodeOf(err) != "lot.state" && apperr.CodeOf(err) != "lot.role"
				for _, foreign := range []bool{false, true} {
					if own && (!foreign || role == actor.Bidder) { // no bidder is a stranger
						continue
					}
					who := actor.Actor{PersonID: uuid.NewString(), OrganisationID: uuid.NewString(), Role: role, Region: "321300", Certified: true}
					switch {
					case foreign:
						who.Region = "320500"
					case role == actor.Buyer:
						who = c.Buyer
					case role == actor.Agency:
						who = c.Agency
					}
					if err := run(who, l.ID); err == nil || apperr.CodeOf(err) == "" {
						t.Errorf("%s %s by %s (foreign %v): %v", state, command, role, foreign, err)
					}
				}
			}
			if after := heads(c, l); after != before {
				t.Fatalf("%s %s left something", state, command)
			}
		}
	}
}

// In a document of two envelopes (双信封) the price is in the second, something
// is in the first, and what the document does not name stays sealed.
func TestSetDocument_Sessions(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := draft(t, c, true)
	for name, sessions := range map[string][3]int{"price first": {2, 1, 1}, "nothing first": {2, 2, 2}, "third": {1, 3, 2}, "negative": {-1, 0, 2}, "price unsaid": {1, 2, 0}} {
		p := biddingtest.Params()
		for i, s := range sessions {
			p.Sections[i].Session = s
		}
		_, err := c.Lots.SetDocument(ctx, c.Agency, l.ID, p)
		if e, ok := apperr.From(err); !ok || e.Code != "document.invalid" || e.Fields["sections"] == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := biddingtest.TwoEnvelopes()
	_, err := c.Lots.SetDocument(ctx, c.Agency, l.ID, p)
	c.Must(err)
	if !p.TwoSessions() || p.SessionOf("technical") != 1 || p.SessionOf("price") != 2 || p.SessionOf("unknown") != 2 {
		t.Error("sessions of the sections")
	}
	one := biddingtest.Params()
	if one.TwoSessions() || one.SessionOf("price") != 1 || one.SessionOf("unknown") != 1 {
		t.Error("sessions of one envelope")
	}
}
