package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"jianbiao/internal/apperr"
	"jianbiao/server/live"
)

func TestServe_EverybodyGetsEveryEventOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *live.Options) { o.Keep = 40 }) // so that late ones read old events from the database
	const writers, each, clients = 4, 50, 50
	w.records(20)
	var all sync.WaitGroup
	for range writers {
		all.Go(func() { w.records(each) })
	}
	last := int64(20 + writers*each)
	for i := range clients {
		all.Go(func() {
			after := int64(i % 25)
			if _, err := w.dial(fmt.Sprintf("view=public&after=%d", after)).follow(after, last); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
		time.Sleep(5 * time.Millisecond) // come one after the other, while the writers write
	}
	all.Wait()
}

func TestListen_LostConnectionLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *live.Options) { o.Poll = time.Hour }) // only LISTEN can tell
	w.records(1)
	c := w.dial("view=public&after=1")
	c.await("hello", nil)
	w.records(1)
	if _, err := c.follow(1, 2); err != nil { // it listens
		t.Fatal(err)
	}
	for pos := int64(2); pos < 20; pos += 6 {
		var killed int
		if err := w.db.Owner.Get(&killed, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'LISTEN%'`); err != nil || killed == 0 {
			t.Fatalf("killed %d listening connections, %v", killed, err)
		}
		w.records(6)
		if _, err := c.follow(pos, pos+6); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServe_SlowReaderIsCutOffAndResumes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*live.Options)
		wait   int
		closed []int
	}{
		// Nothing can be told to one whose buffers stay full.
		{"reads nothing", func(o *live.Options) { o.WriteTimeout = 300 * time.Millisecond }, 1000,
			[]int{live.CloseTooSlow, websocket.CloseAbnormalClosure}},
		{"too far behind", func(o *live.Options) { o.MaxBehind, o.WriteTimeout = 20, 20*time.Second }, 0, []int{live.CloseTooSlow}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tc.change)
			w.records(1)
			dialer := websocket.Dialer{NetDial: func(network, addr string) (net.Conn, error) {
				conn, err := net.Dial(network, addr)
				if err == nil {
					err = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
				}
				return conn, err
			}}
			ws, resp, err := dialer.Dial(w.url+"/?lot=L1&view=public&after=1", nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			defer func() { _ = ws.Close() }()
			slow, quick := &client{t: t, ws: ws}, w.dial("view=public&after=1")
			big := strings.Repeat("标", 30_000) // 90 kB an event: soon no buffer has room
			const n = 100
			for pos := int64(1); pos <= n; pos++ { // the quick reader has each event before the next is written
				w.record("remark.made", map[string]any{"text": big})
				if _, err := quick.follow(pos, pos+1); err != nil {
					t.Fatalf("the quick reader: %v", err)
				}
			}
			for range tc.wait { // until the write has run out of time and the connection is gone
				if w.hub.Viewers() == 1 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			pos, err := slow.follow(1, n+1)
			if !websocket.IsCloseError(err, tc.closed...) {
				t.Fatalf("the slow reader got to %d, then %v; want close %v", pos, err, tc.closed)
			}
			if resumed, err := w.dial(fmt.Sprintf("view=public&after=%d", pos)).resume(pos, n+1); err != nil || resumed != n+1 {
				t.Errorf("resumed from %d to %d: %v", pos, resumed, err)
			}
		})
	}
}

// resume is follow for a client that may be given a snapshot because it is far
// behind.
func (c *client) resume(pos, last int64) (int64, error) {
	m, err := c.next()
	for err == nil && m.Type == "hello" {
		m, err = c.next()
	}
	if err != nil {
		return pos, err
	}
	switch {
	case m.Type == "snapshot":
		return c.follow(m.Seq, last)
	case m.Type != "event" || m.Seq != pos+1:
		c.t.Errorf("resumed after %d with %s %d", pos, m.Type, m.Seq)
	}
	return c.follow(m.Seq, last)
}

func TestServe_MessageTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.records(1)
	other := w.dial("role=bidder&person=p2")
	pos, err := other.follow(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := w.dial("role=buyer&person=p1")
	go func() {
		_ = c.ws.WriteMessage(websocket.TextMessage, []byte(`{"id":"1","command":"`+strings.Repeat("x", 10<<20)+`"}`))
	}()
	if code, closed := c.end(); code != "live.too_large" || closed != live.CloseTooLarge {
		t.Errorf("10 MB message: goodbye %q, close %d", code, closed)
	}
	if w.room.acted != 0 {
		t.Error("the command was carried out")
	}
	w.records(3)
	if _, err := other.follow(pos, pos+3); err != nil {
		t.Errorf("another visitor of the hall was disturbed: %v", err)
	}
}

func TestServe_ClassesSeeWhatTheyMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.record("lot.published", map[string]any{"text": "公开", "secret": "机密"})
	for query, want := range map[string][]view{
		"view=public": {{Seq: 2, Kind: "remark.made", Text: "公开"}, {Seq: 3, Closed: true}, {Seq: 4, Closed: true}},
		"role=bidder&person=p1&org=aa": {{Seq: 2, Kind: "remark.made", Text: "公开"},
			{Seq: 3, Kind: "remark.hidden", Text: "内部"}, {Seq: 4, Closed: true}},
		"role=supervisor&person=p2": {{Seq: 2, Kind: "remark.made", Text: "公开", Secret: "机密"},
			{Seq: 3, Kind: "remark.hidden", Text: "内部", Secret: "机密"}, {Seq: 4, Closed: true}},
	} {
		c := w.dial(query + "&after=1")
		defer func() {
			for _, want := range want {
				m := c.await("event", nil)
				if m.Event != want {
					t.Errorf("%s: got %+v, want %+v", query, m.Event, want)
				}
				if want.Secret == "" && strings.Contains(m.text, "机密") {
					t.Errorf("%s was told a secret: %s", query, m.text)
				}
			}
		}()
	}
	w.record("remark.made", map[string]any{"text": "公开", "secret": "机密"})
	w.record("remark.hidden", map[string]any{"text": "内部", "secret": "机密"})
	w.record("remark.broken", nil) // cannot be rendered: its place is shown, and nothing else
}

func TestPresence_DiscreetBeforeTheRoster(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.room.discreet = true
	w.records(1)
	host := w.dial("role=buyer&person=p1")
	host.await("presence", func(m message) bool { return m.Host })
	w.dial("role=bidder&person=p2&org=aa").await("actions", nil)
	w.dial("view=public").await("presence", nil)
	w.dial("role=supervisor&person=p3")
	m := host.await("presence", func(m message) bool { return m.Supervisors == 1 })
	if m.Viewers != nil || m.Bids != nil {
		t.Errorf("told before the roster: %s", m.text)
	}
	w.room.mu.Lock()
	w.room.discreet = false
	w.room.mu.Unlock()
	w.records(1) // the roster is published
	m = host.await("presence", func(m message) bool { return m.Viewers != nil })
	if *m.Viewers != 4 || !m.Bids["sm3:aa"] || m.Bids["sm3:bb"] {
		t.Errorf("after the roster: %s", m.text)
	}
}

func TestServe_ResumesAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.records(5)
	c := w.dial("view=public&after=2")
	if _, err := c.follow(2, 5); err != nil {
		t.Fatal(err)
	}
	if err := w.hub.Close(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	if code, closed := c.end(); code != "live.restarting" || closed != live.CloseGoing {
		t.Errorf("goodbye %q, close %d", code, closed)
	}
	w.records(3)
	w.open(nil)
	c = w.dial("view=public&after=5")
	if m := c.await("hello", nil); m.Viewer.Class != "public" || m.Viewer.Role != "public" {
		t.Errorf("hello %s", m.text)
	}
	w.records(1)
	if _, err := c.follow(5, 9); err != nil {
		t.Fatal(err)
	}
	if m := w.dial("view=public&after=99").await("snapshot", nil); m.Seq != 9 { // a seq that never was
		t.Errorf("snapshot %s", m.text)
	}
}

func TestCommand_ActsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.records(1)
	release, begun := make(chan struct{}), make(chan struct{}, 2)
	w.room.command = func(_, command string) (any, error) {
		begun <- struct{}{}
		<-release
		if command == "pause" {
			return nil, apperr.New(apperr.Precondition, "opening.not_started", "尚未开标。").By("演练规则 1")
		}
		return "好", nil
	}
	a, b := w.dial("role=buyer&person=p1"), w.dial("role=buyer&person=p1")
	a.send(`{"id":"c1","command":"start","input":{}}`)
	<-begun
	b.send(`{"id":"c1","command":"start","input":{}}`) // the same, from another screen, while it is under way
	b.send(`{"type":"ping","t0":7}`)
	close(release)
	isAck := func(m message) bool { return m.ID == "c1" }
	for _, c := range []*client{a, b} {
		if m := c.await("ack", isAck); string(m.Result) != `"好"` {
			t.Errorf("answer %s", m.text)
		}
	}
	a.send(`{"id":"c1","command":"start","input":{}}`)
	a.await("ack", isAck)
	if w.room.acted != 1 {
		t.Errorf("acted %d times", w.room.acted)
	}
	a.send(`{"id":"c1","command":"pause","input":{}}`)
	if m := a.await("ack", isAck); m.Problem == nil || m.Problem.Code != "live.id_reused" {
		t.Errorf("an id used twice: %s", m.text)
	}
	a.send(`{"id":"c2","command":"pause"}`)
	m := a.await("ack", nil)
	if p := m.Problem; p == nil || p.Code != "opening.not_started" || p.Status != 412 || p.Basis == "" || p.Trace == "" {
		t.Errorf("refusal %s", m.text)
	}
}

func TestCommand_TriedAgainWhenItCameToNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.records(1)
	var tries atomic.Int32
	w.room.command = func(string, string) (any, error) {
		if tries.Add(1) == 1 {
			return nil, fmt.Errorf("dial tcp: connection refused")
		}
		return "好", nil
	}
	c := w.dial("role=buyer&person=p1")
	c.send(`{"id":"c1","command":"start"}`)
	m := c.await("ack", nil)
	if m.Problem == nil || m.Problem.Status != 500 || strings.Contains(m.text, "refused") {
		t.Errorf("an internal error: %s", m.text)
	}
	c.send(`{"id":"c1","command":"start"}`)
	if m := c.await("ack", nil); string(m.Result) != `"好"` {
		t.Errorf("second try: %s", m.text)
	}
}

func TestMessages_AnswersAndRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *live.Options) { o.Burst, o.PerSecond = 3, 0.001 })
	w.records(1)
	c := w.dial("role=buyer&person=p1")
	if m := c.await("actions", nil); len(m.Actions) != 1 || m.Actions[0].Role != "buyer" {
		t.Errorf("actions %s", m.text)
	}
	for _, text := range []string{`{`, `{"id":"1"}`, `{"command":"start"}`, `{"id":"1","command":"a","query":"hall"}`, `[]`} {
		c.send(text)
		if m := c.await("ack", nil); m.Problem == nil || m.Problem.Code != "live.malformed" {
			t.Errorf("%s: %s", text, m.text)
		}
	}
	c.send(`{"type":"ping","t0":12}`)
	if m := c.await("pong", nil); m.T0 != 12 || !strings.HasSuffix(m.Legal, "+08:00") || m.Real == "" {
		t.Errorf("pong %s", m.text)
	}
	c.send(`{"id":"q1","query":"hall"}`)
	if m := c.await("ack", nil); string(m.Result) != `{"seq":1,"hall":{"seq":1}}` {
		t.Errorf("query hall: %s", m.text)
	}
	c.send(`{"id":"q2","query":"actions"}`)
	c.await("actions", nil)
	if m := c.await("ack", nil); m.ID != "q2" || m.Problem != nil {
		t.Errorf("query actions: %s", m.text)
	}
	c.send(`{"id":"q3","query":"secrets"}`)
	if m := c.await("ack", nil); m.Problem == nil || m.Problem.Code != "live.unknown_query" {
		t.Errorf("unknown query: %s", m.text)
	}
	c.send(`{"id":"q4","query":"hall"}`)
	if m := c.await("ack", nil); m.Problem == nil || m.Problem.Code != "live.too_many" {
		t.Errorf("one too many: %s", m.text)
	}
	watcher := w.dial("view=public&role=buyer&person=p1&after=1")
	watcher.send(`{"id":"1","command":"start"}`)
	if m := watcher.await("ack", nil); m.Problem == nil || m.Problem.Code != "live.watching_only" {
		t.Errorf("a watcher's command: %s", m.text)
	}
}

func TestServe_Denied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.records(1)
	for query, want := range map[string]int{
		"lot=none": live.CloseNoRoom, "role=expert&person=p": live.CloseDenied, "view=party": live.CloseExpired,
	} {
		ws, resp, err := websocket.DefaultDialer.Dial(w.url+"/?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		c := &client{t: t, ws: ws}
		if code, closed := c.end(); closed != want || code == "" {
			t.Errorf("%s: goodbye %q, close %d, want %d", query, code, closed, want)
		}
		_ = ws.Close()
	}
	for _, tc := range []struct {
		header http.Header
		code   string
	}{{http.Header{"Origin": {"https://evil.example"}}, "live.foreign_origin"}} {
		_, resp, err := websocket.DefaultDialer.Dial(w.url+"/?lot=L1", tc.header)
		if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
			t.Fatalf("a foreign page: %v", err)
		}
		var p live.Problem
		if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || p.Code != tc.code {
			t.Errorf("a foreign page: %+v, %v", p, err)
		}
		_ = resp.Body.Close()
	}
}

func TestRecheck_SessionEnds(t *testing.T) {
	t.Parallel()
	var over atomic.Bool
	check := func(context.Context, *http.Request) error {
		if over.Load() {
			return apperr.New(apperr.Unauthenticated, "session.expired", "登录已过期。")
		}
		return nil
	}
	w := newWorld(t, func(o *live.Options) { o.Recheck = check })
	w.records(1)
	c, watcher := w.dial("role=buyer&person=p1"), w.dial("view=public&role=buyer&person=p1&after=1")
	c.send(`{"id":"1","command":"start"}`)
	if m := c.await("ack", nil); m.Problem != nil {
		t.Fatal(m.text)
	}
	over.Store(true)
	c.send(`{"id":"2","command":"start"}`)
	if code, closed := c.end(); code != "live.session_expired" || closed != live.CloseExpired || w.room.acted != 1 {
		t.Errorf("at a command: goodbye %q, close %d, acted %d", code, closed, w.room.acted)
	}
	w.records(1)
	watcher.await("event", nil) // may go on
	w.open(func(o *live.Options) { o.Recheck, o.SessionEvery = check, 50*time.Millisecond })
	if code, closed := w.dial("role=buyer&person=p1").end(); code != "live.session_expired" || closed != live.CloseExpired {
		t.Errorf("in the course of time: goodbye %q, close %d", code, closed)
	}
}

// A command that the guard refuses does not act, and acts when it is sent again
// under the same id after the second factor was given.
func TestGuard_RefusesUntilTheFactorIsGiven(t *testing.T) {
	t.Parallel()
	var given atomic.Bool
	w := newWorld(t, func(o *live.Options) {
		o.Recheck = func(context.Context, *http.Request) error { return nil }
		o.Guard = func(_ context.Context, _ *http.Request, command string) error {
			if command == "start" && !given.Load() {
				return apperr.New(apperr.Unauthenticated, "session.second_factor", "请再次验证身份。")
			}
			return nil
		}
	})
	w.records(1)
	c := w.dial("role=buyer&person=p1")
	c.send(`{"id":"1","command":"start"}`)
	if m := c.await("ack", nil); m.Problem == nil || w.room.acted != 0 {
		t.Fatalf("acted %d: %s", w.room.acted, m.text)
	}
	given.Store(true)
	c.send(`{"id":"1","command":"start"}`)
	if m := c.await("ack", nil); m.Problem != nil || w.room.acted != 1 {
		t.Fatalf("acted %d: %s", w.room.acted, m.text)
	}
}

// It is not parallel, because it counts goroutines.
func TestClose_ReachesEverybodyAndLeavesNothingBehind(t *testing.T) {
	w := newWorld(t, nil)
	w.records(1)
	before := runtime.NumGoroutine()
	w.open(func(o *live.Options) { o.TimeEvery, o.Linger = 20*time.Millisecond, 10*time.Millisecond })
	clients := make([]*client, 30)
	for i := range clients {
		clients[i] = w.dial([]string{"view=public", "role=buyer&person=p1"}[i%2])
		clients[i].await("time", nil)
	}
	for _, c := range clients[:5] {
		_ = c.ws.Close() // without a word
	}
	if err := w.hub.Close(10 * time.Second); err != nil {
		t.Errorf("close: %v", err)
	}
	for i, c := range clients[5:] {
		if code, closed := c.end(); code != "live.restarting" || closed != live.CloseGoing {
			t.Errorf("client %d: goodbye %q, close %d", i, code, closed)
		}
		_ = c.ws.Close()
	}
	if _, resp, err := websocket.DefaultDialer.Dial(w.url+"/?lot=L1", nil); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a closed hub let somebody in: %v", err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before+3 && time.Now().Before(deadline) { // the HTTP server and the pool keep a few
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before+3 {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines before, %d after:\n%s", before, n, stacks[:runtime.Stack(stacks, true)])
	}
}
