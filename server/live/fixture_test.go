package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/database/pgtest"
	"jianbiao/internal/evidence"
	"jianbiao/server/live"
)

const stream = "lot/L1"

// room is the smallest room that has secrets: "secret" is for officials, and
// events of kind remark.hidden are closed to the public.
type room struct {
	store    *evidence.Store
	mu       sync.Mutex
	discreet bool
	command  func(id, command string) (any, error)
	acted    int
}

type view struct {
	Seq    int64  `json:"seq"`
	Kind   string `json:"kind,omitempty"`
	Text   string `json:"text,omitempty"`
	Secret string `json:"secret,omitempty"`
	Closed bool   `json:"closed,omitempty"`
}

func (r *room) Admit(_ context.Context, lot string, who actor.Actor, as string) (live.Viewer, error) {
	switch {
	case lot == "none":
		return live.Viewer{}, apperr.New(apperr.NotFound, "lot.not_found", "没有这个标段。")
	case as == "public":
		return live.Viewer{Actor: actor.Anyone(), Class: live.ClassPublic}, nil
	case who.Role == actor.Public:
		return live.Viewer{}, apperr.New(apperr.Unauthenticated, "session.required", "请先登录。")
	case who.Role == actor.Expert:
		return live.Viewer{}, apperr.New(apperr.Forbidden, "hall.not_a_party", "您不是本标段的参与方。")
	case who.Role == actor.Supervisor:
		return live.Viewer{Actor: who, Class: live.ClassOfficial}, nil
	}
	return live.Viewer{Actor: who, Class: live.ClassParty, Host: who.Role == actor.Buyer, Organisation: who.OrganisationName}, nil
}

func (r *room) View(e evidence.Event, class live.Class) (json.RawMessage, error) {
	if e.Kind == "remark.broken" {
		return nil, errors.New("cannot be rendered")
	}
	if e.Kind == "remark.hidden" && class == live.ClassPublic {
		return json.Marshal(view{Seq: e.Seq, Closed: true})
	}
	v := view{Seq: e.Seq, Kind: e.Kind, Text: e.Text("text")}
	if class == live.ClassOfficial {
		v.Secret = e.Text("secret")
	}
	return json.Marshal(v)
}

func (r *room) Snapshot(ctx context.Context, _ string, _ live.Viewer) (any, int64, error) {
	seq, err := r.store.Head(ctx, stream)
	return map[string]int64{"seq": seq}, seq, err
}

func (r *room) Actions(_ context.Context, _ string, v live.Viewer) (any, error) {
	return []map[string]any{{"command": "remark", "allowed": true, "role": v.Actor.Role}}, nil
}

func (r *room) Command(_ context.Context, _ string, _ live.Viewer, id, command string, _ json.RawMessage) (any, error) {
	r.mu.Lock()
	r.acted++
	f := r.command
	r.mu.Unlock()
	if f == nil {
		return map[string]string{"did": command}, nil
	}
	return f(id, command)
}

func (r *room) Discreet(context.Context, string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.discreet, nil
}

func (r *room) Bids(_ context.Context, _ string, organisations []string) (map[string]bool, error) {
	bids := map[string]bool{"sm3:aa": false, "sm3:bb": false}
	for _, o := range organisations {
		bids["sm3:"+o] = true
	}
	return bids, nil
}

// world is a hub behind a real HTTP server with a real database.
type world struct {
	t     *testing.T
	db    *pgtest.DB
	store *evidence.Store
	room  *room
	hub   *live.Hub
	url   string
}

func newWorld(t *testing.T, change func(*live.Options)) *world {
	t.Helper()
	db := pgtest.New(t)
	w := &world{t: t, db: db, store: evidence.NewStore(db.App)}
	w.room = &room{store: w.store}
	w.open(change)
	return w
}

// open starts a hub and a server, as a restart of the program does.
func (w *world) open(change func(*live.Options)) {
	w.t.Helper()
	opts := live.Options{Source: w.store, Room: w.room, DSN: w.db.AppDSN, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		PresenceEvery: 20 * time.Millisecond, Settle: 5 * time.Millisecond}
	if change != nil {
		change(&opts)
	}
	hub := live.New(opts)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		after, _ := strconv.ParseInt(q.Get("after"), 10, 64)
		who := actor.Anyone()
		if role := q.Get("role"); role != "" {
			who = actor.Actor{PersonID: q.Get("person"), OrganisationID: q.Get("org"), Role: actor.Role(role)}
		}
		hub.Serve(rw, r, q.Get("lot"), who, after, q.Get("view"))
	}))
	w.hub, w.url = hub, "ws"+strings.TrimPrefix(server.URL, "http")
	w.t.Cleanup(func() {
		server.Close()
		if err := hub.Close(10 * time.Second); err != nil {
			w.t.Errorf("close the hub: %v", err)
		}
	})
}

// record writes one event.
func (w *world) record(kind string, fields map[string]any) {
	if err := w.store.Change(context.Background(), func(tx *evidence.Tx) error {
		tx.Record(evidence.Draft{Stream: stream, Kind: kind, Actor: actor.System(), Fields: fields})
		return nil
	}); err != nil {
		w.t.Errorf("record %s: %v", kind, err)
	}
}

func (w *world) records(n int) {
	for range n {
		w.record("remark.made", map[string]any{"text": "一切正常"})
	}
}

// message is anything that the server sends.
type message struct {
	Type        string
	Seq         int64
	Code        string
	ID          string
	Viewer      struct{ Role, Class string }
	Event       view
	Hall        struct{ Seq int64 }
	Result      json.RawMessage
	Problem     *live.Problem
	Actions     []struct{ Command, Role string }
	Host        bool
	Supervisors int
	Viewers     *int
	Bids        map[string]bool
	T0          int64
	Legal, Real string
	text        string
}

// client is a viewer with a real socket.
type client struct {
	t     testing.TB
	ws    *websocket.Conn
	until time.Time
}

// dial connects; query is what follows the question mark.
func (w *world) dial(query string) *client {
	w.t.Helper()
	ws, resp, err := websocket.DefaultDialer.Dial(w.url+"/?lot=L1&"+query, nil)
	if err != nil {
		w.t.Fatalf("dial %s: %v", query, err)
	}
	_ = resp.Body.Close()
	w.t.Cleanup(func() { _ = ws.Close() })
	return &client{t: w.t, ws: ws}
}

// next is the next message, or the error that ended the connection.
func (c *client) next() (message, error) {
	if c.until.IsZero() { // not prolonged: a server that only tells the time must not keep a test alive
		c.until = time.Now().Add(2 * time.Minute)
		_ = c.ws.SetReadDeadline(c.until)
	}
	_, text, err := c.ws.ReadMessage()
	if err != nil {
		return message{}, err
	}
	m := message{text: string(text)}
	return m, json.Unmarshal(text, &m)
}

// await skips messages until one is of the type and, if given, as wanted.
func (c *client) await(kind string, want func(message) bool) message {
	c.t.Helper()
	for {
		m, err := c.next()
		if err != nil {
			c.t.Fatalf("waiting for %s: %v", kind, err)
		}
		if m.Type == kind && (want == nil || want(m)) {
			return m
		}
	}
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// end reads to the end and returns the goodbye's code and the close code.
func (c *client) end() (code string, closed int) {
	c.t.Helper()
	for {
		m, err := c.next()
		var ce *websocket.CloseError
		switch {
		case err == nil && m.Type == "goodbye":
			code = m.Code
		case errors.As(err, &ce):
			return code, ce.Code
		case err != nil:
			c.t.Fatalf("the connection ended without a close frame: %v", err)
		}
	}
}

// follow reads until seq last was seen, and checks that all that came after
// the position came once and in order. It returns the last seq.
func (c *client) follow(pos, last int64) (int64, error) {
	for pos < last {
		m, err := c.next()
		if err != nil {
			return pos, err
		}
		switch m.Type {
		case "snapshot":
			if pos != 0 || m.Hall.Seq != m.Seq {
				c.t.Errorf("snapshot of %d (%d) at position %d", m.Seq, m.Hall.Seq, pos)
			}
			pos = m.Seq
		case "event":
			if m.Seq != pos+1 || m.Event.Seq != m.Seq {
				c.t.Errorf("event %d (%d) after %d", m.Seq, m.Event.Seq, pos)
			}
			pos = m.Seq
		}
	}
	return pos, nil
}
