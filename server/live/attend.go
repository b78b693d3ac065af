package live

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"jianbiao/internal/actor"
)

// attend works out, after things have settled for a moment, what the viewers
// with a role may do now, and who is there. It is one goroutine a room; the
// public costs it nothing, however many they are.
func (t *tail) attend() {
	var (
		told  time.Time // presence, last
		later = time.NewTimer(time.Hour)
	)
	defer later.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-t.stir:
		case <-later.C:
		}
		if !sleep(t.ctx, t.hub.opts.Settle) {
			return
		}
		t.tellActions()
		if wait := t.presenceEvery() - time.Since(told); wait > 0 {
			later.Reset(wait)
			continue
		}
		if t.moved.Load() { // not all actions could be worked out
			later.Reset(t.hub.opts.PresenceEvery)
		}
		if t.crowd.Swap(false) {
			t.tellPresence()
			told = time.Now()
		}
	}
}

// presenceEvery grows with the crowd, so that telling of its coming and going
// never becomes the hub's main work.
func (t *tail) presenceEvery() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.hub.opts.PresenceEvery, time.Duration(len(t.conns))*time.Millisecond)
}

// sleep is false when ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// parallel is how many viewers' actions are worked out at once.
const parallel = 4

// tellActions sends the allowed actions to those who act: to all of them after
// events, else to those who have come. The same person on several screens is
// asked for once, and nobody is sent what they have.
func (t *tail) tellActions() {
	all := t.moved.Swap(false)
	if all {
		t.crowd.Store(true) // an event may have ended the discretion
	}
	seats := make(map[string][]*conn)
	for _, c := range t.everyone() {
		if c.viewer.acts() && (all || c.lastActions.Load() == nil) {
			seats[c.viewer.who()] = append(seats[c.viewer.who()], c)
		}
	}
	work := make(chan []*conn)
	var workers sync.WaitGroup
	for range min(parallel, len(seats)) {
		workers.Go(func() {
			for conns := range work {
				t.tellSeat(conns)
			}
		})
	}
	for _, conns := range seats {
		work <- conns
	}
	close(work)
	workers.Wait()
}

// tellSeat sends one person's actions to all of his or her connections.
func (t *tail) tellSeat(conns []*conn) {
	ctx, cancel := context.WithTimeout(t.ctx, 10*time.Second)
	defer cancel()
	text, err := t.actions(ctx, conns[0].viewer)
	if err != nil {
		t.moved.Store(true) // try again
		if t.ctx.Err() == nil {
			t.hub.log.Warn("live: allowed actions", "lot", t.lot, "error", err)
		}
		return
	}
	for _, c := range conns {
		if last := c.lastActions.Load(); last == nil || !bytes.Equal(*last, text) {
			c.lastActions.Store(&text)
			c.newActions.Store(&text)
			c.nudge()
		}
	}
}

// actions is the message with what the viewer may do.
func (t *tail) actions(ctx context.Context, v Viewer) ([]byte, error) {
	actions, err := t.hub.opts.Room.Actions(ctx, t.lot, v)
	if err != nil {
		return nil, err
	}
	return json.Marshal(actionsMessage{Type: "actions", Actions: actions})
}

// tellPresence tells everybody who is there, if that has changed.
func (t *tail) tellPresence() {
	ctx, cancel := context.WithTimeout(t.ctx, 10*time.Second)
	defer cancel()
	m, err := t.whoIsThere(ctx)
	if err != nil {
		if t.ctx.Err() == nil {
			t.hub.log.Warn("live: presence", "lot", t.lot, "error", err)
		}
		return
	}
	text, err := json.Marshal(m)
	if err != nil || bytes.Equal(text, t.presence) {
		return
	}
	frame, err := websocket.NewPreparedMessage(websocket.TextMessage, text)
	if err != nil {
		return
	}
	t.presence = text
	t.present.Store(frame)
	t.nudgeAll()
}

// whoIsThere counts. When it is uncertain whether the room is discreet, it is.
func (t *tail) whoIsThere(ctx context.Context) (presenceMessage, error) {
	m := presenceMessage{Type: "presence"}
	everyone := t.everyone()
	viewers := len(everyone)
	supervisors, organisations := make(map[string]bool), make(map[string]bool)
	for _, c := range everyone {
		v := c.viewer
		m.Host = m.Host || v.Host
		if v.acts() && v.Actor.In(actor.Supervisor, actor.GeneralSupervisor, actor.DisciplineInspector) {
			supervisors[v.who()] = true
		}
		if v.acts() && v.Actor.In(actor.Bidder) {
			organisations[v.Actor.OrganisationID] = true
		}
	}
	m.Supervisors = len(supervisors)
	discreet, err := t.hub.opts.Room.Discreet(ctx, t.lot)
	if err != nil || discreet {
		return m, err
	}
	ids := make([]string, 0, len(organisations))
	for id := range organisations {
		ids = append(ids, id)
	}
	m.Viewers = &viewers
	m.Bids, err = t.hub.opts.Room.Bids(ctx, t.lot, ids)
	return m, err
}
