package rehearse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"jianbiao/bidding/opening"
	"jianbiao/server/room"
)

// hall is a place in the opening hall: a socket that comes back, a position in
// the stream, and what was seen. Each event is seen once, in order.
type hall struct {
	c    *client
	lot  string
	view string

	mu     sync.Mutex
	ws     *websocket.Conn
	seq    int64
	events []room.EventView
	snap   *opening.Snapshot
	acks   map[string]chan ack
	moved  chan struct{} // closed and replaced when something was seen
	broken error
	gaps   int
}

type ack struct {
	Result  json.RawMessage `json:"result"`
	Problem *Problem        `json:"problem"`
}

type message struct {
	Type  string          `json:"type"`
	ID    string          `json:"id"`
	Seq   int64           `json:"seq"`
	Hall  json.RawMessage `json:"hall"`
	Event room.EventView  `json:"event"`
	Code  string          `json:"code"`
	ack
}

func enter(c *client, lot, view string) *hall {
	return &hall{c: c, lot: lot, view: view, acks: map[string]chan ack{}, moved: make(chan struct{})}
}

// run keeps the place until ctx ends, coming back whenever the line breaks.
func (h *hall) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := h.attend(ctx); err != nil && ctx.Err() == nil {
			h.see(func() { h.broken = err })
		}
		select {
		case <-ctx.Done():
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func (h *hall) attend(ctx context.Context) error {
	h.mu.Lock()
	after := h.seq
	h.mu.Unlock()
	address, err := h.c.socketURL(h.lot, after, h.view)
	if err != nil {
		return err
	}
	site, err := url.Parse(h.c.base)
	if err != nil {
		return err
	}
	dialer := websocket.Dialer{Jar: h.c.http.Jar, HandshakeTimeout: 10 * time.Second}
	ws, res, err := dialer.DialContext(ctx, address, http.Header{"Origin": {site.Scheme + "://" + site.Host}})
	if err != nil {
		return fmt.Errorf("enter the hall: %w", err)
	}
	_ = res.Body.Close()
	stop := context.AfterFunc(ctx, func() { _ = ws.Close() })
	defer stop()
	h.see(func() { h.ws, h.broken = ws, nil })
	defer func() {
		_ = ws.Close()
		h.see(func() { h.ws = nil })
	}()
	for {
		var m message
		if err := ws.ReadJSON(&m); err != nil {
			return err
		}
		if err := h.take(&m); err != nil {
			return err
		}
	}
}

// see changes what the hall knows and wakes whoever waits.
func (h *hall) see(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.moved)
	h.moved = make(chan struct{})
}

func (h *hall) take(m *message) error {
	var err error
	h.see(func() {
		switch m.Type {
		case "snapshot":
			h.snap = &opening.Snapshot{}
			if err = json.Unmarshal(m.Hall, h.snap); err == nil && m.Seq > h.seq {
				h.seq = m.Seq
			}
		case "event":
			if m.Seq != h.seq+1 {
				h.gaps++
				err = fmt.Errorf("after event %d came %d", h.seq, m.Seq)
				return
			}
			h.seq, h.events = m.Seq, append(h.events, m.Event)
		case "ack":
			if ch, ok := h.acks[m.ID]; ok {
				ch <- m.ack
				delete(h.acks, m.ID)
			}
		}
	})
	return err
}

// ask sends a message with an id and waits for its answer; when the line breaks
// it is sent again with the same id, and the server acts on it once.
func (h *hall) ask(ctx context.Context, m map[string]any) (json.RawMessage, error) {
	id := uuid.NewString()
	m["id"] = id
	for until := time.Now().Add(patience); time.Now().Before(until); {
		ch := make(chan ack, 1)
		h.mu.Lock()
		ws, moved := h.ws, h.moved
		err := errors.New("no line")
		if ws != nil {
			h.acks[id] = ch
			_ = ws.SetWriteDeadline(time.Now().Add(5 * time.Second))
			err = ws.WriteJSON(m)
		}
		h.mu.Unlock()
		if err == nil {
			if a, ok := h.answered(ctx, ch, ws); ok {
				if a.Problem != nil && a.Problem.Status == http.StatusServiceUnavailable {
					rest(ctx, 500*time.Millisecond) // the database is away for a moment
					continue
				}
				if a.Problem != nil {
					return nil, a.Problem
				}
				return a.Result, nil
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-moved:
		case <-time.After(time.Second):
		}
	}
	return nil, fmt.Errorf("the hall did not answer within %s", patience)
}

// answered waits for the answer as long as the same line stands.
func (h *hall) answered(ctx context.Context, ch chan ack, ws *websocket.Conn) (ack, bool) {
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		h.mu.Lock()
		same, moved := h.ws == ws, h.moved
		h.mu.Unlock()
		select {
		case a := <-ch:
			return a, true
		default:
		}
		if !same || ctx.Err() != nil {
			return ack{}, false
		}
		select {
		case a := <-ch:
			return a, true
		case <-moved:
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return ack{}, false
}

// command gives a command of the opening.
func (h *hall) command(ctx context.Context, name string, input any) error {
	_, err := h.ask(ctx, map[string]any{"command": name, "input": input})
	return err
}

// look asks for the hall as it is now.
func (h *hall) look(ctx context.Context) (*opening.Snapshot, error) {
	raw, err := h.ask(ctx, map[string]any{"query": "hall"})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Hall *opening.Snapshot `json:"hall"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Hall == nil {
		return nil, fmt.Errorf("snapshot of the hall: %w", err)
	}
	return answer.Hall, nil
}

// wait returns when something was seen after the call, or after d.
func (h *hall) wait(ctx context.Context, since int64, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		h.mu.Lock()
		seq, moved := h.seq, h.moved
		h.mu.Unlock()
		if seq > since {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-moved:
		}
	}
}

func (h *hall) position() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seq
}
