package rehearse

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"jianbiao/internal/evidence"
	"jianbiao/server/firm"
)

// prepare finds the people, takes the lease and logs everybody in.
func (p *play) prepare(ctx context.Context) (err error) {
	if p.open, err = newClient(p.o.URL, ""); err != nil {
		return err
	}
	var city struct{ People []person }
	if err := p.open.do(ctx, http.MethodGet, "/api/rehearsal", nil, &city); err != nil {
		return fmt.Errorf("这不是一个演练平台，或者平台没有启动：%w", err)
	}
	p.people = city.People
	if p.theLease() == "" {
		var lease struct{ Lease string }
		if err := p.open.do(ctx, http.MethodPost, "/api/rehearsal/lease", map[string]string{"holder": "jianbiao rehearse"}, &lease); err != nil {
			return err
		}
		p.setLease(lease.Lease)
	}
	if err := p.calm(ctx); err != nil {
		return err
	}
	for _, l := range []struct {
		to    **client
		login string
	}{{&p.buyer, "buyer1"}, {&p.host, "agency1"}, {&p.watch, "supervisor1"}} {
		if *l.to, _, err = p.login(ctx, l.login); err != nil {
			return err
		}
	}
	if err := p.hire(ctx); err != nil {
		return err
	}
	if err := p.furnish(ctx); err != nil {
		return err
	}
	return p.open.do(ctx, http.MethodGet, "/api/keys", nil, &p.keys)
}

// calm lets the clock run at rate 1 while a person holds a seat.
func (p *play) calm(ctx context.Context) error {
	if p.o.Seat == "" {
		return nil
	}
	return p.open.do(ctx, http.MethodPost, "/api/rehearsal/clock", map[string]any{"rate": 1, "lease": p.theLease()}, nil)
}

// keepLease says now and then that the conductor is still there; a server that
// was started again knows of no lease and gives a new one.
func (p *play) keepLease(ctx context.Context) {
	t := time.NewTicker(leaseFor / 4)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			var lease struct{ Lease string }
			if p.open.do(ctx, http.MethodPost, "/api/rehearsal/lease", map[string]string{"lease": p.theLease()}, &lease) == nil {
				p.setLease(lease.Lease)
			}
		}
	}
}

func (p *play) theLease() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lease
}

func (p *play) setLease(lease string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lease = lease
}

func (p *play) login(ctx context.Context, login string) (*client, person, error) {
	i := slices.IndexFunc(p.people, func(x person) bool { return x.Login == login })
	if i < 0 {
		return nil, person{}, fmt.Errorf("演练城市里没有 %s 这个人", login)
	}
	c, err := newClient(p.o.URL, login)
	if err != nil {
		return nil, person{}, err
	}
	return c, p.people[i], c.session(ctx, p.people[i].Password)
}

// first is the first bidder that robots play: the ones before have bids of the
// city in their vaults.
const first = 7

// hire logs the robots in, registers their keys, and leaves out the seat of a
// person.
func (p *play) hire(ctx context.Context) error {
	n := p.o.Bidders
	if p.o.Seat == "bidder" {
		n--
	}
	if most := len(p.people); !slices.ContainsFunc(p.people, func(x person) bool { return x.Login == fmt.Sprintf("bidder%d", first+n) }) {
		return fmt.Errorf("演练城市里没有这么多投标单位（城里共 %d 人）：请减少投标人数", most)
	}
	for i := range n {
		r, err := p.hireOne(ctx, fmt.Sprintf("bidder%d", first+1+i))
		if err != nil {
			return err
		}
		r.fails, r.price = i >= n-p.o.Fail, 45_000_000+int64(i)*310_000
		p.robots = append(p.robots, r)
	}
	return nil
}

// hireOne logs a firm in and registers the key it signs with.
func (p *play) hireOne(ctx context.Context, login string) (*robot, error) {
	c, who, err := p.login(ctx, login)
	if err != nil {
		return nil, err
	}
	var session struct{ Organisation struct{ USCC string } }
	if err := c.do(ctx, http.MethodGet, "/api/session", nil, &session); err != nil {
		return nil, err
	}
	f, err := firm.New(who.Organisation, session.Organisation.USCC, who.Name)
	if err != nil {
		return nil, err
	}
	return &robot{client: c, Firm: f, who: who}, c.do(ctx, http.MethodPost, "/api/firm-key", map[string]string{"publicKey": f.PublicKey()}, nil)
}

func (p *play) seat() *Seat {
	login := map[string]string{"bidder": fmt.Sprintf("bidder%d", first), "host": "agency1"}[p.o.Seat]
	for _, x := range p.people {
		if login != "" && x.Login == login {
			return &Seat{Role: p.o.Seat, Login: login, Password: x.Password, Organisation: x.Organisation}
		}
	}
	return nil
}

// now is the platform's legal time.
func (p *play) now(ctx context.Context) (time.Time, error) {
	var t struct{ Legal time.Time }
	err := p.open.do(ctx, http.MethodGet, "/api/time", nil, &t)
	return t.Legal.In(evidence.Beijing), err
}

// moveTo moves the rehearsal's clock forward.
func (p *play) moveTo(ctx context.Context, to time.Time) error {
	now, err := p.now(ctx)
	if err != nil || !to.After(now) {
		return err
	}
	return p.open.do(ctx, http.MethodPost, "/api/rehearsal/clock", map[string]any{"moveTo": to.Format(time.RFC3339), "lease": p.theLease()}, nil)
}
