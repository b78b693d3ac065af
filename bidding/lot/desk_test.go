package lot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
)

func beijing(month time.Month, day, hour, minute int) time.Time {
	return time.Date(2026, month, day, hour, minute, 0, 0, evidence.Beijing)
}

func govProject(c *biddingtest.City) lot.ProjectInput {
	intention := biddingtest.Start.AddDate(0, 0, -40)
	return lot.ProjectInput{Kind: "GOV", Code: "SQ-ZC-" + uuid.NewString()[:8], Name: "宿迁市实验小学教学设备采购", Region: "321302",
		AgencyID: c.Agency.OrganisationID, PlanFiling: "SQCG-2026-0001", IntentionAt: &intention}
}

// gov is a lot of government procurement with its document.
func gov(t *testing.T, c *biddingtest.City, change func(*lot.ProjectInput)) *lot.Lot {
	t.Helper()
	in := govProject(c)
	if change != nil {
		change(&in)
	}
	p, err := c.Lots.CreateProject(ctx, c.Buyer, in)
	c.Must(err)
	l, err := c.Lots.Create(ctx, c.Agency, p.ID, lot.Input{Name: "教学设备", Estimate: "3000000"})
	c.Must(err)
	params := biddingtest.Params()
	params.PriceCeiling, params.Deposit.Amount = "3000000.00", "60000"
	_, err = c.Lots.SetDocument(ctx, c.Agency, l.ID, params)
	c.Must(err)
	return l
}

func TestProject_MethodsThatAreNotTendersAreRefusedWithASentence(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	for method, words := range map[string]string{"negotiation": "竞争性谈判", "consultation": "竞争性磋商", "inquiry": "询价", "single_source": "单一来源"} {
		in := govProject(c)
		in.Method = method
		_, err := c.Lots.CreateProject(ctx, c.Buyer, in)
		want(t, method, err, "project.method_not_supported", words, "请改用公开招标")
	}
	in := govProject(c)
	in.Method = "lottery"
	_, err := c.Lots.CreateProject(ctx, c.Buyer, in)
	want(t, "an unknown method", err, "project.method_unknown")
	for name, change := range map[string]func(*lot.ProjectInput){
		"no plan filed":             func(p *lot.ProjectInput) { p.PlanFiling = " " },
		"a NUL in its number":       func(p *lot.ProjectInput) { p.PlanFiling = "SQ\x00" },
		"an intention of 2019":      func(p *lot.ProjectInput) { p.IntentionAt = ptr(time.Date(2019, 12, 1, 0, 0, 0, 0, evidence.Beijing)) },
		"an intention of year 1":    func(p *lot.ProjectInput) { p.IntentionAt = ptr(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)) },
		"no such kind":              func(p *lot.ProjectInput) { p.Kind = "XYZ" },
		"no such region":            func(p *lot.ProjectInput) { p.Region = "329999" },
		"invited without a ruling":  func(p *lot.ProjectInput) { p.Method = lot.MethodInvited },
		"engineering, not approved": func(p *lot.ProjectInput) { p.Kind = "ENG" },
	} {
		in := govProject(c)
		change(&in)
		_, err := c.Lots.CreateProject(ctx, c.Buyer, in)
		want(t, name, err, "project.invalid")
	}
	in = govProject(c)
	in.Method, in.MethodBasis = lot.MethodInvited, "宿财购〔2026〕7号"
	p, err := c.Lots.CreateProject(ctx, c.Buyer, in)
	c.Must(err)
	filed, err := c.Store.OfKind(ctx, "project/"+p.ID, "gov.plan_filed")
	c.Must(err)
	if len(filed) != 1 || filed[0].Text("planFiling") != "SQCG-2026-0001" || filed[0].Text("methodBasis") == "" {
		t.Errorf("the filed plan is not on the record: %+v", filed)
	}
}

// Monday 2 March 2026, 9:00: five working days end on Monday the 9th, twenty
// days on Sunday the 22nd.
func TestPublish_ProcurementCountsInWorkingDays(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := gov(t, c, nil)
	late := beijing(3, 24, 9, 30)
	before := heads(c, l)
	want(t, "five calendar days", publish(c, l, beijing(3, 7, 17, 30), late), "rule.min_period", "5个工作日", "政府采购法实施条例", "第三十一条")
	want(t, "19 days to bid", publish(c, l, beijing(3, 9, 17, 30), beijing(3, 21, 9, 30)), "rule.min_period", "政府采购法", "第三十五条")
	early := beijing(3, 9, 0, 0)
	_, err := c.Lots.Publish(ctx, c.Agency, l.ID, lot.PublishInput{SaleEnd: beijing(3, 9, 17, 30), NoticeEnd: &early, BidDeadline: late, Title: "招标公告", Body: "x"})
	want(t, "a notice period that ends the day before", err, "rule.min_period", "第87号", "第十六条")
	if heads(c, l) != before {
		t.Error("a refused publication left something")
	}
	c.Must(publish(c, l, beijing(3, 9, 17, 30), beijing(3, 22, 9, 30)))
	var end time.Time
	c.Must(c.DB.Owner.Get(&end, `SELECT period_end FROM notice WHERE lot_id = $1`, l.ID))
	if !end.Equal(beijing(3, 10, 0, 0)) {
		t.Errorf("the notice's period ends %s", end)
	}
}

// What the check offers is accepted, and a working day earlier is not.
func TestCheck_OffersTheEarliestLawfulDates(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := gov(t, c, nil)
	now := biddingtest.Start
	bad := lot.Plan{IssuedAt: now, SaleEnd: ptr(beijing(3, 6, 17, 30)), BidDeadline: ptr(beijing(3, 20, 9, 30))}
	records := heads(c, l)
	e, err := c.Lots.Check(ctx, c.Agency, l.ID, bad)
	c.Must(err)
	if e.Lawful() || heads(c, l) != records {
		t.Error("lawful, or something was written")
	}
	broken := map[string]string{}
	for _, x := range e.Checks {
		if !x.OK {
			broken[x.Rule] = x.Field
			if x.Message == "" || x.Basis == "" || x.Due == nil || len(x.Days) == 0 {
				t.Errorf("%s says too little: %+v", x.Rule, x)
			}
		}
	}
	if len(broken) != 2 || broken["R08-2"] != "saleEnd" || broken["R09-2"] != "bidDeadline" {
		t.Errorf("broken: %v", broken)
	}
	if !e.Earliest.SaleEnd.Equal(beijing(3, 9, 17, 30)) || !e.Earliest.BidDeadline.Equal(beijing(3, 23, 9, 30)) || !e.Earliest.NoticeEnd.Equal(beijing(3, 10, 0, 0)) {
		t.Errorf("earliest: %v %v %v", e.Earliest.SaleEnd, e.Earliest.BidDeadline, e.Earliest.NoticeEnd)
	}
	for _, d := range e.Calendar {
		if d.Date.String() == "2026-03-07" && (d.Workday || !strings.Contains(d.Why, "周六") && d.Why == "") {
			t.Errorf("a Saturday: %+v", d)
		}
	}
	e, err = c.Lots.Check(ctx, c.Agency, l.ID, lot.Plan{IssuedAt: now, SaleEnd: e.Earliest.SaleEnd, BidDeadline: e.Earliest.BidDeadline})
	c.Must(err)
	if !e.Lawful() {
		t.Errorf("what was offered is not lawful: %+v", e.Checks)
	}
	c.Must(publish(c, l, *e.Earliest.SaleEnd, *e.Earliest.BidDeadline))
}

func TestCheck_WarnsAndDoesNotBlock(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := gov(t, c, func(p *lot.ProjectInput) { p.IntentionAt = ptr(biddingtest.Start.AddDate(0, 0, -20)) })
	params := biddingtest.Params()
	params.Deposit = nil
	params.QualificationNeeded = "投标报名时间：公告期内，须到场领取文件。"
	e, err := c.Lots.Check(ctx, c.Agency, l.ID, lot.Plan{IssuedAt: biddingtest.Start, SaleEnd: ptr(beijing(3, 9, 17, 30)), BidDeadline: ptr(beijing(3, 22, 9, 30)), Params: &params})
	c.Must(err)
	warned := map[string]bool{}
	for _, x := range e.Checks {
		if !x.OK && x.Severity == lot.Warn {
			warned[x.Rule+x.Field] = true
		}
	}
	// The intention 20 days before; both periods short by the strict reading; a Sunday; a registration.
	for _, w := range []string{"R03-1intentionAt", "R08-2saleEnd", "R09-2bidDeadline", "bidDeadline", "RF28qualification"} {
		if !warned[w] {
			t.Errorf("no warning %s in %v", w, warned)
		}
	}
	if !e.Lawful() {
		t.Error("a warning blocks")
	}
	params.QualificationNeeded = "不设投标报名，登录后即可获取采购文件。"
	e, err = c.Lots.Check(ctx, c.Agency, l.ID, lot.Plan{IssuedAt: biddingtest.Start, Params: &params})
	c.Must(err)
	for _, x := range e.Checks {
		if x.Rule == "RF28" {
			t.Errorf("%q is taken for a registration", params.QualificationNeeded)
		}
	}
}

func TestCheck_IsTheHosts(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := gov(t, c, nil)
	other := c.Organisation("另一家代理有限公司", actor.Agency)
	_, err := c.Lots.Check(ctx, other, l.ID, lot.Plan{IssuedAt: biddingtest.Start})
	want(t, "another agency's draft", err, "lot.not_found")
	c.Must(publish(c, l, beijing(3, 9, 17, 30), beijing(3, 24, 9, 30)))
	_, err = c.Lots.Check(ctx, other, l.ID, lot.Plan{IssuedAt: biddingtest.Start})
	want(t, "another agency's lot", err, "lot.not_yours")
}

func TestSetDocument_ProcurementDepositByItsOwnArticle(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l := gov(t, c, nil)
	p := biddingtest.Params()
	p.PriceCeiling, p.Deposit.Amount = "3000000.00", "60000.01"
	_, err := c.Lots.SetDocument(ctx, c.Agency, l.ID, p)
	want(t, "above 2 % of the budget", err, "rule.ratio_max", "预算金额", "政府采购法实施条例", "第三十三条")
	p.Deposit = &lot.Deposit{Amount: "60000", Forms: []string{"银行转账", "支票"}}
	_, err = c.Lots.SetDocument(ctx, c.Agency, l.ID, p)
	want(t, "cash in two forms", err, "document.deposit_cash_only", "保函")
	for percent, code := range map[string]string{"10.01": "rule.ratio_max", "-1": "document.invalid", "1e9": "document.invalid", "十": "document.invalid"} {
		p.Deposit, p.Performance = nil, percent
		_, err = c.Lots.SetDocument(ctx, c.Agency, l.ID, p)
		want(t, "performance security of "+percent, err, code)
	}
	p.Performance = "10"
	_, err = c.Lots.SetDocument(ctx, c.Agency, l.ID, p)
	c.Must(err)
}

func ptr[T any](v T) *T { return &v }
