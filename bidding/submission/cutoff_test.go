package submission_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/keystore"
	"jianbiao/internal/seal"
)

func withdraw(c *biddingtest.City, f *biddingtest.Firm, l *lot.Lot) error {
	_, err := c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(c.Seal(f, l, seal.KindWithdrawal, "", "")))
	return err
}

// Replaced, withdrawn, replaced and then withdrawn, and withdrawn and handed in
// anew: at the cut-off the newest of each chain stands, the others are opened by
// nobody, another lot's envelopes stay where they are, and a stranger computes
// the record's digest from its rows.
func TestCutoff_ResolvesChains(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, other := c.Published(), c.Published()
	var firms []*biddingtest.Firm
	for i := range 6 {
		f := c.NewFirm(fmt.Sprintf("第%d建设有限公司", i))
		firms = append(firms, f)
		c.Bid(f, l, price, capital)
		c.Bid(c.NewFirm(fmt.Sprintf("别处%d建设有限公司", i)), other, price, capital)
	}
	first := firms[1].Sealed
	c.Bid(firms[1], l, "44000000.00", "肆仟肆佰万元整") // replaced once
	c.Bid(firms[2], l, "44000000.00", "肆仟肆佰万元整")
	c.Bid(firms[2], l, "43000000.00", "肆仟叁佰万元整") // twice
	c.Must(withdraw(c, firms[3], l))
	c.Bid(firms[4], l, "44000000.00", "肆仟肆佰万元整")
	c.Must(withdraw(c, firms[4], l)) // replaced and withdrawn
	c.Must(withdraw(c, firms[5], l))
	_, err := c.Submissions.Submit(ctx, firms[5].Actor, bytes.NewReader(c.Seal(firms[5], l, seal.KindBid, price, capital)))
	code(t, err, "bid.bad_replacement") // what was withdrawn is over
	firms[5].OneTime, err = seal.GenerateKey()
	c.Must(err)
	firms[5].Sealed, firms[5].Number = seal.Sealed{}, 0
	c.Bid(firms[5], l, "43000000.00", "肆仟叁佰万元整") // and anew, under a key of its own
	c.To(l, nil, "lobby_open")
	c.At(biddingtest.Deadline)
	c.Must(c.Openings.RecordCutoff(ctx, actor.System(), l.ID))
	record, err := c.Openings.Cutoff(ctx, l.ID)
	c.Must(err)
	want := []string{firms[0].Sealed.Digest, firms[1].Sealed.Digest, firms[2].Sealed.Digest, firms[5].Sealed.Digest}
	slices.Sort(want)
	var got, rows []string
	for _, r := range record.Rows {
		got = append(got, r.Digest)
		rows = append(rows, fmt.Sprintf(`{"digest":%q,"number":%d,"size":%d}`, r.Digest, r.Number, r.Size))
	}
	if !slices.Equal(got, want) || record.Count != 4 {
		t.Errorf("the record has %v, want %v", got, want)
	}
	sum := sm3.Sum(fmt.Appendf(nil, `{"lot":%q,"rows":[%s],"tag":"jianbiao/cutoff/1"}`, l.ID, strings.Join(rows, ",")))
	if digest := fmt.Sprintf("sm3:%x", sum); digest != record.Digest {
		t.Errorf("a stranger computes %s, the record says %s", digest, record.Digest)
	}
	var pending int
	c.Must(c.DB.Owner.Get(&pending, `SELECT count(*) FROM envelope`))
	if pending != 6 {
		t.Errorf("%d envelopes are pending, six are the other lot's", pending)
	}
	owner, _ := first.Header.Section(seal.OwnerSection)
	_, err = c.Keys.Release(ctx, keystore.Order{Lot: l.ID, Stage: keystore.Owners, Digest: first.Digest, Wraps: []string{owner.WrapTender}})
	code(t, err, "keystore.not_permitted")
	c.Must(c.Openings.RecordCutoff(ctx, actor.System(), lobby(c, other)))
}

// A number of one bid is given once, even when two of its envelopes arrive at
// the same moment.
func TestSubmit_OneNumberOnce(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
	c.Bid(f, l, price, capital)
	first := f.Sealed
	const rivals = 8
	envelopes := make([][]byte, rivals)
	for i := range envelopes {
		f.Sealed, f.Number = first, 1
		envelopes[i] = c.Seal(f, l, seal.KindBid, fmt.Sprintf("4%d000000.00", i), "肆仟万元整")
	}
	var wg sync.WaitGroup
	errs := make([]error, rivals)
	for i, e := range envelopes {
		wg.Go(func() { _, errs[i] = c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(e)) })
	}
	wg.Wait()
	taken := 0
	for _, err := range errs {
		if err == nil {
			taken++
			continue
		}
		code(t, err, "bid.not_newest")
	}
	if taken != 1 || files(t, c) != 2 {
		t.Errorf("%d of one number were taken, %d files", taken, files(t, c))
	}
}

// What a lot cannot take is refused whichever way it is wrong, and leaves
// nothing behind.
func TestSubmit_ForeignReplacements(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, other := c.Published(), c.Published()
	f, g := c.NewFirm("苏北建设集团有限公司"), c.NewFirm("运河建工集团有限公司")
	c.Bid(f, l, price, capital)
	c.Bid(g, other, price, capital)
	before := files(t, c)
	// A replacement of a bid for another lot.
	g.Number = 1
	_, err := c.Submissions.Submit(ctx, g.Actor, bytes.NewReader(c.Seal(g, l, seal.KindBid, price, capital)))
	code(t, err, "bid.bad_replacement")
	// A replacement that names a digest nobody handed in.
	unknown := *f
	unknown.Sealed.Digest, unknown.Number = "sm3:"+strings.Repeat("0", 64), 1
	_, err = c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(c.Seal(&unknown, l, seal.KindBid, price, capital)))
	code(t, err, "bid.bad_replacement")
	// A number that skips one.
	skips := *f
	skips.Number = 2
	_, err = c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(c.Seal(&skips, l, seal.KindBid, price, capital)))
	code(t, err, "bid.bad_replacement")
	// Too much in one day.
	for range 300 {
		if _, err = c.Submissions.Submit(ctx, f.Actor, strings.NewReader("")); apperr.CodeOf(err) != "bid.malformed" {
			break
		}
	}
	code(t, err, "bid.too_many")
	_, err = c.Submissions.Submit(ctx, g.Actor, strings.NewReader(""))
	code(t, err, "bid.malformed") // another's day is his own
	if files(t, c) != before {
		t.Error("a refused envelope left a file")
	}
}

func TestRegisterFirmKey(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	f := c.NewFirm("苏北建设集团有限公司")
	uncertified := f.Actor
	uncertified.Certified = false
	code(t, c.Submissions.RegisterFirmKey(ctx, uncertified, f.Firm.Public().Text()), "bid.not_certified")
	code(t, c.Submissions.RegisterFirmKey(ctx, c.Buyer, f.Firm.Public().Text()), "bid.not_certified")
	code(t, c.Submissions.RegisterFirmKey(ctx, f.Actor, "nonsense"), "firm_key.malformed")
	c.Must(c.Submissions.RegisterFirmKey(ctx, f.Actor, f.Firm.Public().Text())) // again is no harm
	var n int
	c.Must(c.DB.Owner.Get(&n, `SELECT count(*) FROM firm_key`))
	if n != 1 {
		t.Errorf("%d keys", n)
	}
}

// lobby opens the hall of a lot.
func lobby(c *biddingtest.City, l *lot.Lot) string {
	c.At(biddingtest.Deadline.Add(-time.Minute))
	c.Must(c.Openings.OpenLobby(ctx, actor.System(), l.ID))
	c.At(biddingtest.Deadline)
	return l.ID
}
