package live

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
)

const (
	outboxLimit = 16              // answers that wait to be written; then the reader waits
	partingTime = 2 * time.Second // for the other side to answer the close frame
)

// conn is one viewer's connection. One goroutine reads (run), one writes
// (write), and only that one knows the position.
type conn struct {
	hub     *Hub
	ws      *websocket.Conn
	sock    *socket
	request *http.Request // of a viewer with a session, for Recheck
	viewer  Viewer
	tail    *tail // nil when it was not let in
	at      int   // its place in tail.conns, guarded by tail.mu

	wake     chan struct{} // there is something to write
	drained  chan struct{} // the outbox has room
	written  chan struct{} // closed when the writer has ended
	commands bucket        // the reader's own

	pingDue     atomic.Bool
	newActions  atomic.Pointer[[]byte] // to be sent; only the last counts
	lastActions atomic.Pointer[[]byte]
	parting     atomic.Pointer[farewell]

	mu     sync.Mutex
	outbox [][]byte

	// The writer's own.
	pos     int64 // the seq of the last event that was written
	present *websocket.PreparedMessage
	told    *websocket.PreparedMessage
}

// nudge makes the writer look what there is to write.
func (c *conn) nudge() { signal(c.wake) }

// leave ends the connection; the first reason counts.
func (c *conn) leave(f *farewell) {
	if c.parting.CompareAndSwap(nil, f) {
		c.nudge()
	}
}

// enter lets the viewer in, or says in its farewell why not.
func (c *conn) enter(ctx context.Context, lot string, who actor.Actor, after int64, view string) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	stop := context.AfterFunc(c.hub.ctx, cancel)
	defer stop()
	if err := c.admit(ctx, lot, who, after, view); err != nil {
		c.leave(c.hub.denial(ctx, err))
	}
}

func (c *conn) admit(ctx context.Context, lot string, who actor.Actor, after int64, view string) error {
	v, err := c.hub.opts.Room.Admit(ctx, lot, who, view)
	if err != nil {
		return err
	}
	c.viewer = v
	if !v.acts() {
		c.request = nil // whoever merely watches may go on when the session ends
	}
	r, err := c.hub.reading(ctx)
	if err != nil {
		return err
	}
	legal, real := r.now(time.Now())
	c.told = c.hub.told.Load()
	if err := c.sendJSON(helloMessage{Type: "hello", Legal: stamp(legal), Real: stamp(real), Rate: r.Rate,
		Viewer: helloViewer{Role: string(v.Actor.Role), Class: v.Class, Host: v.Host, Organisation: v.Organisation}}); err != nil {
		return err
	}
	t, err := c.hub.enter(ctx, lot)
	if err != nil {
		return err
	}
	if err := c.place(ctx, t, after); err != nil {
		t.leave()
		return err
	}
	c.tail = t
	t.join(c)
	return nil
}

// place finds where the viewer reads on: after the last event that it has, or
// after a snapshot when it has none, is far behind, or names a seq that there
// has never been.
func (c *conn) place(ctx context.Context, t *tail, after int64) error {
	head := t.window.Load().head
	if after > head { // the tail may not have looked yet
		var err error
		if head, err = c.hub.opts.Source.Head(ctx, t.stream); err != nil {
			return err
		}
	}
	if after > 0 && after <= head && head-after <= c.hub.opts.MaxBehind/2 {
		c.pos = after
		return nil
	}
	text, seq, err := t.snapshot(ctx, c.viewer)
	if err != nil {
		return err
	}
	c.pos = seq
	c.send(text)
	return nil
}

// denials gives the close code of a refusal to enter.
var denials = map[apperr.Kind]int{
	apperr.NotFound: CloseNoRoom, apperr.Unauthenticated: CloseExpired,
	apperr.Internal: CloseGoing, apperr.Unavailable: CloseGoing, apperr.TooMany: CloseGoing,
}

func (h *Hub) denial(ctx context.Context, err error) *farewell {
	e, ok := apperr.From(err)
	if !ok || e.Kind == apperr.Internal {
		h.log.ErrorContext(ctx, "live: enter a room", "error", err)
		return &farewell{CloseGoing, "live.unavailable", "大厅暂时无法进入，连接稍后会自动重试。"}
	}
	code, known := denials[e.Kind]
	if !known {
		code = CloseDenied
	}
	return &farewell{code, e.Code, e.Detail}
}

// run reads until the connection ends; the writer runs beside it.
func (c *conn) run() {
	go c.write() // finish waits for it
	c.nudge()
	c.readAll()
	c.leave(gone)
}

// finish ends the connection and waits for the writer.
func (c *conn) finish() {
	<-c.written
	_ = c.sock.Close() // closed is what we want
	if c.tail != nil {
		c.tail.part(c)
		c.tail.leave()
	}
	c.hub.mu.Lock()
	delete(c.hub.conns, c)
	c.hub.mu.Unlock()
}

// send puts a message for this viewer alone into the outbox. It waits when the
// outbox is full: who asks faster than it reads the answers is read more slowly.
func (c *conn) send(text []byte) {
	for {
		c.mu.Lock()
		if len(c.outbox) < outboxLimit {
			c.outbox = append(c.outbox, text)
			c.mu.Unlock()
			c.nudge()
			return
		}
		c.mu.Unlock()
		select {
		case <-c.drained:
		case <-c.written:
			return
		}
	}
}

func (c *conn) sendJSON(m any) error {
	text, err := json.Marshal(m)
	if err == nil {
		c.send(text)
	}
	return err
}

// write is the only writer of the connection.
func (c *conn) write() {
	defer close(c.written)
	for range c.wake {
		err := c.flush()
		if err == nil && c.parting.Load() == nil {
			continue
		}
		switch {
		case timedOut(err):
			c.parting.CompareAndSwap(nil, tooSlow)
			c.sock.cutOff(tooSlow, c.hub.opts.WriteTimeout)
			_ = c.sock.Close() // closed is what we want
		case err != nil: // the other side has gone
			c.parting.CompareAndSwap(nil, gone)
			_ = c.sock.Close()
		default:
			c.sayGoodbye(c.parting.Load())
		}
		return
	}
}

// timedOut says whether a write ran out of time. gorilla hides the error behind
// one of its own that keeps only this.
func timedOut(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// flush writes all that there is for this viewer: answers, then events, then
// what only the last state of counts.
func (c *conn) flush() error {
	for c.parting.Load() == nil {
		if err := c.flushOutbox(); err != nil || c.tail == nil {
			return err
		}
		n, err := c.flushEvents()
		if err != nil {
			return err
		}
		if err := c.flushStates(); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
	return nil
}

func (c *conn) deadline() {
	_ = c.ws.SetWriteDeadline(time.Now().Add(c.hub.opts.WriteTimeout)) // gorilla's always returns nil
}

func (c *conn) flushOutbox() error {
	c.mu.Lock()
	texts := c.outbox
	c.outbox = nil
	c.mu.Unlock()
	if len(texts) == 0 {
		return nil
	}
	signal(c.drained)
	for _, text := range texts {
		c.deadline()
		if err := c.ws.WriteMessage(websocket.TextMessage, text); err != nil {
			return err
		}
	}
	return nil
}

// flushEvents writes the events that follow the position, and says how many.
func (c *conn) flushEvents() (int, error) {
	if c.tail.window.Load().head-c.pos > c.hub.opts.MaxBehind {
		c.leave(tooSlow)
		return 0, nil
	}
	es, err := c.tail.after(c.hub.ctx, c.pos)
	if err != nil {
		if c.hub.ctx.Err() == nil {
			c.hub.log.Warn("live: old events", "stream", c.tail.stream, "error", err)
		}
		c.leave(going) // it comes back and tries again
		return 0, nil
	}
	place := c.viewer.Class.place()
	for i := range es {
		c.deadline()
		if err := c.ws.WritePreparedMessage(es[i].frames[place]); err != nil {
			return i, err
		}
		c.pos = es[i].seq
	}
	return len(es), nil
}

// flushStates writes the last actions, presence and time, if they are new, and
// a ping if one is due.
func (c *conn) flushStates() error {
	if text := c.newActions.Swap(nil); text != nil {
		c.deadline()
		if err := c.ws.WriteMessage(websocket.TextMessage, *text); err != nil {
			return err
		}
	}
	for _, state := range []struct {
		last *websocket.PreparedMessage
		seen **websocket.PreparedMessage
	}{{c.tail.present.Load(), &c.present}, {c.hub.told.Load(), &c.told}} {
		if state.last == *state.seen {
			continue
		}
		*state.seen = state.last
		c.deadline()
		if err := c.ws.WritePreparedMessage(state.last); err != nil {
			return err
		}
	}
	if c.pingDue.Swap(false) {
		return c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(c.hub.opts.WriteTimeout))
	}
	return nil
}

// sayGoodbye tells why the connection ends, sends the close frame and gives the
// other side a moment to answer it; the reader goes on until then. Closing
// before would let a reset overtake the frame.
func (c *conn) sayGoodbye(f *farewell) {
	if f == gone {
		return
	}
	if err := c.flushOutbox(); err != nil {
		return
	}
	text, err := json.Marshal(goodbyeMessage{Type: "goodbye", Code: f.code, Detail: f.detail})
	if err == nil {
		c.deadline()
		err = c.ws.WriteMessage(websocket.TextMessage, text)
	}
	if err == nil {
		err = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(f.close, f.code),
			time.Now().Add(c.hub.opts.WriteTimeout))
	}
	if err != nil {
		_ = c.sock.Close()
		return
	}
	_ = c.sock.SetReadDeadline(time.Now().Add(partingTime))
}
