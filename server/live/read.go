package live

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"time"

	"github.com/gorilla/websocket"

	"jianbiao/internal/apperr"
)

const (
	readLimit      = 64 << 10         // bytes of a message
	idLimit        = 64               // bytes of a command's id
	commandTimeout = 30 * time.Second // for the room to carry out a command
)

// readAll reads messages until the connection ends. After the farewell they
// are thrown away.
func (c *conn) readAll() {
	c.stillThere()
	c.ws.SetPongHandler(func(string) error { c.stillThere(); return nil })
	for {
		kind, r, err := c.ws.NextReader()
		if err != nil {
			return
		}
		if c.parting.Load() != nil {
			continue // NextReader skips the rest of the message
		}
		text, err := io.ReadAll(io.LimitReader(r, readLimit+1))
		switch {
		case err != nil:
			return
		case len(text) > readLimit:
			c.leave(tooLarge)
		default:
			c.stillThere()
			c.take(kind, text)
		}
	}
}

// stillThere gives the other side time for its next sign of life. After the
// farewell the time is not prolonged any more.
func (c *conn) stillThere() {
	_ = c.sock.SetReadDeadline(time.Now().Add(3 * c.hub.opts.PingEvery)) // fails only on a closed connection
	if c.parting.Load() != nil {
		_ = c.sock.SetReadDeadline(time.Now().Add(partingTime))
	}
}

// take acts on one message.
func (c *conn) take(kind int, text []byte) {
	var in incoming
	if kind != websocket.TextMessage || json.Unmarshal(text, &in) != nil {
		c.refuse("", malformed)
		return
	}
	switch {
	case in.Type == "ping":
		c.pong(in.T0)
	case in.ID == "" || len(in.ID) > idLimit || (in.Command == "") == (in.Query == ""):
		c.refuse("", malformed)
	case !c.commands.take(time.Now()):
		c.refuse(in.ID, apperr.New(apperr.TooMany, "live.too_many", "操作过于频繁，请稍候再试。"))
	case in.Query != "":
		c.query(in)
	default:
		c.command(in)
	}
}

var malformed = apperr.New(apperr.Invalid, "live.malformed", "消息格式有误，无法识别；请刷新页面后重试。")

// refuse answers id with a problem.
func (c *conn) refuse(id string, err error) {
	text, jerr := json.Marshal(ackMessage{Type: "ack", ID: id, Problem: c.hub.opts.Problem(c.hub.ctx, err)})
	if jerr == nil {
		c.send(text)
	}
}

func (c *conn) pong(t0 json.RawMessage) {
	r, err := c.hub.reading(c.hub.ctx)
	if err != nil {
		return // the next ping may have better luck
	}
	legal, real := r.now(time.Now())
	_ = c.sendJSON(pongMessage{Type: "pong", T0: t0, Legal: stamp(legal), Real: stamp(real)}) // strings and valid JSON
}

// recheck ends the connection when its session is over.
func (c *conn) recheck(ctx context.Context) error {
	if c.request == nil {
		return nil
	}
	err := c.hub.opts.Recheck(ctx, c.request)
	if err != nil && ends(err) {
		c.leave(expired)
	}
	return err
}

// query answers a question: "actions" with a message of that type, "hall" with
// a snapshot in the acknowledgement, which changes no position.
func (c *conn) query(in incoming) {
	if c.tail == nil {
		return
	}
	ctx, cancel := context.WithTimeout(c.hub.ctx, commandTimeout)
	defer cancel()
	var result any
	switch {
	case in.Query == "hall":
		hall, seq, err := c.hub.opts.Room.Snapshot(ctx, c.tail.lot, c.viewer)
		if err != nil {
			c.refuse(in.ID, err)
			return
		}
		result = struct {
			Seq  int64 `json:"seq"`
			Hall any   `json:"hall"`
		}{seq, hall}
	case in.Query == "actions" && c.viewer.acts():
		actions, err := c.hub.opts.Room.Actions(ctx, c.tail.lot, c.viewer)
		if err != nil {
			c.refuse(in.ID, err)
			return
		}
		m := actionsMessage{Type: "actions", Actions: actions}
		if err := c.sendJSON(m); err != nil {
			c.refuse(in.ID, err)
			return
		}
		result = struct {
			Actions any `json:"actions"`
		}{actions}
	case in.Query == "actions":
		result = struct {
			Actions []struct{} `json:"actions"`
		}{[]struct{}{}}
	default:
		c.refuse(in.ID, apperr.New(apperr.Invalid, "live.unknown_query", "没有这种查询，请刷新页面后重试。"))
		return
	}
	if err := c.sendJSON(ackMessage{Type: "ack", ID: in.ID, Result: result}); err != nil {
		c.refuse(in.ID, err)
	}
}

// command carries out a command once, however often it comes, and answers it.
func (c *conn) command(in incoming) {
	if c.tail == nil {
		return
	}
	if !c.viewer.acts() {
		c.refuse(in.ID, apperr.New(apperr.Forbidden, "live.watching_only", "您正以公众身份旁观，不能操作；请登录后以参与方身份进入。"))
		return
	}
	// The connection may end meanwhile; the command does not.
	ctx, cancel := context.WithTimeout(c.hub.ctx, commandTimeout)
	defer cancel()
	if err := c.recheck(ctx); err != nil {
		if !ends(err) {
			c.refuse(in.ID, err)
		}
		return
	}
	if guard := c.hub.opts.Guard; guard != nil && c.request != nil {
		if err := guard(ctx, c.request, in.Command); err != nil {
			c.refuse(in.ID, err)
			return
		}
	}
	person := c.viewer.who()
	request := sha256.Sum256([]byte(in.Command + "\x00" + string(in.Input)))
	for {
		a, first, same := c.tail.sent.begin(person, in.ID, request)
		switch {
		case !same:
			c.refuse(in.ID, apperr.New(apperr.Conflict, "live.id_reused", "同一编号已用于另一操作，请刷新页面后重试。"))
			return
		case first:
			c.act(ctx, in, a)
			return
		}
		select {
		case <-a.done:
		case <-ctx.Done():
			return
		}
		if a.ack != nil {
			c.send(a.ack)
			return
		}
	}
}

// act gives the command to the room and its answer to all who asked.
func (c *conn) act(ctx context.Context, in incoming, a *answer) {
	var ack []byte
	keep := false
	defer func() { c.tail.sent.finish(c.viewer.who(), in.ID, a, ack, keep) }() // a panic must not leave anybody waiting
	result, err := c.hub.opts.Room.Command(ctx, c.tail.lot, c.viewer, in.ID, in.Command, in.Input)
	m := ackMessage{Type: "ack", ID: in.ID, Result: result}
	if err != nil {
		m = ackMessage{Type: "ack", ID: in.ID, Problem: c.hub.opts.Problem(ctx, err)}
	}
	text, jerr := json.Marshal(m)
	if jerr != nil {
		c.refuse(in.ID, jerr)
		return
	}
	c.send(text)
	if err == nil || final(err) {
		ack, keep = text, true
	}
}

// final says whether a refusal stays one when the same command comes again.
func final(err error) bool {
	switch apperr.KindOf(err) {
	case apperr.Internal, apperr.Unavailable, apperr.TooMany:
		return false
	default:
		return true
	}
}
