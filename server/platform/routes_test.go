package platform_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/google/uuid"

	"jianbiao/internal/actor"
	"jianbiao/server/api"
	"jianbiao/server/city"
	"jianbiao/server/platform"
	"jianbiao/server/rehearse"
)

// Every route of the whole platform and every role: who is not permitted is
// refused with a Chinese sentence and a stable code, and nobody provokes a
// fault of the server.
func TestRoutes_EveryRouteEveryRole(t *testing.T) {
	t.Parallel()
	p, site := quiet(t, io.Discard, func(p *platform.Platform) {
		rehearse.NewRuns(t.Context(), "http://127.0.0.1:1", slog.New(slog.DiscardHandler)).Register(p)
	})
	clients := map[actor.Role]*http.Client{actor.Public: http.DefaultClient}
	for _, person := range city.People() {
		if clients[person.Role] == nil {
			clients[person.Role] = login(t, site, person.Login)
		}
	}
	for _, route := range p.API.Routes() {
		if route.Path == "/api/lots/{id}/hall" || route.Path == "/api/rehearsal/runs" || strings.HasPrefix(route.Path, "/api/session") {
			continue // a websocket; a run without end; the sessions of this test
		}
		for role, c := range clients {
			visit(t, site, c, role, route)
		}
	}
}

func login(t *testing.T, site, name string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{http: &http.Client{Jar: jar}, site: site}
	c.send(t, http.MethodPost, "/api/session", fmt.Appendf(nil, `{"login":%q,"password":%q}`, name, city.Password), "application/json", nil)
	return c.http
}

func visit(t *testing.T, site string, c *http.Client, role actor.Role, route api.Route) {
	t.Helper()
	path := route.Path
	for _, param := range []string{"{id}", "{file}"} {
		path = strings.ReplaceAll(path, param, uuid.NewString())
	}
	path = strings.ReplaceAll(path, "{command}", "start")
	req, err := http.NewRequestWithContext(t.Context(), route.Method, site+path, bytes.NewReader([]byte(`{}`)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	where := fmt.Sprintf("%s %s by %s: %d %.120s", route.Method, route.Path, role, res.StatusCode, raw)
	if res.StatusCode >= http.StatusInternalServerError {
		t.Error("a fault of the server: " + where)
	}
	if res.StatusCode < http.StatusBadRequest {
		if !permits(route, role) {
			t.Error("not refused: " + where)
		}
		return
	}
	var problem struct{ Code, Detail string }
	if route.Method == http.MethodHead { // its answer has no body
		raw = []byte(`{"code":"-","detail":"无"}`)
	}
	if err := json.Unmarshal(raw, &problem); err != nil || problem.Code == "" || !api.Chinese(problem.Detail) {
		t.Error("no clear answer: " + where)
	}
	refused := res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden
	if !permits(route, role) && !refused {
		t.Error("not refused at the gate: " + where)
	}
}

func permits(r api.Route, role actor.Role) bool {
	who := actor.Actor{Role: role}
	if role != actor.Public {
		who.PersonID = "somebody"
	}
	return r.Allow.Permits(who)
}
