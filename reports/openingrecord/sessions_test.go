package openingrecord_test

import (
	"context"
	"strings"
	"testing"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/opening"
	"jianbiao/internal/apperr"
	"jianbiao/reports/openingrecord"
	"jianbiao/reports/pdftest"
)

// Each session of a tender of two envelopes has a record of its own; the first
// is the same before and after the second, and names no price.
func TestOf_TwoSessions(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := biddingtest.New(t)
	l := c.PublishedWith(biddingtest.TwoEnvelopes())
	firms := []*biddingtest.Firm{c.NewFirm("苏北建设集团有限公司"), c.NewFirm("运河建工集团有限公司"), c.NewFirm("华宇建筑工程有限公司")}
	for _, f := range firms {
		c.Bid(f, l, "45600000.00", "肆仟伍佰陆拾万元整")
	}
	of := func(session int) (openingrecord.Record, error) {
		return openingrecord.Of(ctx, c.Store, c.Openings, l, session, "https://example.org")
	}
	if _, err := of(0); apperr.CodeOf(err) != "record.not_closed" {
		t.Errorf("before the opening: %v", err)
	}
	c.Between(l, firms)
	first, err := of(0)
	c.Must(err)
	if _, err := of(2); apperr.CodeOf(err) != "opening.no_session" {
		t.Errorf("record of a session to come: %v", err)
	}
	text := pdftest.Text(t, pdftest.File(t, draw(t, first)))
	for _, want := range []string{"第一次开标", "第一信封开标一览表", "第二信封（报价文件）没有打开", "密封检查"} {
		if !strings.Contains(text, pdftest.Squeeze(want)) {
			t.Errorf("the first record does not say %q", want)
		}
	}
	if strings.Contains(text, "45,600,000") || strings.Contains(text, "肆仟伍佰陆拾万") || first.Coefficient != nil {
		t.Error("the first record names a price or a coefficient")
	}
	c.ToSecond(l, firms, firms[:2], opening.Closed)
	second, err := of(0)
	c.Must(err)
	again, err := of(1)
	c.Must(err)
	if openingrecord.Digest(again) != openingrecord.Digest(first) {
		t.Error("the record of the first session changed")
	}
	text = pdftest.Text(t, pdftest.File(t, draw(t, second)))
	for _, want := range []string{"第二次开标", "45,600,000.00", openingrecord.Rejected, "评标报告〔2026〕1号", "业绩不满足"} {
		if !strings.Contains(text, pdftest.Squeeze(want)) {
			t.Errorf("the second record does not say %q", want)
		}
	}
	if len(second.Confirmations) != 3 || second.Coefficient == nil || second.Session == "" {
		t.Errorf("second record: %+v", second)
	}
}
