package opening_test

import (
	"slices"
	"testing"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/opening"
	"jianbiao/internal/certificate"
	"jianbiao/internal/certificate/democa"
	"jianbiao/internal/seal"
)

// With a trusted CA a bid is its firm's by the certificate that signed it; one
// that fails is flagged, and nothing is rejected.
func TestRoster_CertificatesProveWhoseABidIs(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	ca, err := democa.New(biddingtest.Start)
	c.Must(err)
	other, err := democa.New(biddingtest.Start)
	c.Must(err)
	trust := certificate.NewTrust()
	c.Must(trust.AddCA(ca.Certificate))
	c.Openings.SetTrust(trust)
	l := c.Published()
	names := []string{"苏北建设集团有限公司", "运河建工集团有限公司", "华宇建筑工程有限公司", "项王市政工程有限公司", "泗水建设有限公司", "洪泽路桥工程有限公司"}
	var firms []*biddingtest.Firm
	for i, name := range names {
		f := c.NewFirm(name)
		sign := func(ca *democa.CA, to democa.Subject) seal.Signer {
			signer, err := ca.Issue(to, biddingtest.Start)
			c.Must(err)
			return signer
		}
		own := democa.Subject{Organisation: name, USCC: f.Actor.USCC}
		person := own
		person.Person, person.Title = "王建设", "法定代表人"
		switch i {
		case 0: // the firm's certificate, whose key nobody has registered, and its signer's
			f.Seal, f.Person = sign(ca, own), sign(ca, person)
		case 1: // a key of the vault, as ever
		case 2: // a CA that nobody trusts
			f.Seal = sign(other, own)
		case 3: // the certificate of another firm
			f.Seal = sign(ca, democa.Subject{Organisation: names[0], USCC: firms[0].Actor.USCC})
		case 4: // the certificate of another person
			person.Person = "李四"
			f.Person = sign(ca, person)
		case 5: // a person's certificate in the place of the firm's
			f.Seal = sign(ca, person)
		}
		c.Bid(f, l, "45000000", "肆仟伍佰万元整")
		firms = append(firms, f)
	}
	c.To(l, firms, opening.RosterPublished)
	events, err := c.Store.OfKind(t.Context(), "lot/"+l.ID, "opening.roster_published")
	c.Must(err)
	var roster []opening.RosterEntry
	if ok, err := events[0].Get("bidders", &roster); !ok || err != nil || len(roster) != len(firms) {
		t.Fatalf("%d of %d bidders, %v", len(roster), len(firms), err)
	}
	want := []string{"", "", "owner_certificate", "owner_certificate", "signer_certificate", "owner_certificate"}
	for _, e := range roster {
		i := slices.IndexFunc(firms, func(f *biddingtest.Firm) bool { return f.Sealed.Digest == e.Digest })
		if i < 0 || e.Organisation != names[i] {
			t.Fatalf("%+v", e)
		}
		flag := e.Flag
		if flag != want[i] {
			t.Errorf("%s: %q, want %q", names[i], flag, want[i])
		}
		if flag != "" && opening.Flags[flag] == "" {
			t.Errorf("no label for %s", flag)
		}
	}
}
