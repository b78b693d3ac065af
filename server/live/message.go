package live

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

// Close codes of a room, beside those of RFC 6455.
const (
	CloseGoing    = 1012 // the server is going; come back with the last seq
	CloseTooLarge = 1009 // a message of more than 64 KiB
	CloseTooSlow  = 4001 // did not keep up; come back with the last seq
	CloseDenied   = 4003 // may not enter
	CloseNoRoom   = 4004 // there is no such room
	CloseExpired  = 4008 // the session has expired; log in and come back
)

// farewell is why a connection is ended: close code, stable code and a
// sentence for people.
type farewell struct {
	close  int
	code   string
	detail string
}

var (
	going    = &farewell{CloseGoing, "live.restarting", "服务即将重启，连接稍后会自动恢复，不会遗漏任何事件。"}
	tooSlow  = &farewell{CloseTooSlow, "live.too_slow", "网络较慢，未能及时接收，连接已断开；重新连接后从中断处继续。"}
	tooLarge = &farewell{CloseTooLarge, "live.too_large", "消息超过 64 KiB，未被接收。"}
	expired  = &farewell{CloseExpired, "live.session_expired", "登录已过期，请重新登录；登录后从中断处继续。"}
	full     = &farewell{CloseGoing, "live.full", "连接数已达上限，请稍后再试。"}
	// gone: the other side is not there any more and is told nothing.
	gone = &farewell{}
)

// incoming is a message of the client: a command, a query or a ping.
type incoming struct {
	Type    string          `json:"type"`
	ID      string          `json:"id"`
	Command string          `json:"command"`
	Input   json.RawMessage `json:"input"`
	Query   string          `json:"query"`
	T0      json.RawMessage `json:"t0"`
}

type helloMessage struct {
	Type   string      `json:"type"`
	Viewer helloViewer `json:"viewer"`
	Legal  string      `json:"legal"`
	Real   string      `json:"real"`
	Rate   float64     `json:"rate"`
}

type helloViewer struct {
	Role         string `json:"role"`
	Class        Class  `json:"class"`
	Host         bool   `json:"host"`
	Organisation string `json:"organisation,omitempty"`
}

type snapshotMessage struct {
	Type string `json:"type"`
	Seq  int64  `json:"seq"`
	Hall any    `json:"hall"`
}

type eventMessage struct {
	Type  string          `json:"type"`
	Seq   int64           `json:"seq"`
	Event json.RawMessage `json:"event"`
}

type ackMessage struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Result  any    `json:"result,omitempty"`
	Problem any    `json:"problem,omitempty"`
}

type actionsMessage struct {
	Type    string `json:"type"`
	Actions any    `json:"actions"`
}

type presenceMessage struct {
	Type        string          `json:"type"`
	Host        bool            `json:"host"`
	Supervisors int             `json:"supervisors"`
	Viewers     *int            `json:"viewers,omitempty"`
	Bids        map[string]bool `json:"bids,omitempty"`
}

type timeMessage struct {
	Type  string  `json:"type"`
	Legal string  `json:"legal"`
	Real  string  `json:"real"`
	Rate  float64 `json:"rate"`
}

type pongMessage struct {
	Type  string          `json:"type"`
	T0    json.RawMessage `json:"t0,omitempty"`
	Legal string          `json:"legal"`
	Real  string          `json:"real"`
}

type goodbyeMessage struct {
	Type   string `json:"type"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// EventFrame is the text of the message that carries an event: what all
// viewers of one class are sent.
func EventFrame(seq int64, view json.RawMessage) ([]byte, error) {
	return json.Marshal(eventMessage{Type: "event", Seq: seq, Event: view})
}

// stamp writes a time as the interface has it: Beijing time with milliseconds.
func stamp(t time.Time) string {
	return t.In(evidence.Beijing).Format("2006-01-02T15:04:05.000Z07:00")
}

// Problem is a refusal as RFC 9457 has it.
type Problem struct {
	Type   string            `json:"type"`
	Status int               `json:"status"`
	Title  string            `json:"title"`
	Code   string            `json:"code"`
	Detail string            `json:"detail"`
	Fields map[string]string `json:"fields,omitempty"`
	Basis  string            `json:"basis,omitempty"`
	Trace  string            `json:"trace"`
}

// kinds gives each kind of refusal its HTTP status and title.
var kinds = map[apperr.Kind]struct {
	status int
	title  string
}{
	apperr.Internal:        {http.StatusInternalServerError, "系统内部错误"},
	apperr.Invalid:         {http.StatusUnprocessableEntity, "输入有误"},
	apperr.Unauthenticated: {http.StatusUnauthorized, "尚未登录"},
	apperr.Forbidden:       {http.StatusForbidden, "无权操作"},
	apperr.NotFound:        {http.StatusNotFound, "未找到"},
	apperr.Conflict:        {http.StatusConflict, "情况已变化"},
	apperr.Precondition:    {http.StatusPreconditionFailed, "当前状态不允许"},
	apperr.TooMany:         {http.StatusTooManyRequests, "操作过于频繁"},
	apperr.TooLarge:        {http.StatusRequestEntityTooLarge, "内容过大"},
	apperr.Unavailable:     {http.StatusServiceUnavailable, "暂时不可用"},
}

// problemOf turns an error into what people are told. An unexpected error is
// logged under the trace that the problem names, and its text goes nowhere else.
func problemOf(ctx context.Context, log *slog.Logger, err error) Problem {
	p := Problem{Type: "about:blank", Trace: newTrace()}
	e, ok := apperr.From(err)
	if !ok || e.Kind == apperr.Internal {
		log.ErrorContext(ctx, "live room", "trace", p.Trace, "error", err)
		e = apperr.New(apperr.Internal, "internal", "系统内部错误，请稍后再试；如仍有问题，请提供编号 %s。", p.Trace)
	}
	k := kinds[e.Kind]
	p.Status, p.Title, p.Code, p.Detail, p.Fields, p.Basis = k.status, k.title, e.Code, e.Detail, e.Fields, e.Basis
	return p
}

func newTrace() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return hex.EncodeToString(b)
}
