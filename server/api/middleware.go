package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
)

// visit is what the middlewares know about a request. It travels in the
// request's context from them to Register, which hands the actor on as an
// argument.
type visit struct {
	trace   string
	route   *Route // nil: no route of ours
	who     actor.Actor
	token   string // of the session, when it is a good one
	once    bool   // the session's password must be changed before it is good for anything else
	address string
	host    string          // under which name the request came
	done    <-chan struct{} // closed when the client has gone
}

// gone says whether the client no longer waits.
func (v *visit) gone() bool {
	select {
	case <-v.done:
		return true
	default:
		return false
	}
}

type visitKey struct{}

// visitOf never returns nil.
func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{who: actor.Anyone()}
}

func (v *visit) silent() bool { return v.route != nil && v.route.Silent }

// pattern is the route as registered: it names no lot and no person.
func (v *visit) pattern() string {
	if v.route == nil {
		return "(none)"
	}
	return v.route.Path
}

// Viewer is who looks, for raw handlers: the session's actor, or the public.
func Viewer(c echo.Context) actor.Actor { return visitOf(c.Request().Context()).who }

// Trace is the request's number in the operator's log.
func Trace(ctx context.Context) string { return visitOf(ctx).trace }

func (a *API) visit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		v := &visit{trace: newTrace(), who: actor.Anyone(), route: a.byKey[r.Method+" "+c.Path()], address: c.RealIP(), host: r.Host,
			done: r.Context().Done()}
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
		return next(c)
	}
}

func newTrace() string {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		panic("api: no randomness: " + err.Error())
	}
	return hex.EncodeToString(b)
}

// logged writes one line a request: the route, never its parameters, nor who
// asked, nor from where. Silent routes have no line.
func (a *API) logged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		if err := next(c); err != nil {
			c.Error(err)
		}
		v := visitOf(c.Request().Context())
		if v.silent() || v.route == nil && c.Response().Status < http.StatusBadRequest {
			return nil // silent, or a file of the web application
		}
		if a.deps.Observe != nil {
			a.deps.Observe(c.Request().Method, v.pattern(), c.Response().Status, time.Since(began))
		}
		a.deps.Log.Info("request", "method", c.Request().Method, "route", v.pattern(),
			"status", c.Response().Status, "ms", time.Since(began).Milliseconds(), "trace", v.trace)
		return nil
	}
}

func (a *API) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if r := recover(); r != nil {
				if err, ok := r.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(r)
				}
				err = fmt.Errorf("panic: %v", r)
			}
		}()
		return next(c)
	}
}

// contentPolicy lets pages load from here only; WASM is the sealer, inline
// styles are Element Plus's.
const contentPolicy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func (a *API) headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("X-Trace", visitOf(c.Request().Context()).trace)
		if a.deps.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if strings.HasPrefix(c.Request().URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		return next(c)
	}
}

// sameSite refuses unsafe requests that a browser sends from another site.
func (a *API) sameSite(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := a.cross.Check(c.Request()); err != nil {
			return apperr.New(apperr.Forbidden, "request.cross_site", "这个请求来自别的网站，已经拒绝：请在本平台的页面上操作。").Because(err)
		}
		return next(c)
	}
}

// session finds out who asks. A session that is none is nobody's, and the gate
// decides whether that is enough.
func (a *API) session(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		v := visitOf(c.Request().Context())
		cookie, err := c.Cookie(a.sessionCookie())
		if err != nil || v.route == nil {
			return next(c)
		}
		who, err := a.deps.Identity.Authenticate(c.Request().Context(), cookie.Value)
		switch {
		case apperr.KindOf(err) == apperr.Unauthenticated:
			return next(c)
		case err != nil:
			return err
		}
		if !v.silent() {
			who.Address = v.address
		}
		v.token, v.once = cookie.Value, who.PasswordOnce
		if !v.once || strings.HasPrefix(v.route.Path, "/api/session") {
			v.who, v.once = who, false // with a one-time password one is nobody until it is changed
		}
		return next(c)
	}
}

// gate lets through who is permitted, and no more of the body than the route
// takes. A path that is no route goes on, to its 404.
func (a *API) gate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		v := visitOf(c.Request().Context())
		if v.route == nil {
			return next(c)
		}
		switch {
		case v.route.Allow.Permits(v.who):
		case v.once:
			return errOncePassword()
		case v.who.PersonID == "":
			return apperr.New(apperr.Unauthenticated, "session.none", "请先登录。")
		default:
			return apperr.New(apperr.Forbidden, "session.role", "您现在的身份是“%s”，不能进行这个操作。", v.who.Role.Label())
		}
		if err := a.factored(c, v); err != nil {
			return err
		}
		if limit := v.route.limit(); limit > 0 {
			r := c.Request()
			if r.ContentLength > limit {
				return apperr.New(apperr.TooLarge, "request.too_large", "内容超过了大小限制(%d KiB),请减小后再试。", limit>>10)
			}
			r.Body = http.MaxBytesReader(c.Response(), r.Body, limit)
		}
		return next(c)
	}
}
