package live

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"jianbiao/internal/evidence"
)

// batch is how many events are read at once.
const batch = 256

// rendered is an event as each class is shown it.
type rendered struct {
	seq    int64
	frames [len(classes)]*websocket.PreparedMessage
}

// window is the end of a stream in memory: contiguous events, the last of
// which has seq head. It is never changed, only replaced, so readers need no
// lock.
type window struct {
	events []rendered
	head   int64
}

// tail follows one stream for all viewers of a room.
type tail struct {
	hub    *Hub
	lot    string
	stream string
	ctx    context.Context
	stop   context.CancelFunc
	window atomic.Pointer[window]
	look   chan struct{} // there may be more to read
	stir   chan struct{} // actions or presence may have changed
	ready  chan struct{} // closed when window is loaded, or err is set
	err    error
	sent   memory

	present  atomic.Pointer[websocket.PreparedMessage] // the last presence message
	presence []byte                                    // its text; attend's own
	moved    atomic.Bool                               // events came since actions were worked out
	crowd    atomic.Bool                               // somebody came or left

	mu    sync.Mutex
	conns []*conn

	snapMu sync.Mutex
	snap   []byte // the public snapshot message of seq snapAt
	snapAt int64

	users int       // guarded by hub.mu
	left  time.Time // guarded by hub.mu
}

// enter gives the tail of the lot's stream, followed from now on. Each one must
// be left.
func (h *Hub) enter(ctx context.Context, lot string) (*tail, error) {
	stream := h.opts.Stream(lot)
	h.mu.Lock()
	t := h.tails[stream]
	first := t == nil
	if first {
		t = &tail{hub: h, lot: lot, stream: stream, look: make(chan struct{}, 1), stir: make(chan struct{}, 1),
			ready: make(chan struct{})}
		t.ctx, t.stop = context.WithCancel(h.ctx)
		h.tails[stream] = t
	}
	t.users++
	h.mu.Unlock()
	if first {
		t.load()
	}
	select {
	case <-t.ready:
	case <-ctx.Done():
		t.leave()
		return nil, ctx.Err()
	}
	if t.err != nil {
		t.leave()
		return nil, t.err
	}
	return t, nil
}

func (t *tail) leave() {
	t.hub.mu.Lock()
	defer t.hub.mu.Unlock()
	t.users--
	t.left = time.Now()
}

// load reads the end of the stream and starts to follow it.
func (t *tail) load() {
	defer close(t.ready)
	ctx, cancel := context.WithTimeout(t.ctx, 10*time.Second)
	defer cancel()
	head, err := t.hub.opts.Source.Head(ctx, t.stream)
	if err == nil {
		from := max(head-int64(t.hub.opts.Keep), 0)
		t.window.Store(&window{head: from})
		for more := true; more && err == nil; {
			more, err = t.once(ctx)
		}
	}
	if err != nil {
		t.err = fmt.Errorf("read %s: %w", t.stream, err)
		t.hub.mu.Lock()
		delete(t.hub.tails, t.stream)
		t.hub.mu.Unlock()
		t.stop()
		return
	}
	t.hub.loops.Go(t.follow)
	t.hub.loops.Go(t.attend)
}

// lookNow makes the tail read on; it is not waited for.
func (t *tail) lookNow() { signal(t.look) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is to look already
	}
}

// follow reads on whenever it is told to, and every Poll besides.
func (t *tail) follow() {
	poll := time.NewTicker(t.hub.opts.Poll)
	defer poll.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-t.look:
		case <-poll.C:
		}
		for more := true; more; {
			var err error
			if more, err = t.once(t.ctx); err != nil && t.ctx.Err() == nil {
				t.hub.log.Warn("live: read events", "stream", t.stream, "error", err)
			}
		}
	}
}

// once reads what follows the head and publishes it; more says that there may
// be more.
func (t *tail) once(ctx context.Context) (more bool, err error) {
	w := t.window.Load()
	es, err := t.hub.opts.Source.Since(ctx, t.stream, w.head, batch)
	if err != nil || len(es) == 0 {
		return false, err
	}
	t.publish(es)
	return len(es) == batch, nil
}

// publish gives events, which follow the head, to all viewers. Only load and
// follow call it, one after the other.
func (t *tail) publish(es []evidence.Event) {
	if f := t.hub.opts.Published; f != nil {
		f(t.stream, es[len(es)-1].Seq)
	}
	w := t.window.Load()
	keep := t.hub.opts.Keep
	kept := w.events
	if len(kept) >= 2*keep {
		kept = append(make([]rendered, 0, 2*keep+batch), kept[len(kept)-keep:]...)
	}
	t.window.Store(&window{events: append(kept, t.render(es)...), head: es[len(es)-1].Seq})
	t.nudgeAll()
	t.moved.Store(true)
	signal(t.stir)
}

func (t *tail) nudgeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.conns {
		c.nudge()
	}
}

// render turns events into messages, one for each class.
func (t *tail) render(es []evidence.Event) []rendered {
	out := make([]rendered, len(es))
	for i, e := range es {
		out[i].seq = e.Seq
		for p, class := range classes {
			view, err := t.hub.opts.Room.View(e, class)
			if err != nil {
				t.hub.log.Error("live: render an event", "event", e.ID, "kind", e.Kind, "class", class, "error", err)
				view = closedForm(e)
			}
			m, err := prepareEvent(e.Seq, view)
			if err != nil {
				t.hub.log.Error("live: prepare an event", "event", e.ID, "kind", e.Kind, "class", class, "error", err)
				m, _ = prepareEvent(e.Seq, closedForm(e)) // its JSON is ours and valid
			}
			out[i].frames[p] = m
		}
	}
	return out
}

// closedForm is shown of an event that the room could not render: nothing but
// its place, so that seq has no gap.
func closedForm(e evidence.Event) json.RawMessage {
	return fmt.Appendf(nil, `{"seq":%d,"closed":true}`, e.Seq)
}

func prepareEvent(seq int64, view json.RawMessage) (*websocket.PreparedMessage, error) {
	text, err := EventFrame(seq, view)
	if err != nil {
		return nil, err
	}
	return websocket.NewPreparedMessage(websocket.TextMessage, text)
}

// after returns events that follow seq, from memory when they are recent and
// from the source when they are not; none when the viewer has them all.
func (t *tail) after(ctx context.Context, seq int64) ([]rendered, error) {
	w := t.window.Load()
	if seq >= w.head {
		return nil, nil
	}
	if n := w.head - seq; n <= int64(len(w.events)) {
		return w.events[int64(len(w.events))-n:], nil
	}
	select { // a few at a time: a crowd that comes back must not take the database
	case t.hub.slots <- struct{}{}:
		defer func() { <-t.hub.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	es, err := t.hub.opts.Source.Since(ctx, t.stream, seq, batch)
	if err != nil {
		return nil, fmt.Errorf("read old events: %w", err)
	}
	return t.render(es), nil
}

// snapshot is the snapshot message for the viewer, and the seq of its state.
// The public's is shared for as long as nothing happens.
func (t *tail) snapshot(ctx context.Context, v Viewer) ([]byte, int64, error) {
	if v.Class != ClassPublic {
		return t.freshSnapshot(ctx, v)
	}
	t.snapMu.Lock()
	defer t.snapMu.Unlock()
	if t.snap != nil && t.snapAt >= t.window.Load().head {
		return t.snap, t.snapAt, nil
	}
	text, seq, err := t.freshSnapshot(ctx, v)
	if err == nil {
		t.snap, t.snapAt = text, seq
	}
	return text, seq, err
}

func (t *tail) freshSnapshot(ctx context.Context, v Viewer) ([]byte, int64, error) {
	hall, seq, err := t.hub.opts.Room.Snapshot(ctx, t.lot, v)
	if err != nil {
		return nil, 0, fmt.Errorf("snapshot of %s: %w", t.lot, err)
	}
	text, err := json.Marshal(snapshotMessage{Type: "snapshot", Seq: seq, Hall: hall})
	if err != nil {
		return nil, 0, fmt.Errorf("write the snapshot of %s: %w", t.lot, err)
	}
	return text, seq, nil
}

// join and part keep the list of those who are woken.
func (t *tail) join(c *conn) {
	t.mu.Lock()
	c.at = len(t.conns)
	t.conns = append(t.conns, c)
	t.mu.Unlock()
	t.crowd.Store(true)
	signal(t.stir)
}

func (t *tail) part(c *conn) {
	t.mu.Lock()
	last := t.conns[len(t.conns)-1]
	t.conns[c.at], last.at = last, c.at
	t.conns[len(t.conns)-1] = nil
	t.conns = t.conns[:len(t.conns)-1]
	t.mu.Unlock()
	t.crowd.Store(true)
	signal(t.stir)
}

func (t *tail) everyone() []*conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]*conn(nil), t.conns...)
}
