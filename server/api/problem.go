package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/lib/pq"

	"jianbiao/internal/apperr"
	"jianbiao/internal/blob"
	"jianbiao/internal/database"
)

// Problem is a refusal as it goes over the wire (RFC 9457), with our stable code
// and the article it stands on.
type Problem struct {
	Type   string            `json:"type" doc:"urn:jianbiao:problem:<code>"`
	Title  string            `json:"title" doc:"状态的中文名"`
	Status int               `json:"status"`
	Code   string            `json:"code" doc:"<aggregate>.<reason>, never reused"`
	Detail string            `json:"detail" doc:"一句话:哪里不对、怎么办"`
	Fields map[string]string `json:"fields,omitempty" doc:"request field -> 哪里不对"`
	Basis  string            `json:"basis,omitempty" doc:"法律依据"`
	Trace  string            `json:"trace,omitempty" doc:"number of the request in the operator's log"`
}

// Error is the sentence.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is for huma: problems have a media type of their own.
func (p *Problem) ContentType(string) string { return problemType }

// retryAfter is when whoever was told 503 may try again, in seconds.
const retryAfter = "3"

const problemType = "application/problem+json"

// statuses is the only place where a kind becomes a status.
var statuses = map[apperr.Kind]int{
	apperr.Internal:        http.StatusInternalServerError,
	apperr.Invalid:         http.StatusUnprocessableEntity,
	apperr.Unauthenticated: http.StatusUnauthorized,
	apperr.Forbidden:       http.StatusForbidden,
	apperr.NotFound:        http.StatusNotFound,
	apperr.Conflict:        http.StatusConflict,
	apperr.Precondition:    http.StatusPreconditionFailed,
	apperr.TooMany:         http.StatusTooManyRequests,
	apperr.TooLarge:        http.StatusRequestEntityTooLarge,
	apperr.Unavailable:     http.StatusServiceUnavailable,
}

var titles = map[int]string{
	http.StatusBadRequest:            "请求有误",
	http.StatusUnauthorized:          "需要登录",
	http.StatusForbidden:             "不允许",
	http.StatusNotFound:              "没有找到",
	http.StatusMethodNotAllowed:      "不支持这种操作",
	http.StatusRequestTimeout:        "接收超时",
	http.StatusConflict:              "已有变化",
	http.StatusPreconditionFailed:    "条件不满足",
	http.StatusRequestEntityTooLarge: "内容太大",
	http.StatusUnsupportedMediaType:  "格式不支持",
	http.StatusUnprocessableEntity:   "填写有误",
	http.StatusTooManyRequests:       "请稍后再试",
	http.StatusInternalServerError:   "平台出错",
	http.StatusServiceUnavailable:    "暂时不能处理",
}

// plain are the problems that no apperr stands behind: what Echo and huma find
// wrong with a request.
var plain = map[int]struct{ code, detail string }{
	http.StatusBadRequest:            {"request.malformed", "请求的内容无法识别，请刷新页面后再试。"},
	http.StatusUnauthorized:          {"session.none", "请先登录。"},
	http.StatusForbidden:             {"request.forbidden", "您不能进行这个操作。"},
	http.StatusNotFound:              {"request.no_route", "没有这个地址，请核对链接。"},
	http.StatusMethodNotAllowed:      {"request.method", "这个地址不支持这种操作。"},
	http.StatusRequestTimeout:        {"request.timeout", "没有在规定时间内收完请求，请检查网络后再试。"},
	http.StatusRequestEntityTooLarge: {"request.too_large", "内容超过了大小限制，请减小后再试。"},
	http.StatusUnsupportedMediaType:  {"request.media_type", "不支持这种内容格式，请使用 JSON。"},
	http.StatusUnprocessableEntity:   {"request.invalid", "填写的内容不符合要求，请核对后再试。"},
	http.StatusTooManyRequests:       {"request.too_many", "请求太频繁，请稍后再试。"},
	http.StatusInternalServerError:   {"server.error", "平台出了问题，已经记录；请稍后再试，仍不行请把编号告诉管理员。"},
	http.StatusServiceUnavailable:    {"server.unavailable", "平台暂时不能处理，请稍后再试。"},
}

func plainProblem(status int) *Problem {
	p, ok := plain[status]
	if !ok && status >= http.StatusInternalServerError {
		status, p = http.StatusInternalServerError, plain[http.StatusInternalServerError]
	} else if !ok {
		status, p = http.StatusBadRequest, plain[http.StatusBadRequest]
	}
	return newProblem(status, p.code, p.detail)
}

func newProblem(status int, code, detail string) *Problem {
	return &Problem{Type: "urn:jianbiao:problem:" + code, Title: titles[status], Status: status, Code: code, Detail: detail}
}

func errNoRoute() error {
	return apperr.New(apperr.NotFound, "request.no_route", "没有这个地址，请核对链接。")
}

// problem turns any error into a problem; what is nobody's refusal is logged,
// once, and its text stays here.
func (a *API) problem(v *visit, err error) *Problem {
	if apperr.KindOf(err) == apperr.Internal && v.gone() {
		err = context.Canceled // nobody waits for the answer, and what failed failed because of that
	}
	p := asProblem(err)
	p.Trace = v.trace
	if errors.Is(err, context.Canceled) {
		return p
	}
	if p.Status >= http.StatusInternalServerError && apperr.KindOf(err) == apperr.Internal {
		a.logFault(v, err)
	}
	return p
}

// Explain is the problem of an error that is told over another way than an HTTP
// answer (a websocket); it logs like the others.
func (a *API) Explain(ctx context.Context, err error) *Problem { return a.problem(visitOf(ctx), err) }

func asProblem(err error) *Problem {
	var done *Problem
	var he *echo.HTTPError
	var tooLarge *http.MaxBytesError
	e, ours := apperr.From(err)
	switch {
	case errors.As(err, &done):
		return done
	case ours && e.Kind != apperr.Internal:
		p := newProblem(statuses[e.Kind], e.Code, e.Detail)
		p.Fields, p.Basis = e.Fields, e.Basis
		return p
	case errors.As(err, &tooLarge):
		return plainProblem(http.StatusRequestEntityTooLarge)
	case database.IsBadText(err):
		return plainProblem(http.StatusBadRequest)
	case database.IsFull(err):
		return asProblem(blob.ErrFull.Because(err))
	case database.IsUnavailable(err):
		return newProblem(http.StatusServiceUnavailable, "server.database", "平台的数据库暂时连接不上，请稍后再试；刚才的操作是否办成，请刷新后核对。")
	case errors.Is(err, context.DeadlineExceeded):
		return plainProblem(http.StatusServiceUnavailable)
	case errors.Is(err, context.Canceled):
		return newProblem(http.StatusServiceUnavailable, "request.cancelled", "请求已经取消。")
	case errors.As(err, &he):
		return plainProblem(he.Code)
	default:
		return plainProblem(http.StatusInternalServerError)
	}
}

// logFault writes the one line about an unexpected error. On a silent route it
// names neither the request nor any value, only what sort of error it was.
func (a *API) logFault(v *visit, err error) {
	if v.silent() {
		a.deps.Log.Error("internal error", "sort", sortOf(err))
		return
	}
	a.deps.Log.Error("internal error", "trace", v.trace, "route", v.pattern(), "error", err.Error())
}

func sortOf(err error) string {
	var pe *pq.Error
	if errors.As(err, &pe) {
		return "postgres " + string(pe.Code)
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return fmt.Sprintf("%T", err)
}

// fail is Echo's error handler: everything that a handler or a middleware
// returns comes through here.
func (a *API) fail(err error, c echo.Context) {
	p := a.problem(visitOf(c.Request().Context()), err)
	if !c.Response().Committed {
		a.write(c, p)
	}
}

func (a *API) write(c echo.Context, p *Problem) {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, problemType)
	h.Set(echo.HeaderCacheControl, "no-store")
	if p.Status == http.StatusServiceUnavailable {
		h.Set(echo.HeaderRetryAfter, retryAfter)
	}
	c.Response().WriteHeader(p.Status)
	if c.Request().Method == http.MethodHead {
		return
	}
	enc := json.NewEncoder(c.Response())
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p) // the client has gone, or it has it
}

// Chinese says whether a text for people has a Chinese character in it.
func Chinese(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return 0x4e00 <= r && r <= 0x9fff })
}
