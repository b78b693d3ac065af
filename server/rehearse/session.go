package rehearse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"jianbiao/bidding/opening"
)

// toDeadline waits for a person who bids, then moves the clock to just before
// the deadline, lets everybody into the hall, and passes it.
func (p *play) toDeadline(ctx context.Context) error {
	if p.o.Seat == "bidder" {
		p.tell("等您投标", "请登录后在标段页面填写投标函、加密并提交，然后点“我已提交，继续”")
		select {
		case <-p.o.Proceed:
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(humanPatience):
		}
	}
	lead := 30 * time.Second
	if p.o.Seat != "" {
		lead = 20 * time.Second
	}
	if err := p.moveTo(ctx, p.lot.Deadline.Add(-lead)); err != nil {
		return err
	}
	for _, r := range p.robots {
		r.hall = enter(r.client, p.lot.ID, "party")
		go r.hall.run(ctx)
	}
	p.tell("进入大厅", "各方进入开标大厅，等候截止")
	if p.o.Seat != "" {
		return nil // legal time runs at rate 1 while a person is there
	}
	return p.moveTo(ctx, p.lot.Deadline)
}

// humanPatience is how long a rehearsal waits for its person.
const humanPatience = 20 * time.Minute

// session plays the opening: every robot acts on what it sees in the hall.
func (p *play) session(ctx context.Context) error {
	patient := p.o.Pace + 15*time.Minute
	if p.o.Seat != "" {
		patient += 2 * humanPatience
	}
	limit, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	host := enter(p.host, p.lot.ID, "party")
	watch := enter(p.watch, p.lot.ID, "party")
	wall := enter(p.open, p.lot.ID, "public")
	for _, h := range []*hall{host, watch, wall} {
		go h.run(limit)
	}
	var all sync.WaitGroup
	failures := make(chan error, len(p.robots)+2)
	part := func(f func() error) {
		all.Go(func() {
			err := f()
			if err != nil {
				cancel() // nobody waits for one who cannot go on
			}
			failures <- err
		})
	}
	for i, r := range p.robots {
		part(func() error { return p.bid(limit, i, r) })
	}
	part(func() error { return p.conduct(limit, host) })
	part(func() error { return p.supervise(limit, watch) })
	all.Wait()
	close(failures)
	var err error
	for e := range failures {
		err = errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	return p.sawAll(ctx, host, watch, wall)
}

// sawAll says whether every place in the hall saw every event once: each has
// come to the head of the stream without a gap.
func (p *play) sawAll(ctx context.Context, places ...*hall) error {
	for _, r := range p.robots {
		places = append(places, r.hall)
	}
	events, err := p.allEvents(ctx)
	if err != nil {
		return err
	}
	head := int64(len(events))
	for _, h := range places {
		for until := time.Now().Add(10 * time.Second); h.position() < head && time.Now().Before(until); {
			h.wait(ctx, h.position(), time.Second)
		}
		if h.position() != head || h.gaps > 0 {
			return fmt.Errorf("大厅里有一席只看到第 %d 条，共有 %d 条", h.position(), head)
		}
	}
	return nil
}

// over says whether the session has ended for everybody.
func (p *play) over(s opening.State) bool {
	return s == opening.Closed || s == opening.AbortedLt3 || (s == opening.BetweenSessions && !p.second)
}

// follow shows each new state of the hall to act until the session is over.
func (p *play) follow(ctx context.Context, h *hall, act func(*opening.Snapshot) error) error {
	for ctx.Err() == nil {
		at := h.position()
		snap, err := h.look(ctx)
		if tooOften(err) {
			rest(ctx, time.Second)
			continue
		}
		if err != nil {
			return err
		}
		if p.over(snap.State) {
			return nil
		}
		if err := act(snap); err != nil && !passing(err) && !tooOften(err) {
			return err
		}
		h.wait(ctx, at, 2*time.Second)
		rest(ctx, 400*time.Millisecond) // events come in bursts; one look is enough for all
	}
	return fmt.Errorf("开标没有在时限内结束： %w", ctx.Err())
}

// passing are refusals that say that the hall has moved on meanwhile: look again.
func passing(err error) bool {
	var problem *Problem
	return errors.As(err, &problem) && (problem.Status == http.StatusPreconditionFailed || problem.Status == http.StatusConflict)
}

// tooOften says that the hall asks for patience.
func tooOften(err error) bool {
	var problem *Problem
	return errors.As(err, &problem) && problem.Status == http.StatusTooManyRequests
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// pause spreads the opening over the pace asked for.
func (p *play) pause(ctx context.Context, share float64) {
	rest(ctx, time.Duration(float64(p.o.Pace)*share))
}
