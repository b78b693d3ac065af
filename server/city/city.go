package city

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
	"jianbiao/server/platform"
)

// Stream records that the city was begun and finished.
const Stream = "platform/rehearsal"

// bidding firms of the city that have keys; the others are there to be played.
const biddingFirms = 6

type maker struct {
	p       *platform.Platform
	who     map[string]actor.Actor // by login
	bidders []*bidder
	lots    []*lot.Lot
}

// Make builds the city on an empty rehearsal platform, before its timetable
// runs; on one that has the city it does nothing. Error: city.half_made.
func Make(ctx context.Context, p *platform.Platform) error {
	events, err := p.Store.Since(ctx, Stream, 0, 10)
	if err != nil {
		return err
	}
	switch {
	case len(events) >= 2:
		return nil
	case len(events) == 1:
		return errHalf()
	}
	if _, err := p.Clock.Start(ctx, Conductor(), birth); err != nil {
		return err
	}
	if err := note(ctx, p, "city.begun"); err != nil {
		return err
	}
	m := &maker{p: p, who: map[string]actor.Actor{}}
	for _, step := range []func(context.Context) error{m.settleAll, m.announceEarly, m.submitAll, m.openEarly, m.announceLate, m.openMiddle, m.today} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("make the rehearsal city: %w", err)
		}
	}
	return note(ctx, p, "city.finished")
}

func note(ctx context.Context, p *platform.Platform, kind string) error {
	return p.Store.Change(ctx, func(tx *evidence.Tx) error {
		tx.Record(evidence.Draft{Stream: Stream, Kind: kind, Actor: Conductor()})
		return nil
	})
}

func (m *maker) move(ctx context.Context, to time.Time) error {
	_, err := m.p.Clock.Move(ctx, Conductor(), to)
	return err
}

func (m *maker) settleAll(ctx context.Context) error {
	for i, u := range units() {
		people, err := settle(ctx, m.p.Identity, i, u)
		if err != nil {
			return err
		}
		for j, a := range people {
			m.who[u.people[j].Login] = a
		}
	}
	for i := range biddingFirms {
		b, err := newBidder(ctx, m.p, m.who[fmt.Sprintf("bidder%d", i+1)])
		if err != nil {
			return err
		}
		m.bidders = append(m.bidders, b)
	}
	return nil
}

// announceEarly drafts every lot and publishes those whose bids are due before
// the rehearsal begins.
func (m *maker) announceEarly(ctx context.Context) error {
	for i, p := range plans() {
		l, err := m.draft(ctx, i+1, p)
		if err != nil {
			return err
		}
		if !p.deadline.IsZero() && !p.deadline.After(today) {
			if l, err = m.publish(ctx, l, p, birth); err != nil {
				return fmt.Errorf("publish %s: %w", p.project, err)
			}
		}
		m.lots = append(m.lots, l)
	}
	return nil
}

func (m *maker) submitAll(ctx context.Context) error {
	if err := m.move(ctx, sealed); err != nil {
		return err
	}
	for i, p := range plans() {
		for j, price := range p.prices {
			if err := m.bidders[j].bid(ctx, m.p, m.lots[i], price); err != nil {
				return err
			}
		}
		if p.state == lot.Terminated {
			if err := m.p.Lots.Terminate(ctx, m.who[fmt.Sprintf("agency%d", p.agency)], m.lots[i].ID, "项目建设方案调整，取消本次招标"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *maker) openEarly(ctx context.Context) error {
	return m.openAt(ctx, early)
}

func (m *maker) openMiddle(ctx context.Context) error {
	return m.openAt(ctx, middle)
}

func (m *maker) openAt(ctx context.Context, deadline time.Time) error {
	if err := m.move(ctx, deadline); err != nil {
		return err
	}
	for i, p := range plans() {
		if !p.deadline.Equal(deadline) || p.state == lot.Terminated {
			continue
		}
		if p.opening == opening.AbortedLt3 {
			o := m.p.Openings
			if err := errors.Join(o.OpenLobby(ctx, actor.System(), m.lots[i].ID), o.RecordCutoff(ctx, actor.System(), m.lots[i].ID),
				o.AbortLt3(ctx, actor.System(), m.lots[i].ID)); err != nil {
				return err
			}
			continue
		}
		if err := m.open(ctx, m.lots[i], p); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) announceLate(ctx context.Context) error {
	if err := m.move(ctx, late); err != nil {
		return err
	}
	for i, p := range plans() {
		if p.deadline.After(today) {
			if _, err := m.publish(ctx, m.lots[i], p, late); err != nil {
				return fmt.Errorf("publish %s: %w", p.project, err)
			}
		}
	}
	return nil
}

// today opens the lobby of this morning's lot and saves the vaults of its
// bidders, so that a visitor can take a seat there.
func (m *maker) today(ctx context.Context) error {
	if err := m.move(ctx, Begin); err != nil {
		return err
	}
	for i, p := range plans() {
		if p.opening == opening.LobbyOpen {
			if err := m.p.Openings.OpenLobby(ctx, actor.System(), m.lots[i].ID); err != nil {
				return err
			}
		}
	}
	return m.each(m.bidders, func(b *bidder) error { return b.keep(ctx, m.p, Begin) })
}
