package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"jianbiao/internal/actor"
	"jianbiao/internal/clock"
	"jianbiao/internal/database/pgtest"
	"jianbiao/internal/evidence"
	"jianbiao/internal/identity"
	"jianbiao/server/api"
)

const password = "Xunlian-2026-kaibiao"

var conductor = actor.Actor{Role: actor.Rehearsal}

// buffer is a log that several requests write at once.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

type site struct {
	t      *testing.T
	db     *pgtest.DB
	ids    *identity.Service
	api    *api.API
	log    *buffer
	url    string
	people int
}

// newSite serves the API over a real listener on a database of its own; add may
// register routes.
func newSite(t *testing.T, add func(*api.API)) *site {
	t.Helper()
	return newSiteWith(t, add, nil)
}

// newSiteWith is newSite with other dependencies.
func newSiteWith(t *testing.T, add func(*api.API), change func(*api.Deps)) *site {
	t.Helper()
	db := pgtest.New(t)
	store := evidence.NewStore(db.App)
	s := &site{t: t, db: db, log: &buffer{}}
	s.ids = identity.NewService(store, identity.Config{Now: time.Now, Secret: bytes.Repeat([]byte{7}, 32), Rehearsal: true,
		Cost: identity.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}, FreshFor: -1})
	deps := api.Deps{Store: store, Identity: s.ids, Clock: clock.New(store, true), Version: "test", Rehearsal: true,
		Log: slog.New(slog.NewJSONHandler(s.log, nil))}
	if change != nil {
		change(&deps)
	}
	s.api = api.New(deps)
	if add != nil {
		add(s.api)
	}
	server := httptest.NewServer(s.api.Handler())
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// member makes a person with one role in an organisation of its own.
func (s *site) member(role actor.Role) (login string, personID string) {
	s.t.Helper()
	ctx := context.Background()
	s.people++
	login = fmt.Sprintf("user-%s-%d", role, s.people)
	o, err := s.ids.CreateOrganisation(ctx, conductor, identity.CreateOrganisationInput{
		USCC: identity.MakeUSCC(fmt.Sprintf("91321300MA1%06d", s.people)), Name: "宿迁测试单位" + fmt.Sprint(s.people), Region: "321300"})
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := s.ids.CreatePerson(ctx, conductor, identity.CreatePersonInput{Login: login, Name: "测试员", Password: password})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.ids.AddMembership(ctx, conductor, identity.Membership{PersonID: p.ID, OrganisationID: o.ID, Role: role, Region: "321300"}); err != nil {
		s.t.Fatal(err)
	}
	return login, p.ID
}

// client has a cookie jar of its own; a login of "" stays nobody.
func (s *site) client(login string) *http.Client {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	if login != "" {
		res := s.do(c, "POST", "/api/session", map[string]string{"login": login, "password": password}, nil)
		if res.status != http.StatusOK {
			s.t.Fatalf("log in as %s: %d %s", login, res.status, res.body)
		}
	}
	return c
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) problem(t *testing.T) api.Problem {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal(r.body, &p); err != nil {
		t.Fatalf("no problem in %d %q: %v", r.status, r.body, err)
	}
	return p
}

// do sends body as it is when it is a string or bytes, else as JSON.
func (s *site) do(c *http.Client, method, path string, body any, header map[string]string) reply {
	s.t.Helper()
	var r io.Reader
	media := "application/json"
	switch b := body.(type) {
	case nil:
		media = ""
	case string:
		r = strings.NewReader(b)
	case []byte:
		r, media = bytes.NewReader(b), "application/octet-stream"
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, s.url+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := c.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, raw}
}

func sessionRoles() []actor.Role {
	return slices.DeleteFunc(actor.Roles(), func(r actor.Role) bool {
		return r == actor.Public || r == actor.Clock || r == actor.Rehearsal
	})
}

// Every route with every role: who is not permitted gets 401 or 403 with a code,
// who is permitted does not.
func TestRoutes_permissionsOfAllRoles(t *testing.T) {
	t.Parallel()
	walkPermissions(t, newSite(t, nil))
}

// walkPermissions tries every route of the site as everybody.
func walkPermissions(t *testing.T, s *site) {
	t.Helper()
	logins := map[actor.Role]string{actor.Public: ""}
	for _, r := range sessionRoles() {
		logins[r], _ = s.member(r)
	}
	denied := 0
	for _, route := range s.api.Routes() {
		path := strings.NewReplacer("{", "", "}", "").Replace(route.Path)
		for role, login := range logins {
			who := actor.Actor{Role: role}
			if login != "" {
				who.PersonID = "somebody"
			}
			var body any
			if route.Method != http.MethodGet && route.Method != http.MethodDelete {
				body = "{}"
			}
			res := s.do(s.client(login), route.Method, path, body, nil)
			code := ""
			if res.status >= 400 {
				code = res.problem(t).Code
			}
			gate := code == "session.none" || code == "session.role"
			if want := !route.Allow.Permits(who); gate != want {
				t.Errorf("%s %s as %s: %d %q, refused by the gate: %t, want %t", route.Method, route.Path, role, res.status, code, gate, want)
			}
			if gate {
				denied++
				if want := map[bool]int{true: 401, false: 403}[login == ""]; res.status != want {
					t.Errorf("%s %s as %s: %d, want %d", route.Method, route.Path, role, res.status, want)
				}
			}
		}
	}
	if denied < 100 {
		t.Errorf("only %d refusals: the walk is too short to say anything", denied)
	}
}

func TestRegister_refusesWhatStatesNoPermission(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	panics := func(name string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", name)
			}
		}()
		f()
	}
	none := func(context.Context, actor.Actor, *api.Nothing) (*api.Nothing, error) { return nil, nil }
	raw := func(echo.Context) error { return nil }
	panics("typed route without permission", func() {
		api.Register(s.api, api.Route{Method: "GET", Path: "/api/x", Summary: "无"}, none)
	})
	panics("raw route without permission", func() { s.api.Raw(api.Route{Method: "GET", Path: "/api/x", Summary: "无"}, raw) })
	panics("zero permission", func() {
		s.api.Raw(api.Route{Method: "GET", Path: "/api/x", Summary: "无", Allow: api.Permission{}}, raw)
	})
	panics("nobody allowed", func() { api.Allow() })
	panics("a role that nobody has", func() { api.Allow(actor.Clock) })
	panics("the same route twice", func() {
		s.api.Raw(api.Route{Method: "GET", Path: "/api/time", Summary: "无", Allow: api.Public}, raw)
	})
}

func TestHandler_answers(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(a *api.API) {
		a.Site(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") }))
	})
	c := s.client("")
	var health api.Health
	res := s.do(c, "GET", "/api/health", nil, nil)
	if err := json.Unmarshal(res.body, &health); err != nil || res.status != 200 || health.Status != "ok" || !health.Rehearsal {
		t.Errorf("health: %d %s %v", res.status, res.body, err)
	}
	if _, err := time.Parse(time.RFC3339, health.LegalTime); err != nil || !strings.HasSuffix(health.LegalTime, "+08:00") {
		t.Errorf("legal time %q: %v", health.LegalTime, err)
	}
	var reading api.TimeReading
	if res := s.do(c, "GET", "/api/time", nil, nil); json.Unmarshal(res.body, &reading) != nil || reading.Rate != 1 {
		t.Errorf("time: %s", res.body)
	}
	var meta api.Meta
	if res := s.do(c, "GET", "/api/meta", nil, nil); json.Unmarshal(res.body, &meta) != nil || meta.Roles["bidder"] != "投标人" {
		t.Errorf("meta: %s", res.body)
	}
	var spec struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if res := s.do(c, "GET", "/openapi.json", nil, nil); json.Unmarshal(res.body, &spec) != nil || spec.Paths["/api/session"]["post"] == nil {
		t.Errorf("openapi: %.200s", res.body)
	}
	if res := s.do(c, "GET", "/lots/some-page", nil, nil); res.status != 200 || string(res.body) != "page" {
		t.Errorf("web application: %d %s", res.status, res.body)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Frame-Options": "DENY"} {
		if got := res.header.Get(name); got != want {
			t.Errorf("header %s: %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(res.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Error("no content security policy")
	}
}

type thingInput struct {
	ID   string    `path:"id" format:"uuid"`
	From time.Time `query:"from"`
	N    int       `query:"n" minimum:"1" maximum:"9"`
	Flag bool      `query:"flag"`
	Body struct {
		Name  string   `json:"name" minLength:"2" maxLength:"5" pattern:"^[a-z]+$"`
		Count int      `json:"count" minimum:"3"`
		Kind  string   `json:"kind" enum:"a,b"`
		Tags  []string `json:"tags" minItems:"1" uniqueItems:"true"`
		At    string   `json:"at,omitempty" format:"date-time"`
		Mail  string   `json:"mail,omitempty" format:"email"`
		Inner *struct {
			X bool `json:"x"`
		} `json:"inner,omitempty"`
	}
}

// The site takes what is no route, but never the interface's own paths.
func TestSite_leavesTheInterfaceItsProblems(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(a *api.API) {
		a.Site(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "page", http.StatusOK) }))
	})
	for path, want := range map[string]int{"/": 200, "/lots/1": 200, "/api": 404, "/api/": 404, "/api/nothing": 404} {
		res := s.do(http.DefaultClient, http.MethodGet, path, nil, nil)
		problem := strings.HasPrefix(res.header.Get("Content-Type"), "application/problem+json")
		if res.status != want || problem != (want == 404) {
			t.Errorf("%s: %d %s", path, res.status, res.header.Get("Content-Type"))
		}
	}
}

// No sentence of a library reaches people: whatever is wrong with a request is
// said in Chinese and has a code.
func TestProblems_areChinese(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(a *api.API) {
		api.Register(a, api.Route{Method: "POST", Path: "/api/things/{id}", Allow: api.Public, Summary: "测试", Body: 512},
			func(context.Context, actor.Actor, *thingInput) (*api.Nothing, error) { return &api.Nothing{}, nil })
	})
	const id = "/api/things/0195a0f0-0000-7000-8000-000000000000"
	good := `{"name":"abc","count":3,"kind":"a","tags":["x"]}`
	tests := []struct {
		name, method, path, body, media string
		status                          int
		code, field                     string
	}{
		{"unknown path", "GET", "/api/nothing/here", "", "", 404, "request.no_route", ""},
		{"unknown path, unsafe", "POST", "/api/nothing", "{}", "", 404, "request.no_route", ""},
		{"outside the interface", "POST", "/elsewhere", "{}", "", 404, "request.no_route", ""},
		{"wrong method", "DELETE", "/api/time", "", "", 405, "request.method", ""},
		{"malformed JSON", "POST", id, `{"name":`, "", 400, "request.malformed", ""},
		{"not JSON at all", "POST", id, `hello`, "", 400, "request.malformed", ""},
		{"trailing garbage", "POST", id, good + `x`, "", 400, "request.malformed", ""},
		{"no body", "POST", id, "", "", 400, "request.malformed", ""},
		{"an array", "POST", id, `[]`, "", 422, "request.invalid", ""},
		{"null", "POST", id, `null`, "", 422, "request.invalid", ""},
		{"other media type", "POST", id, good, "text/csv", 415, "request.media_type", ""},
		{"too large", "POST", id, `{"name":"` + strings.Repeat("a", 600) + `"}`, "", 413, "request.too_large", ""},
		{"missing property", "POST", id, `{"count":3,"kind":"a","tags":["x"]}`, "", 422, "request.invalid", "name"},
		{"unknown property", "POST", id, `{"name":"abc","count":3,"kind":"a","tags":["x"],"zz":1}`, "", 422, "request.invalid", "zz"},
		{"too short", "POST", id, `{"name":"a","count":3,"kind":"a","tags":["x"]}`, "", 422, "request.invalid", "name"},
		{"too long", "POST", id, `{"name":"abcdef","count":3,"kind":"a","tags":["x"]}`, "", 422, "request.invalid", "name"},
		{"pattern", "POST", id, `{"name":"AB","count":3,"kind":"a","tags":["x"]}`, "", 422, "request.invalid", "name"},
		{"number for text", "POST", id, `{"name":5,"count":3,"kind":"a","tags":["x"]}`, "", 422, "request.invalid", "name"},
		{"text for number", "POST", id, `{"name":"abc","count":"3","kind":"a","tags":["x"]}`, "", 422, "request.invalid", "count"},
		{"fraction", "POST", id, `{"name":"abc","count":3.5,"kind":"a","tags":["x"]}`, "", 422, "request.invalid", "count"},
		{"huge number", "POST", id, `{"name":"abc","count":1e400,"kind":"a","tags":["x"]}`, "", 400, "request.malformed", ""},
		{"too small", "POST", id, `{"name":"abc","count":1,"kind":"a","tags":["x"]}`, "", 422, "request.invalid", "count"},
		{"not in the list", "POST", id, `{"name":"abc","count":3,"kind":"c","tags":["x"]}`, "", 422, "request.invalid", "kind"},
		{"empty list", "POST", id, `{"name":"abc","count":3,"kind":"a","tags":[]}`, "", 422, "request.invalid", "tags"},
		{"double items", "POST", id, `{"name":"abc","count":3,"kind":"a","tags":["x","x"]}`, "", 422, "request.invalid", "tags"},
		{"list for text", "POST", id, `{"name":"abc","count":3,"kind":"a","tags":"x"}`, "", 422, "request.invalid", "tags"},
		{"bad date", "POST", id, `{"name":"abc","count":3,"kind":"a","tags":["x"],"at":"tomorrow"}`, "", 422, "request.invalid", "at"},
		{"bad mail", "POST", id, `{"name":"abc","count":3,"kind":"a","tags":["x"],"mail":"@"}`, "", 422, "request.invalid", "mail"},
		{"nested", "POST", id, `{"name":"abc","count":3,"kind":"a","tags":["x"],"inner":{"x":1}}`, "", 422, "request.invalid", "inner.x"},
		{"nested, missing", "POST", id, `{"name":"abc","count":3,"kind":"a","tags":["x"],"inner":{}}`, "", 422, "request.invalid", "inner.x"},
		{"bad id", "POST", "/api/things/7", good, "", 422, "request.invalid", "id"},
		{"bad query number", "POST", id + "?n=x", good, "", 422, "request.invalid", "n"},
		{"query out of bounds", "POST", id + "?n=10", good, "", 422, "request.invalid", "n"},
		{"bad query flag", "POST", id + "?flag=maybe", good, "", 422, "request.invalid", "flag"},
		{"bad query time", "POST", id + "?from=now", good, "", 422, "request.invalid", "from"},
		{"no session", "GET", "/api/session", "", "", 401, "session.none", ""},
		{"wrong password", "POST", "/api/session", `{"login":"nobody","password":"x"}`, "", 401, "session.bad_credentials", ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var body any
			if tc.body != "" {
				body = tc.body
			}
			header := map[string]string{"Accept": "text/html, */*"}
			if tc.media != "" {
				header["Content-Type"] = tc.media
			}
			res := s.do(http.DefaultClient, tc.method, tc.path, body, header)
			p := res.problem(t)
			if res.status != tc.status || p.Status != tc.status || p.Code != tc.code {
				t.Errorf("%d %s, want %d %s (%s)", res.status, p.Code, tc.status, tc.code, res.body)
			}
			if tc.field != "" && p.Fields[tc.field] == "" {
				t.Errorf("no complaint about %s: %v", tc.field, p.Fields)
			}
			if ct := res.header.Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("content type %q", ct)
			}
			for _, words := range append(values(p.Fields), p.Detail, p.Title) {
				if !api.Chinese(words) || strings.Contains(words, "%!") {
					t.Errorf("not for people: %q", words)
				}
			}
			if p.Trace == "" {
				t.Error("no trace")
			}
		})
	}
}

func values(m map[string]string) []string {
	var out []string
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func TestFaults_saidToTheLogOnly(t *testing.T) {
	t.Parallel()
	fault := errors.New("disk on fire at /dev/sda")
	s := newSite(t, func(a *api.API) {
		api.Register(a, api.Route{Method: "GET", Path: "/api/fault", Allow: api.Public, Summary: "测试"},
			func(context.Context, actor.Actor, *api.Nothing) (*api.Nothing, error) { return nil, fault })
		api.Register(a, api.Route{Method: "GET", Path: "/api/panic", Allow: api.Public, Summary: "测试"},
			func(context.Context, actor.Actor, *api.Nothing) (*api.Nothing, error) { panic(fault) })
		a.Raw(api.Route{Method: "GET", Path: "/api/raw", Allow: api.Public, Summary: "测试"}, func(echo.Context) error { return fault })
		a.Raw(api.Route{Method: "GET", Path: "/api/silent", Allow: api.Public, Summary: "测试", Silent: true}, func(echo.Context) error { return fault })
	})
	for _, path := range []string{"/api/fault", "/api/panic", "/api/raw"} {
		res := s.do(http.DefaultClient, "GET", path, nil, nil)
		p := res.problem(t)
		if res.status != 500 || p.Code != "server.error" || bytes.Contains(res.body, []byte("fire")) {
			t.Errorf("%s: %d %s", path, res.status, res.body)
		}
		lines := 0
		for line := range strings.Lines(s.log.String()) {
			if strings.Contains(line, p.Trace) && strings.Contains(line, "fire") {
				lines++
			}
		}
		if lines != 1 {
			t.Errorf("%s: %d lines in the log, want 1", path, lines)
		}
	}
	before := len(s.log.String())
	s.do(http.DefaultClient, "GET", "/api/silent", nil, nil)
	after := s.log.String()[before:]
	if strings.Contains(after, "fire") || strings.Contains(after, "silent") || strings.Contains(after, "trace") {
		t.Errorf("a silent route talked: %s", after)
	}
}

func TestClientGone_isNoFault(t *testing.T) {
	t.Parallel()
	entered, left := make(chan struct{}), make(chan struct{})
	s := newSite(t, func(a *api.API) {
		api.Register(a, api.Route{Method: "GET", Path: "/api/slow", Allow: api.Public, Summary: "测试"},
			func(ctx context.Context, _ actor.Actor, _ *api.Nothing) (*api.Nothing, error) {
				defer close(left)
				close(entered)
				<-ctx.Done()
				return nil, errors.New("canceling statement due to user request")
			})
	})
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", s.url+"/api/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-entered; cancel() }()
	if res, err := http.DefaultClient.Do(req); err == nil {
		_ = res.Body.Close()
		t.Error("an answer for nobody")
	}
	<-left
	for !strings.Contains(s.log.String(), "/api/slow") { // its line comes after the handler
		time.Sleep(time.Millisecond)
	}
	if log := s.log.String(); strings.Contains(log, "internal error") {
		t.Errorf("logged as a fault: %s", log)
	}
}

func TestCrossSite_refused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	login, _ := s.member(actor.SystemAdmin)
	c := s.client(login)
	body := map[string]string{"uscc": "", "name": "", "region": ""}
	for name, header := range map[string]map[string]string{
		"Sec-Fetch-Site": {"Sec-Fetch-Site": "cross-site"},
		"same site only": {"Sec-Fetch-Site": "same-site"},
		"Origin":         {"Origin": "https://evil.example"},
	} {
		if res := s.do(c, "POST", "/api/organisations", body, header); res.status != 403 || res.problem(t).Code != "request.cross_site" {
			t.Errorf("%s: %d %s", name, res.status, res.body)
		}
	}
	if res := s.do(c, "POST", "/api/organisations", body, map[string]string{"Sec-Fetch-Site": "same-origin"}); res.status != 422 {
		t.Errorf("our own page: %d %s", res.status, res.body)
	}
	for origin, want := range map[string]bool{"": true, s.url: true, "https://evil.example": false} {
		r := httptest.NewRequest("GET", s.url+"/api/lots/1/hall", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if got := s.api.CheckOrigin(r); got != want {
			t.Errorf("websocket from %q: %t", origin, got)
		}
	}
}
