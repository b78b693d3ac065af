package operate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/server/api"
)

// allowOperator is who looks after the machine.
func allowOperator() api.Permission { return api.Allow(actor.SystemAdmin) }

type healthOutput struct{ Body *Health }

// Register adds the routes.
func (o *Operator) Register(a *api.API) {
	a.Raw(api.Route{Method: http.MethodGet, Path: "/healthz", Allow: api.Public, Silent: true, Summary: "程序是否活着"}, o.live)
	a.Raw(api.Route{Method: http.MethodGet, Path: "/readyz", Allow: api.Public, Silent: true, Summary: "程序是否可以工作"}, o.ready)
	a.Raw(api.Route{Method: http.MethodGet, Path: "/metrics", Allow: api.Public, Silent: true, Summary: "运行指标（Prometheus 文本格式），凭令牌"}, o.metrics)
	api.Register(a, api.Route{Method: http.MethodGet, Path: "/api/operate/health", Allow: allowOperator(), Summary: "平台运行状况"},
		func(ctx context.Context, _ actor.Actor, _ *api.Nothing) (*healthOutput, error) {
			return &healthOutput{o.look(ctx)}, nil
		})
}

// live asks nobody: a program that answers lives.
func (o *Operator) live(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

func (o *Operator) ready(c echo.Context) error {
	r := o.Ready(c.Request().Context())
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
		c.Response().Header().Set(echo.HeaderRetryAfter, "5")
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return c.JSON(status, r)
}

// metrics answers whoever has the token. The address of the connection says
// nothing: behind a proxy everybody comes from this machine.
func (o *Operator) metrics(c echo.Context) error {
	given, ok := strings.CutPrefix(c.Request().Header.Get(echo.HeaderAuthorization), "Bearer ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(o.d.MetricsToken))
	if !ok || o.d.MetricsToken == "" || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return apperr.New(apperr.Unauthenticated, "metrics.token", "运行指标要凭令牌读取：在请求头 Authorization 中写 Bearer 和令牌，或使用配置文件 metrics.addr 指定的本机地址。")
	}
	return o.send(c.Response(), c.Request())
}

// MetricsHandler answers without a token, for an address of its own that only
// this machine can reach.
func (o *Operator) MetricsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		_ = o.send(w, r) // the collector has gone, or it has it
	})
	return mux
}

func (o *Operator) send(w http.ResponseWriter, r *http.Request) error {
	var b bytes.Buffer
	if err := o.WriteMetrics(r.Context(), &b); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, err := w.Write(b.Bytes())
	return err
}
