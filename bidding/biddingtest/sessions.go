package biddingtest

import (
	"context"
	"slices"
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
)

// TwoEnvelopes are the parameters of a document of two envelopes (双信封): the
// price is opened in the second session.
func TwoEnvelopes() lot.Params {
	p := Params()
	for i := range p.Sections {
		if p.Sections[i].Name == "price" {
			p.Sections[i].Session = lot.SecondSession
		}
	}
	return p
}

// SecondDay is when the second session of ToSecond is held.
var SecondDay = Deadline.AddDate(0, 0, 3)

// Between brings a tender of two envelopes to the end of its first session.
func (c *City) Between(l *lot.Lot, firms []*Firm) {
	c.T.Helper()
	c.To(l, firms, opening.RecordConfirming)
	c.Must(c.confirmAll(context.Background(), l, firms, c.Openings.CloseFirst))
}

// Review records that these firms passed the review of the first envelope and
// the others of the lot did not.
func (c *City) Review(l *lot.Lot, firms, passed []*Firm) error {
	in := opening.ReviewInput{Report: "评标报告〔2026〕1号"}
	for _, f := range firms {
		if slices.Contains(passed, f) {
			in.Pass = append(in.Pass, f.Sealed.Digest)
		} else {
			in.Failed = append(in.Failed, opening.FailedReview{Digest: f.Sealed.Digest, Reason: "项目负责人业绩不满足招标文件要求"})
		}
	}
	return c.Openings.Review(context.Background(), c.Agency, l.ID, in)
}

// ToSecond brings a tender of two envelopes, from the end of its first session,
// to a state of its second, in which these firms take part.
func (c *City) ToSecond(l *lot.Lot, firms, passed []*Firm, state opening.State) {
	c.T.Helper()
	ctx := context.Background()
	c.Must(c.Review(l, firms, passed))
	c.Must(c.Openings.ScheduleSecond(ctx, c.Agency, l.ID, SecondDay))
	steps := []struct {
		to opening.State
		do func() error
	}{
		{opening.LobbyOpen, func() error {
			c.At(SecondDay.Add(-time.Minute))
			return c.Openings.OpenLobby(ctx, actor.System(), l.ID)
		}},
		{opening.Started, func() error { c.At(SecondDay); return c.Openings.Start(ctx, c.Agency, l.ID) }},
		{opening.RosterPublished, func() error {
			for _, f := range passed {
				if err := c.Openings.CheckSeal(ctx, f.Actor, l.ID, c.Signed(f, l.ID, "check_seal", nil)); err != nil {
					return err
				}
			}
			return c.Openings.PublishRoster(ctx, c.Agency, l.ID)
		}},
		{opening.Decrypting, func() error { return c.Openings.StartDecrypt(ctx, c.Agency, l.ID) }},
		{opening.DecryptClosed, func() error {
			for _, f := range passed {
				if err := c.Release(f, l.ID); err != nil {
					return err
				}
			}
			return c.Openings.CloseWindow(ctx, c.Agency, l.ID)
		}},
		{opening.Imported, func() error { return c.Openings.ImportBids(ctx, actor.System(), l.ID) }},
		{opening.Announcing, func() error { return c.Openings.Announce(ctx, c.Agency, l.ID) }},
		{opening.ObjectionWindow, func() error { return c.Openings.OpenObjections(ctx, c.Agency, l.ID) }},
		{opening.RecordConfirming, func() error {
			for _, f := range passed {
				if err := c.Openings.NoObjection(ctx, f.Actor, l.ID, c.Signed(f, l.ID, "no_objection", nil)); err != nil {
					return err
				}
			}
			return c.Openings.StartConfirmation(ctx, c.Agency, l.ID)
		}},
		{opening.Closed, func() error { return c.confirmAll(ctx, l, passed, c.Openings.Close) }},
	}
	for _, s := range steps {
		c.Must(s.do())
		if s.to == state {
			return
		}
	}
	c.T.Fatalf("no way to state %s of the second session", state)
}
