// Package api is the HTTP contract of the platform: Echo routes whose typed
// handlers make the OpenAPI description (huma), one place that turns errors into
// RFC 9457 problems, and a registry in which every route states who may use it.
// A route that states nothing does not register: deny by default.
//
// It refuses to log who asked for what: before an opening that would say who is
// preparing a bid. What people do is in the evidence; the log is for operators.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"jianbiao/internal/actor"
	"jianbiao/internal/clock"
	"jianbiao/internal/evidence"
	"jianbiao/internal/identity"
)

// Deps is what the API is made of.
type Deps struct {
	Store    *evidence.Store
	Identity *identity.Service
	Clock    *clock.Clock
	Log      *slog.Logger
	Meta     Meta
	Version  string
	// Rehearsal says so in GET /api/health.
	Rehearsal bool
	// Secure: the site is served over TLS, here or by a proxy before us.
	Secure bool
	// TrustedOrigins may send unsafe requests from other sites ("https://host").
	TrustedOrigins []string
	// Observe is told of every request that is not silent: the route as
	// registered, never the path. nil: nobody counts.
	Observe func(method, route string, status int, took time.Duration)
	// Gone says that the database does not answer: what needs it is refused at
	// once instead of waiting. nil: it is always tried.
	Gone func() bool
	// Address finds the client's address. nil: that of the connection; behind a
	// proxy echo.ExtractIPFromXFFHeader.
	Address echo.IPExtractor
	// Limits are how fast requests may come; nil: DefaultLimits.
	Limits *Limits
}

// API is the router with its registry.
type API struct {
	deps   Deps
	echo   *echo.Echo
	huma   huma.API
	routes []Route
	byKey  map[string]*Route // method and Echo path
	cross  *http.CrossOriginProtection
	idem   inFlight
	rate   *buckets
}

// Permission says who may use a route. The zero value is nobody's and does not
// register.
type Permission struct {
	kind  int
	roles []actor.Role
}

const (
	permitPublic = iota + 1
	permitLoggedIn
	permitRoles
)

// Public routes need no session; a session that is there is still recognised.
var Public = Permission{kind: permitPublic}

// AnyLoggedIn routes need a session, of whatever role.
var AnyLoggedIn = Permission{kind: permitLoggedIn}

// Allow permits the roles and nobody else. It panics on roles that no session
// can have, and without one.
func Allow(roles ...actor.Role) Permission {
	for _, r := range roles {
		if !r.Known() || r == actor.Public || r == actor.Clock || r == actor.Rehearsal {
			panic(fmt.Sprintf("api: nobody logs in as %q", r))
		}
	}
	if len(roles) == 0 {
		panic("api: Allow without a role")
	}
	return Permission{kind: permitRoles, roles: slices.Clone(roles)}
}

// Permits says whether the actor may use the route.
func (p Permission) Permits(who actor.Actor) bool {
	switch p.kind {
	case permitPublic:
		return true
	case permitLoggedIn:
		return who.PersonID != ""
	case permitRoles:
		return who.PersonID != "" && who.In(p.roles...)
	default:
		return false
	}
}

// String is the permission for documents: public, logged in, or the roles.
func (p Permission) String() string {
	switch p.kind {
	case permitPublic:
		return "public"
	case permitLoggedIn:
		return "logged in"
	}
	words := make([]string, len(p.roles))
	for i, r := range p.roles {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}

// DefaultBody is the most that a request body may hold unless its route says
// otherwise, in bytes.
const DefaultBody = 1 << 20

// Route is one line of the registry.
type Route struct {
	Method  string
	Path    string // with parameters in braces: /api/lots/{id}
	Allow   Permission
	Summary string // one Chinese sentence for the description
	Status  int    // of success; 0: 200, or 204 for an output without a body
	Body    int64  // most bytes of a body; 0: DefaultBody, negative: the handler's own business
	// Silent routes leave no trace in log or idempotency store: neither who, nor
	// when, nor how often (sealed bids, vaults).
	Silent bool
}

// key is how Echo names the route.
func (r Route) key() string {
	return r.Method + " " + strings.NewReplacer("{", ":", "}", "").Replace(r.Path)
}

func (r Route) limit() int64 {
	if r.Body == 0 {
		return DefaultBody
	}
	return r.Body
}

// New makes the API with its own routes; others are added by Register and Raw
// before Handler is called.
func New(d Deps) *API {
	a := &API{deps: d, echo: echo.New(), byKey: map[string]*Route{}, rate: newBuckets(d.Limits), cross: http.NewCrossOriginProtection()}
	for _, origin := range d.TrustedOrigins {
		if err := a.cross.AddTrustedOrigin(origin); err != nil {
			panic("api: trusted origin: " + err.Error())
		}
	}
	a.echo.HideBanner, a.echo.HidePort = true, true
	a.echo.HTTPErrorHandler = a.fail
	a.echo.IPExtractor = d.Address
	if d.Address == nil {
		a.echo.IPExtractor = echo.ExtractIPDirect()
	}
	a.echo.Use(a.visit, a.logged, a.recovered, a.headers, a.sameSite, a.present, a.session, a.limited, a.gate, a.once)
	a.huma = humaecho.New(a.echo, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0", Info: &huma.Info{Title: "见标 Jianbiao", Version: d.Version},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName)},
		},
		Formats: huma.DefaultFormats, DefaultFormat: "application/json",
	})
	a.own()
	return a
}

// own registers the routes of this package.
func (a *API) own() {
	a.Raw(Route{Method: http.MethodGet, Path: "/openapi.json", Allow: Public, Summary: "接口说明"}, a.describe)
	a.echo.RouteNotFound("/api", a.missing)
	a.echo.RouteNotFound("/api/*", a.missing)
	a.registerTime()
	a.registerMeta()
	a.registerSession()
	a.registerCertificates()
	a.registerFactor()
	a.registerVault()
	a.registerPeople()
	a.registerAdmin()
	a.registerImport()
	a.registerRegions()
}

// Handler is a typed handler: one command or query. The actor is explicit; it is
// the public (actor.Public) when nobody is logged in.
type Handler[I, O any] func(ctx context.Context, who actor.Actor, in *I) (*O, error)

// Register adds a typed route. I has path, query and header parameters as tagged
// fields and the JSON body as the field Body; O has Body and headers likewise.
// It panics on a route without a permission and on one that is there already.
func Register[I, O any](a *API, r Route, h Handler[I, O]) {
	a.enter(r)
	op := huma.Operation{
		OperationID: operationID(r), Method: r.Method, Path: r.Path, Summary: r.Summary, DefaultStatus: r.Status,
		Description:  "permission: " + r.Allow.String(),
		MaxBodyBytes: -1, BodyReadTimeout: -1, // the gate and the server limit both
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		v := visitOf(ctx)
		out, err := h(ctx, v.who, in)
		if err != nil {
			return nil, a.problem(v, err)
		}
		return out, nil
	})
}

// Raw adds a route that reads or writes something else than JSON: a file, a
// sealed envelope, a websocket. Its handler finds the actor by Viewer and
// returns errors like any other.
func (a *API) Raw(r Route, h echo.HandlerFunc) {
	a.enter(r)
	method, path, _ := strings.Cut(r.key(), " ")
	a.echo.Add(method, path, h)
}

// Site serves everything that is no route: the web application. Paths below
// /api stay problems.
func (a *API) Site(h http.Handler) {
	a.echo.RouteNotFound("/*", func(c echo.Context) error {
		if m := c.Request().Method; m != http.MethodGet && m != http.MethodHead {
			return errNoRoute()
		}
		h.ServeHTTP(c.Response(), c.Request())
		return nil
	})
}

// missing tells a path that is none from one that does not take the method.
func (a *API) missing(c echo.Context) error {
	other := a.echo.NewContext(c.Request(), c.Response())
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		a.echo.Router().Find(method, c.Request().URL.Path, other)
		if a.byKey[method+" "+other.Path()] != nil {
			return echo.ErrMethodNotAllowed
		}
	}
	return errNoRoute()
}

func (a *API) enter(r Route) {
	key := r.key()
	switch {
	case r.Allow.kind == 0:
		panic("api: no permission stated for " + key)
	case a.byKey[key] != nil:
		panic("api: two routes for " + key)
	case r.Summary == "":
		panic("api: no summary for " + key)
	}
	a.routes = append(a.routes, r)
	a.byKey[key] = &r
}

// Routes lists the registry, in the order of registration.
func (a *API) Routes() []Route { return slices.Clone(a.routes) }

// Handler is the finished server. It panics when a route went round the registry.
func (a *API) Handler() http.Handler {
	for _, r := range a.echo.Routes() {
		if r.Method != echo.RouteNotFound && a.byKey[r.Method+" "+r.Path] == nil {
			panic("api: not in the registry: " + r.Method + " " + r.Path)
		}
	}
	return a.echo
}

// Description is the OpenAPI document, for generating clients.
func (a *API) Description() *huma.OpenAPI { return a.huma.OpenAPI() }

func (a *API) describe(c echo.Context) error { return c.JSON(http.StatusOK, a.huma.OpenAPI()) }

var notWord = regexp.MustCompile(`[^a-zA-Z0-9]+`)

func operationID(r Route) string {
	return strings.ToLower(r.Method) + "-" + strings.Trim(notWord.ReplaceAllString(strings.TrimPrefix(r.Path, "/api"), "-"), "-")
}

// CheckOrigin says whether a websocket is asked for by our own pages or by a
// program; for websocket.Upgrader.
func (a *API) CheckOrigin(r *http.Request) bool {
	post := r.Clone(r.Context()) // the safe method of a handshake would be let through
	post.Method = http.MethodPost
	return a.cross.Check(post) == nil
}
