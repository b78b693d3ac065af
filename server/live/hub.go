package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
)

// Options are what a Hub works with. Source and Room are required; the zero
// value of everything else is a sensible server.
type Options struct {
	Source Source
	Room   Room
	// DSN is the database whose NOTIFY wakes the hub. "" leaves only polling.
	DSN string
	// Stream names the event stream of a lot; by default "lot/<id>".
	Stream func(lot string) string
	// Clock reads legal and real time; by default both are this machine's.
	Clock func(ctx context.Context) (Reading, error)
	// Recheck says whether the session of a request still holds, in one query.
	// It is asked at each command and each SessionEvery. Unauthenticated and
	// Forbidden end the connection; other errors only refuse the command. nil:
	// sessions never end.
	Recheck func(ctx context.Context, r *http.Request) error
	// Guard may refuse a command before it acts, by the request with which its
	// session came: what is sensitive asks for a second factor. A refused command
	// may be sent again under its id. nil: refuses nothing.
	Guard func(ctx context.Context, r *http.Request, command string) error
	// Problem turns an error into what people are told, by default a Problem.
	Problem func(ctx context.Context, err error) any
	// Log is where unexpected errors go.
	Log *slog.Logger
	// Published is called just before an event is given to the viewers of a
	// stream. It measures, and must not block.
	Published func(stream string, seq int64)

	MaxConnections int           // 20,000
	MaxBehind      int64         // events a viewer may be behind: 2,000
	Keep           int           // events that a room keeps in memory: 512
	Poll           time.Duration // look for events without being told: 5 s
	TimeEvery      time.Duration // tell the time: 10 s
	PingEvery      time.Duration // ask whether the other side is there: 20 s
	SessionEvery   time.Duration // ask whether sessions still hold: 1 min
	WriteTimeout   time.Duration // for a message to a viewer: 5 s
	Settle         time.Duration // gather events before actions are worked out: 50 ms
	PresenceEvery  time.Duration // tell presence at most so often: 1 s
	Linger         time.Duration // a room without viewers keeps its memory: 5 min
	Burst          int           // commands at once on one connection: 10
	PerSecond      float64       // and then so many a second: 5
}

// or gives v its default.
func or[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func (o *Options) defaults() {
	or(&o.MaxConnections, 20_000)
	or(&o.MaxBehind, 2000)
	or(&o.Keep, 512)
	or(&o.Poll, 5*time.Second)
	or(&o.TimeEvery, 10*time.Second)
	or(&o.PingEvery, 20*time.Second)
	or(&o.SessionEvery, time.Minute)
	or(&o.WriteTimeout, 5*time.Second)
	or(&o.Settle, 50*time.Millisecond)
	or(&o.PresenceEvery, time.Second)
	or(&o.Linger, 5*time.Minute)
	or(&o.Burst, 10)
	or(&o.PerSecond, 5)
	or(&o.Log, slog.Default())
	if o.Stream == nil {
		o.Stream = func(lot string) string { return "lot/" + lot }
	}
	if o.Clock == nil {
		o.Clock = func(context.Context) (Reading, error) {
			now := time.Now()
			return Reading{Legal: now, Real: now, Rate: 1}, nil
		}
	}
	if o.Problem == nil {
		log := o.Log
		o.Problem = func(ctx context.Context, err error) any { return problemOf(ctx, log, err) }
	}
}

// Hub holds the rooms that somebody watches: one tail for each lot, shared by
// all its viewers. It is used by many goroutines.
type Hub struct {
	opts Options
	log  *slog.Logger

	ctx     context.Context // ends when Close gives up waiting for the viewers
	stop    context.CancelFunc
	loops   sync.WaitGroup // listener, pulses, tails
	serving sync.WaitGroup // Serve
	writes  sync.Pool      // write buffers, lent for the time of one message

	clock atomic.Pointer[Reading]
	told  atomic.Pointer[websocket.PreparedMessage] // the last time message
	slots chan struct{}                             // reads of old events and snapshots at once

	mu      sync.Mutex
	closing bool
	conns   map[*conn]struct{}
	tails   map[string]*tail // by stream
}

// New starts a hub, which the caller must Close.
func New(opts Options) *Hub {
	opts.defaults()
	ctx, stop := context.WithCancel(context.Background())
	h := &Hub{opts: opts, log: opts.Log, ctx: ctx, stop: stop, slots: make(chan struct{}, 4),
		conns: make(map[*conn]struct{}), tails: make(map[string]*tail)}
	if opts.DSN != "" {
		h.loops.Go(func() { h.listen(ctx) })
	}
	h.every(opts.TimeEvery, func() {
		if err := h.Tick(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("live: read the clock", "error", err)
		}
	})
	h.every(opts.PingEvery, h.pingAll)
	h.every(opts.SessionEvery, h.recheckAll)
	h.every(max(opts.Linger/4, time.Millisecond), h.sweep)
	return h
}

// every calls f again and again until the hub ends.
func (h *Hub) every(d time.Duration, f func()) {
	h.loops.Go(func() {
		ticker := time.NewTicker(d)
		defer ticker.Stop()
		for {
			select {
			case <-h.ctx.Done():
				return
			case <-ticker.C:
				f()
			}
		}
	})
}

// Tick reads the clock and tells all viewers the time. Whoever moves a
// rehearsal's clock (演练) calls it, so that nobody shows the old time.
func (h *Hub) Tick(ctx context.Context) error {
	r, err := h.read(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(timeMessage{Type: "time", Legal: stamp(r.Legal), Real: stamp(r.Real), Rate: r.Rate})
	if err != nil {
		return fmt.Errorf("write the time: %w", err)
	}
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, text)
	if err != nil {
		return fmt.Errorf("prepare the time: %w", err)
	}
	h.told.Store(m)
	for _, c := range h.allConns() {
		c.nudge()
	}
	return nil
}

// read asks the clock and keeps the answer.
func (h *Hub) read(ctx context.Context) (Reading, error) {
	r, err := h.opts.Clock(ctx)
	if err != nil {
		return Reading{}, fmt.Errorf("read the clock: %w", err)
	}
	r.at = time.Now()
	h.clock.Store(&r)
	return r, nil
}

// reading is the last reading of the clock, or the first.
func (h *Hub) reading(ctx context.Context) (Reading, error) {
	if r := h.clock.Load(); r != nil {
		return *r, nil
	}
	return h.read(ctx)
}

// Viewers is how many connections there are.
func (h *Hub) Viewers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.conns)
}

func (h *Hub) allConns() []*conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*conn, 0, len(h.conns))
	for c := range h.conns {
		all = append(all, c)
	}
	return all
}

func (h *Hub) allTails() []*tail {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*tail, 0, len(h.tails))
	for _, t := range h.tails {
		all = append(all, t)
	}
	return all
}

func (h *Hub) pingAll() {
	for _, c := range h.allConns() {
		c.pingDue.Store(true)
		c.nudge()
	}
}

// recheckAll ends the connections whose session does not hold any more.
func (h *Hub) recheckAll() {
	for _, c := range h.allConns() {
		if h.ctx.Err() != nil {
			return
		}
		if err := c.recheck(h.ctx); err != nil && !ends(err) {
			h.log.Warn("live: check a session", "error", err)
		}
	}
}

// ends says whether the error means that the session is over, and not merely
// that it could not be checked.
func ends(err error) bool {
	k := apperr.KindOf(err)
	return k == apperr.Unauthenticated || k == apperr.Forbidden
}

// sweep forgets the rooms that nobody has watched for a while.
func (h *Hub) sweep() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for stream, t := range h.tails {
		if t.users == 0 && time.Since(t.left) >= h.opts.Linger {
			delete(h.tails, stream)
			t.stop()
		}
	}
}

// Serve makes the request a viewer of the lot's room and returns when the
// connection has ended. after is the last seq that the client has, 0 for none;
// view is "public" or "party" and may be "". Only pages of the same origin may
// connect.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, lot string, who actor.Actor, after int64, view string) {
	h.mu.Lock()
	refuse := h.closing
	if !refuse {
		h.serving.Add(1)
	}
	h.mu.Unlock()
	if refuse {
		w.Header().Set("Retry-After", "2")
		h.refuse(w, r, apperr.New(apperr.Unavailable, going.code, "%s", going.detail))
		return
	}
	defer h.serving.Done()
	c, err := h.upgrade(w, r, who)
	if err != nil {
		return // the upgrader has answered
	}
	defer c.finish()
	switch {
	case !h.add(c):
		c.leave(going)
	case h.Viewers() > h.opts.MaxConnections:
		c.leave(full)
	default:
		c.enter(r.Context(), lot, who, max(after, 0), view)
	}
	c.run()
}

func (h *Hub) add(c *conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return false
	}
	h.conns[c] = struct{}{}
	return true
}

// upgrade answers the handshake.
func (h *Hub) upgrade(w http.ResponseWriter, r *http.Request, who actor.Actor) (*conn, error) {
	u := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 4096, WriteBufferPool: &h.writes,
		HandshakeTimeout: 10 * time.Second, Error: h.notUpgraded}
	hj := &hijacker{ResponseWriter: w}
	ws, err := u.Upgrade(hj, r, nil)
	if err != nil {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	c := &conn{hub: h, ws: ws, sock: hj.sock, wake: make(chan struct{}, 1), drained: make(chan struct{}, 1),
		written: make(chan struct{}), commands: bucket{burst: float64(h.opts.Burst), perSecond: h.opts.PerSecond}}
	if who.PersonID != "" && h.opts.Recheck != nil {
		c.request = r
	}
	return c, nil
}

// notUpgraded answers a handshake that is none, or comes from a foreign page.
func (h *Hub) notUpgraded(w http.ResponseWriter, r *http.Request, status int, _ error) {
	if status == http.StatusForbidden {
		h.refuse(w, r, apperr.New(apperr.Forbidden, "live.foreign_origin", "只接受本平台页面发起的连接。"))
		return
	}
	w.Header().Set("Sec-Websocket-Version", "13")
	h.refuse(w, r, apperr.New(apperr.Invalid, "live.not_websocket", "此地址只接受 WebSocket 连接，请用浏览器打开开标大厅。"))
}

func (h *Hub) refuse(w http.ResponseWriter, r *http.Request, e *apperr.Error) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(kinds[e.Kind].status)
	_ = json.NewEncoder(w).Encode(h.opts.Problem(r.Context(), e)) // a client that has gone is told nothing
}

// ErrCut is returned by Close when some connections had to be cut.
var ErrCut = errors.New("live: not all viewers answered the close frame in time")

// Close says goodbye to everybody (1012) and waits for all that the hub
// started. A viewer that has not answered after grace is cut. Call it after
// http.Server.Shutdown, which does not wait for websockets.
func (h *Hub) Close(grace time.Duration) error {
	h.mu.Lock()
	h.closing = true
	h.mu.Unlock()
	for _, c := range h.allConns() {
		c.leave(going)
	}
	done := make(chan struct{})
	go func() { h.serving.Wait(); close(done) }()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	var err error
	select {
	case <-done:
	case <-timer.C:
		err = ErrCut
	}
	h.stop() // ends commands under way, too
	for _, c := range h.allConns() {
		_ = c.sock.Close() // closed is what we want
	}
	<-done
	h.loops.Wait()
	return err
}
