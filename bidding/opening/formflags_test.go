package opening_test

import (
	"encoding/json"
	"slices"
	"testing"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/opening"
	"jianbiao/bidding/tenderform"
)

// Three firms bid under a form: the first leads a consortium with the second,
// which also bids alone; the third lacks a paper, and its bill does not add up.
func TestFormFlags(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	params := biddingtest.Params()
	params.Form = &tenderform.Form{
		Attachments: []tenderform.Attachment{{Section: "qualification", Name: "licence", Label: "营业执照", Required: true}},
		Bill:        &tenderform.Bill{Section: "price", Items: []tenderform.BillItem{{Code: "1", Name: "工程", Unit: "项", Quantity: "1"}}},
		Consortium:  &tenderform.Consortium{MaxMembers: 2},
	}
	l := c.PublishedWith(params)
	firms := []*biddingtest.Firm{c.NewFirm("苏北建设集团有限公司"), c.NewFirm("运河建工集团有限公司"), c.NewFirm("华宇建筑工程有限公司"), c.NewFirm("泗水建设有限公司")}
	qualification := tenderform.SectionForm{Attachments: map[string][]string{"licence": {"资质证书.pdf"}}}
	member := func(i int, share string) tenderform.Member {
		return tenderform.Member{Name: firms[i].Actor.OrganisationName, USCC: firms[i].Actor.USCC, Share: share}
	}
	expected := map[string][]string{}
	for i, b := range []struct {
		change   func(q, p *tenderform.SectionForm)
		expected []string
	}{
		{func(q, _ *tenderform.SectionForm) {
			q.Consortium = &tenderform.Membership{Lead: member(0, "60"), Members: []tenderform.Member{member(1, "40")}, Agreement: "协议.pdf"}
		}, []string{"consortium_member_repeated"}},
		{func(_, _ *tenderform.SectionForm) {}, []string{"consortium_member_repeated"}},
		{func(q, p *tenderform.SectionForm) {
			q.Attachments = nil
			p.Bill[0] = tenderform.BillLine{Code: "1", UnitPrice: "45600000.01", Amount: "45600000.01"}
			q.Subcontracts = []tenderform.Subcontract{{Scope: "全部", Share: "99"}}
		}, []string{"attachment_missing", "bill_sum_differs", "subcontract_not_allowed"}},
		{func(_, _ *tenderform.SectionForm) {}, nil},
	} {
		q := qualification
		var p tenderform.SectionForm
		if err := json.Unmarshal(biddingtest.Form("45600000.00", "肆仟伍佰陆拾万元整"), &p); err != nil {
			t.Fatal(err)
		}
		p.Bill = []tenderform.BillLine{{Code: "1", UnitPrice: "45600000.00", Amount: "45600000.00"}}
		b.change(&q, &p)
		firms[i].Forms = map[string]json.RawMessage{"qualification": marshal(t, q), "price": marshal(t, p)}
		c.Bid(firms[i], l, "45600000.00", "肆仟伍佰陆拾万元整")
		expected[firms[i].Actor.USCC] = b.expected
	}
	c.To(l, firms, opening.Closed)
	snap, err := c.Openings.Snapshot(ctx, l.ID)
	c.Must(err)
	for _, r := range snap.Table {
		if got := slices.Sorted(slices.Values(r.Flags)); !slices.Equal(got, expected[r.USCC]) {
			t.Errorf("%s has flags %v, want %v", r.Organisation, r.Flags, expected[r.USCC])
		}
		for _, f := range r.Flags {
			if opening.Flags[f] == "" {
				t.Errorf("flag %s has no label", f)
			}
		}
	}
	if len(snap.Table) != len(firms) {
		t.Errorf("%d rows", len(snap.Table))
	}
}

func marshal(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
