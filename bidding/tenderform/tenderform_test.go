package tenderform_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"jianbiao/bidding/tenderform"
	"jianbiao/internal/apperr"
)

type (
	form    = tenderform.Form
	terms   = tenderform.Terms
	bid     = tenderform.Bid
	section = tenderform.SectionForm
)

var sections = []tenderform.Section{{Name: "qualification", Label: "资格", Required: true}, {Name: "technical", Label: "技术"}, {Name: "price", Label: "报价", Required: true}}

func sample() terms {
	return terms{
		Sections: sections, PriceCeiling: "50000000", DurationDays: 365, Quality: "合格",
		Deposit: &tenderform.Security{Amount: "500000", Forms: []string{"银行保函", "保证保险"}},
		Form: &form{
			Fields: []tenderform.Field{
				{Section: "qualification", Name: "grade", Label: "资质等级", Kind: tenderform.KindChoice, Required: true, Options: []string{"一级", "二级"}},
				{Section: "qualification", Name: "people", Label: "人数", Kind: tenderform.KindInteger},
				{Section: "qualification", Name: "since", Label: "成立日期", Kind: tenderform.KindDate},
				{Section: "price", Name: "provisional", Label: "暂列金额", Kind: tenderform.KindAmount},
				{Section: "price", Name: "taxed", Label: "含税", Kind: tenderform.KindYesNo},
			},
			Attachments: []tenderform.Attachment{
				{Section: "qualification", Name: "licence", Label: "营业执照", Required: true, Basis: "招标文件第二章 3.1"},
				{Section: "qualification", Name: "award", Label: "获奖证书"},
			},
			Bill: &tenderform.Bill{Section: "price", Items: []tenderform.BillItem{
				{Code: "040101001", Name: "挖土方", Unit: "m3", Quantity: "1000.5"}, {Code: "040203007", Name: "水泥混凝土路面", Unit: "m2", Quantity: "3"}}},
			Consortium: &tenderform.Consortium{MaxMembers: 2}, Subcontracting: true,
		},
	}
}

const (
	leadCode   = "91321300MA1XTEST01"
	memberCode = "91321300MA1XTEST02"
)

func complete() bid {
	return tenderform.Complete(sample(), bid{
		Owner: tenderform.Owner{Name: "甲公司", USCC: leadCode, LegalRepresentative: "王建国", Agent: "李工"},
		Files: map[string][]string{"qualification": {"执照.pdf", "协议.pdf", "授权.pdf"}, "technical": {}, "price": {}},
		Forms: map[string]section{
			"qualification": {
				Values: map[string]string{"grade": "一级", "people": "12", "since": "2001-02-03"}, Attachments: map[string][]string{"licence": {"执照.pdf"}}, Attorney: "授权.pdf",
				Consortium: &tenderform.Membership{Lead: tenderform.Member{Name: "甲公司", USCC: leadCode, Share: "60"}, Agreement: "协议.pdf",
					Members: []tenderform.Member{{Name: "乙公司", USCC: memberCode, Share: "40"}}},
				Subcontracts: []tenderform.Subcontract{{Scope: "标线", Share: "5.5"}},
			},
			"price": {
				Price: "12,350.18", DurationDays: 300, Quality: "合格", Manager: "赵工", Deposit: &tenderform.Deposit{Form: "银行保函", Amount: "500000"},
				Values: map[string]string{"provisional": "100", "taxed": "yes"},
				Bill:   []tenderform.BillLine{{Code: "040101001", UnitPrice: "12.34"}, {Code: "040203007", UnitPrice: "1.33"}},
			},
		},
	})
}

func codes(problems []tenderform.Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.Field+" "+p.Code)
	}
	return out
}

func TestCompletedBidHasNoProblem(t *testing.T) {
	t.Parallel()
	b := complete()
	p := b.Forms["price"]
	if p.Price != "12350.18" || p.Capital != "壹万贰仟叁佰伍拾元壹角捌分" {
		t.Errorf("price %q, capital %q", p.Price, p.Capital)
	}
	// 1000.5 × 12.34 = 12346.17, 3 × 1.33 = 3.99: together 12350.16.
	if p.Bill[0].Amount != "12346.17" || p.Bill[1].Amount != "3.99" {
		t.Errorf("bill %+v", p.Bill)
	}
	problems := tenderform.Check(sample(), b)
	if len(problems) != 1 || problems[0].Code != tenderform.CodeBillSumDiffers || !strings.Contains(problems[0].Message, "0.02") {
		t.Fatalf("problems %+v", problems)
	}
	tolerant := sample()
	tolerant.Form.Bill.Tolerance = "0.02"
	if problems := tenderform.Check(tolerant, b); len(problems) > 0 {
		t.Errorf("within the tolerance: %+v", problems)
	}
}

func TestAmountsAreRoundedHalfUp(t *testing.T) {
	t.Parallel()
	terms := sample()
	terms.Form.Bill.Items[0].Quantity = "0.5"
	b := complete()
	b.Forms["price"].Bill[0].UnitPrice = "0.01"
	if got := tenderform.Complete(terms, b).Forms["price"].Bill[0].Amount; got != "0.01" {
		t.Errorf("0.5 × 0.01 = %s, want 0.01", got)
	}
}

func TestCompleteLeavesItsArgumentAlone(t *testing.T) {
	t.Parallel()
	b := bid{Forms: map[string]section{"price": {Price: "1,000", Bill: []tenderform.BillLine{{Code: "040101001", UnitPrice: "2"}}}}}
	tenderform.Complete(sample(), b)
	if p := b.Forms["price"]; p.Price != "1,000" || p.Bill[0].Amount != "" || len(b.Forms) != 1 {
		t.Errorf("changed: %+v", b.Forms)
	}
}

// TestEachProblem breaks a bid that is complete in one place at a time.
func TestEachProblem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want   string
		block  bool
		change func(t *terms, q, p *section, b *bid)
	}{
		{"price.price over_ceiling", false, func(t *terms, _, _ *section, _ *bid) { t.PriceCeiling = "12350" }},
		{"price.price price_unreadable", true, func(_ *terms, _, p *section, _ *bid) { p.Price = "" }},
		{"price.capital capital_mismatch", true, func(_ *terms, _, p *section, _ *bid) { p.Capital = "壹元整" }},
		{"price.durationDays duration_over", true, func(_ *terms, _, p *section, _ *bid) { p.DurationDays = 0 }},
		{"price.durationDays duration_over", false, func(_ *terms, _, p *section, _ *bid) { p.DurationDays = 366 }},
		{"price.quality quality_differs", false, func(_ *terms, _, p *section, _ *bid) { p.Quality = "优良" }},
		{"price.manager manager_missing", true, func(_ *terms, _, p *section, _ *bid) { p.Manager = " " }},
		{"price.deposit.amount deposit_short", false, func(_ *terms, _, p *section, _ *bid) { p.Deposit.Amount = "1.00" }},
		{"price.deposit.form deposit_short", true, func(_ *terms, _, p *section, _ *bid) { p.Deposit.Form = "现金" }},
		{"qualification.values.grade value_missing", true, func(_ *terms, q, _ *section, _ *bid) { q.Values["grade"] = "三级" }},
		{"qualification.values.people value_missing", true, func(_ *terms, q, _ *section, _ *bid) { q.Values["people"] = "1.5" }},
		{"qualification.values.since value_missing", true, func(_ *terms, q, _ *section, _ *bid) { q.Values["since"] = "2001-02-30" }},
		{"qualification.values.other unexpected_member", true, func(_ *terms, q, _ *section, _ *bid) { q.Values["other"] = "x" }},
		{"price.values.provisional value_missing", true, func(_ *terms, _, p *section, _ *bid) { p.Values["provisional"] = "1.001" }},
		{"price.values.taxed value_missing", true, func(_ *terms, _, p *section, _ *bid) { p.Values["taxed"] = "是" }},
		{"qualification.attachments.licence attachment_missing", true, func(_ *terms, q, _ *section, _ *bid) { q.Attachments = nil }},
		{"qualification.attachments.licence attachment_missing", true, func(_ *terms, q, _ *section, _ *bid) { q.Attachments["licence"] = []string{"别的.pdf"} }},
		{"qualification.attorney attorney_missing", true, func(_ *terms, q, _ *section, _ *bid) { q.Attorney = "" }},
		{"price.bill bill_incomplete", true, func(_ *terms, _, p *section, _ *bid) { p.Bill = nil }},
		{"price.bill.0.unitPrice bill_incomplete", true, func(_ *terms, _, p *section, _ *bid) { p.Bill[0].UnitPrice = "" }},
		{"price.bill.1.code bill_incomplete", true, func(_ *terms, _, p *section, _ *bid) { p.Bill[1].Code = "040101001" }},
		{"price.bill.1.amount bill_sum_differs", true, func(_ *terms, _, p *section, _ *bid) { p.Bill[1].Amount = "4.00" }},
		{"qualification.consortium consortium_not_allowed", true, func(t *terms, _, _ *section, _ *bid) { t.Form.Consortium = nil }},
		{"qualification.consortium consortium_invalid", true, func(_ *terms, q, _ *section, _ *bid) {
			q.Consortium.Members = append(q.Consortium.Members, tenderform.Member{Name: "丙", USCC: "91321300MA1XTEST03", Share: "1"})
		}},
		{"qualification.consortium.members consortium_invalid", true, func(_ *terms, q, _ *section, _ *bid) { q.Consortium.Lead.Share = "50" }},
		{"qualification.consortium.members.0.uscc consortium_invalid", true, func(_ *terms, q, _ *section, _ *bid) { q.Consortium.Members[0].USCC = leadCode }},
		{"qualification.consortium.lead.uscc consortium_invalid", true, func(_ *terms, _, _ *section, b *bid) { b.Owner.USCC = "91321300MA1XTEST09" }},
		{"qualification.consortium.agreement consortium_invalid", true, func(_ *terms, q, _ *section, _ *bid) { q.Consortium.Agreement = "" }},
		{"qualification.subcontracts subcontract_not_allowed", true, func(t *terms, _, _ *section, _ *bid) { t.Form.Subcontracting = false }},
		{"qualification.subcontracts.0.share subcontract_invalid", true, func(_ *terms, q, _ *section, _ *bid) { q.Subcontracts[0].Share = "100" }},
		{"price.consortium unexpected_member", true, func(_ *terms, q, p *section, _ *bid) { p.Subcontracts = q.Subcontracts }},
		{"qualification.price unexpected_member", true, func(_ *terms, q, _ *section, _ *bid) { q.Price = "1.00" }},
		{"owner.uscc value_missing", true, func(_ *terms, _, _ *section, b *bid) { b.Owner.USCC = "1" }},
		{"owner.agent value_missing", true, func(_ *terms, _, _ *section, b *bid) { b.Owner.Agent = " " }},
		{"secret unexpected_member", true, func(_ *terms, _, _ *section, b *bid) { b.Forms["secret"] = section{} }},
		{"technical section_missing", true, func(t *terms, _, _ *section, _ *bid) { t.Sections[1].Required = true }},
	} {
		terms := sample()
		terms.Form.Bill.Tolerance = "0.02"
		terms.Sections = slices.Clone(terms.Sections)
		b := complete()
		q, p := b.Forms["qualification"], b.Forms["price"]
		c.change(&terms, &q, &p, &b)
		b.Forms["qualification"], b.Forms["price"] = q, p
		problems := tenderform.Check(terms, b)
		at := slices.Index(codes(problems), c.want)
		if at < 0 || problems[at].Block != c.block {
			t.Errorf("want %q (block %v), got %+v", c.want, c.block, problems)
			continue
		}
		if !strings.HasSuffix(problems[at].Message, "。") || tenderform.Blocked(problems) != slices.ContainsFunc(problems, func(p tenderform.Problem) bool { return p.Block }) {
			t.Errorf("%s: message %q", c.want, problems[at].Message)
		}
	}
}

func TestDocumentWithoutFormAsksForTheLetter(t *testing.T) {
	t.Parallel()
	terms := sample()
	terms.Form = nil
	got := codes(tenderform.Check(terms, tenderform.Complete(terms, bid{Files: map[string][]string{}})))
	for _, want := range []string{"qualification.files section_missing", "price.price price_unreadable", "price.durationDays duration_over", "price.manager manager_missing", "price.deposit.amount deposit_short"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

func TestFormProblems(t *testing.T) {
	t.Parallel()
	if p := sample().Form.Problems(sections); len(p) > 0 {
		t.Fatalf("a good form: %+v", p)
	}
	if p := (*form)(nil).Problems(sections); p != nil {
		t.Errorf("no form: %+v", p)
	}
	bad := &form{
		Fields: []tenderform.Field{{Section: "none", Name: "Bad name", Kind: "colour"}, {Section: "price", Name: "a", Label: "甲", Kind: "choice", Options: []string{"一", "一"}},
			{Section: "price", Name: "a", Label: "乙", Kind: "text", Options: []string{"x"}}},
		Attachments: []tenderform.Attachment{{Section: "price", Name: "a", Label: strings.Repeat("长", 101)}},
		Bill: &tenderform.Bill{Section: "nowhere", Tolerance: "1%", Items: []tenderform.BillItem{
			{Code: "1", Name: "甲", Unit: "m", Quantity: "0"}, {Code: "1"}}},
		Consortium: &tenderform.Consortium{MaxMembers: 1},
	}
	got := map[string]bool{}
	for _, p := range bad.Problems(sections) {
		got[p.Field] = true
	}
	for _, want := range []string{"form.fields.0.section", "form.fields.0.name", "form.fields.0.label", "form.fields.0.kind", "form.fields.1.options", "form.fields.2.name",
		"form.fields.2.options", "form.attachments.0.name", "form.attachments.0.label", "form.bill.section", "form.bill.tolerance", "form.bill.items.0.quantity",
		"form.bill.items.1.code", "form.bill.items.1.name", "form.bill.items.1.unit", "form.consortium.maxMembers"} {
		if !got[want] {
			t.Errorf("no problem at %s: %v", want, slices.Sorted(maps.Keys(got)))
		}
	}
}

func TestDecodeFormRefusesWhatWouldBeLost(t *testing.T) {
	t.Parallel()
	if f, err := tenderform.DecodeForm("price", json.RawMessage(`{"price":"1.00","values":{"a":"b"}}`)); err != nil || f.Values["a"] != "b" {
		t.Errorf("%+v, %v", f, err)
	}
	for raw, words := range map[string]string{`{"prize":"1.00"}`: "没有 \"prize\" 这一项", `{"durationDays":"365"}`: "durationDays", `{`: "JSON"} {
		_, err := tenderform.DecodeForm("price", json.RawMessage(raw))
		if e, ok := apperr.From(err); !ok || e.Code != "form.unreadable" || !strings.Contains(e.Detail, words) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
