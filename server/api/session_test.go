package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/identity"
	"jianbiao/server/api"
)

func TestSession_fromLoginToLogout(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	login, personID := s.member(actor.Buyer)
	o, err := s.ids.CreateOrganisation(context.Background(), conductor, identity.CreateOrganisationInput{
		USCC: identity.MakeUSCC("91321300MA9999999"), Name: "另一个单位", Region: "321302"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ids.AddMembership(context.Background(), conductor, identity.Membership{
		PersonID: personID, OrganisationID: o.ID, Role: actor.Bidder, Region: "321302"}); err != nil {
		t.Fatal(err)
	}
	c := s.client("")
	res := s.do(c, "POST", "/api/session", map[string]any{"login": strings.ToUpper(login), "password": password,
		"membership": map[string]string{"organisation": o.ID, "role": "bidder"}}, nil)
	if res.status != 200 || len(res.header.Values("Set-Cookie")) != 2 {
		t.Fatalf("login: %d %s %v", res.status, res.body, res.header)
	}
	for _, cookie := range res.header.Values("Set-Cookie") {
		if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") {
			t.Errorf("loose cookie: %s", cookie)
		}
	}
	show := func(want int) (v api.SessionView) {
		t.Helper()
		res := s.do(c, "GET", "/api/session", nil, nil)
		if res.status != want {
			t.Fatalf("session: %d %s, want %d", res.status, res.body, want)
		}
		_ = json.Unmarshal(res.body, &v)
		return v
	}
	v := show(200)
	if v.Role != "bidder" || v.Organisation.ID != o.ID || v.Region != "321302" || v.Person.Login != login || len(v.Memberships) != 2 {
		t.Errorf("session: %+v", v)
	}
	var buyer api.MembershipView
	for _, m := range v.Memberships {
		if m.Role == "buyer" {
			buyer = m
		}
	}
	if buyer.Label != "招标人" {
		t.Errorf("label %q", buyer.Label)
	}
	choice := map[string]string{"organisation": buyer.Organisation.ID, "role": "buyer"}
	if res := s.do(c, "POST", "/api/session/membership", choice, nil); res.status != 200 {
		t.Fatalf("switch: %d %s", res.status, res.body)
	}
	if v := show(200); v.Role != "buyer" {
		t.Errorf("role after the switch: %s", v.Role)
	}
	choice["role"] = "system_admin"
	if res := s.do(c, "POST", "/api/session/membership", choice, nil); res.problem(t).Code != "session.membership" {
		t.Errorf("switch to a role one has not: %d %s", res.status, res.body)
	}
	u, _ := url.Parse(s.url)
	token := c.Jar.Cookies(u)[0]
	if res := s.do(c, "DELETE", "/api/session", nil, nil); res.status != 204 {
		t.Fatalf("logout: %d %s", res.status, res.body)
	}
	show(401)
	c.Jar.SetCookies(u, []*http.Cookie{{Name: token.Name, Value: token.Value, Path: "/"}})
	show(401) // the token itself is dead, not only the cookie
}

func TestRecheck_followsTheSession(t *testing.T) {
	t.Parallel()
	var opened *http.Request
	s := newSite(t, func(a *api.API) {
		a.Raw(api.Route{Method: "GET", Path: "/api/long", Allow: api.AnyLoggedIn, Summary: "测试"}, func(c echo.Context) error {
			opened = c.Request()
			return c.NoContent(http.StatusNoContent)
		})
	})
	login, personID := s.member(actor.Buyer)
	c := s.client(login)
	s.do(c, "GET", "/api/long", nil, nil)
	check := func(want string) {
		t.Helper()
		if err := api.Recheck(s.ids)(context.Background(), opened); apperr.CodeOf(err) != want || want == "" && err != nil {
			t.Errorf("%v, want %q", err, want)
		}
	}
	check("")
	ms, err := s.ids.Memberships(context.Background(), personID)
	if err != nil {
		t.Fatal(err)
	}
	m := ms[0]
	m.Role = actor.Expert
	if err := s.ids.AddMembership(context.Background(), conductor, m); err != nil {
		t.Fatal(err)
	}
	choice := map[string]string{"organisation": m.OrganisationID, "role": "expert"}
	if res := s.do(c, "POST", "/api/session/membership", choice, nil); res.status != 200 {
		t.Fatalf("%d %s", res.status, res.body)
	}
	check("session.role")
	s.do(c, "DELETE", "/api/session", nil, nil)
	check("session.none")
}

func TestLogin_doesNotTellWhoExists(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	login, _ := s.member(actor.Buyer)
	gone, goneID := s.member(actor.Buyer)
	if err := s.ids.DisablePerson(context.Background(), conductor, goneID, "离职"); err != nil {
		t.Fatal(err)
	}
	for round := range 7 { // into the lock-out
		var seen []api.Problem
		for name, try := range map[string][2]string{
			"unknown": {"nobody-here", password}, "wrong": {login, "x"}, "disabled": {gone, password},
		} {
			res := s.do(s.client(""), "POST", "/api/session", map[string]string{"login": try[0], "password": try[1]}, nil)
			p := res.problem(t)
			p.Trace = ""
			seen = append(seen, p)
			if diff := cmp.Diff(seen[0], p); diff != "" {
				t.Errorf("round %d, %s answers differently: %s", round, name, diff)
			}
			if want := map[bool]int{false: 401, true: 429}[round >= 5]; res.status != want {
				t.Errorf("round %d, %s: %d, want %d", round, name, res.status, want)
			}
		}
	}
}

func TestLog_namesNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	login, personID := s.member(actor.Bidder)
	c := s.client(login)
	before := len(s.log.String())
	etag := s.do(c, "GET", "/api/vault", nil, nil).header.Get("ETag")
	s.do(c, "PUT", "/api/vault", []byte("secret"), map[string]string{"If-Match": etag})
	s.do(c, "PUT", "/api/vault", []byte("secret"), map[string]string{"If-Match": etag})
	if after := s.log.String()[before:]; after != "" {
		t.Errorf("the vault's routes are logged: %s", after)
	}
	s.do(c, "GET", "/api/session?from=me", nil, nil)
	s.do(c, "GET", "/api/people/"+personID, nil, nil)
	log := s.log.String()
	if !strings.Contains(log, `"route":"/api/session"`) {
		t.Errorf("nothing logged: %s", log)
	}
	for _, secret := range []string{login, personID, "127.0.0.1", "from=me", password} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

func TestVault_overTheWire(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	login, personID := s.member(actor.Bidder)
	for range 9 {
		s.member(actor.Bidder)
	}
	c := s.client(login)
	first := s.do(c, "GET", "/api/vault", nil, nil)
	if first.status != 200 || len(first.body) < 200<<10 || first.header.Get("ETag") == "" {
		t.Fatalf("a fresh vault: %d, %d bytes, %v", first.status, len(first.body), first.header)
	}
	blob := bytes.Repeat([]byte("opaque"), 50_000)
	save := func(tag string, blob []byte, status int, code string) reply {
		t.Helper()
		header := map[string]string{"Idempotency-Key": "vault-1"}
		if tag != "" {
			header["If-Match"] = tag
		}
		res := s.do(c, "PUT", "/api/vault", blob, header)
		if res.status != status || code != "" && res.problem(t).Code != code {
			t.Errorf("save: %d %s, want %d %s", res.status, res.body, status, code)
		}
		return res
	}
	second := save(first.header.Get("ETag"), blob, 204, "")
	save(first.header.Get("ETag"), blob, 412, "vault.changed")
	save("", blob, 422, "vault.if_match")
	save(second.header.Get("ETag"), nil, 422, "vault.size")
	save(second.header.Get("ETag"), make([]byte, identity.MaxVault+1), 413, "request.too_large")
	third := s.do(c, "GET", "/api/vault", nil, nil)
	if !bytes.Equal(third.body, blob) || third.header.Get("ETag") != second.header.Get("ETag") {
		t.Errorf("what comes back is not what was saved (%d bytes)", len(third.body))
	}
	save(third.header.Get("ETag"), bytes.Repeat([]byte{1}, identity.MaxVault), 204, "")
	var kept int
	if err := s.db.Owner.Get(&kept, `SELECT count(*) FROM idempotency`); err != nil || kept != 0 {
		t.Errorf("%d answers kept for the vault, %v", kept, err)
	}
	var events int
	if err := s.db.Owner.Get(&events, `SELECT count(*) FROM event WHERE stream = 'person/' || $1`, personID); err != nil || events != 2 {
		t.Errorf("%d events of the person, want its creation and its membership, %v", events, err)
	}
}

func TestBody_tooLargeWithoutALength(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	login, _ := s.member(actor.SystemAdmin)
	for _, key := range []string{"", "k"} {
		long := io.MultiReader(strings.NewReader(`{"name":"`), strings.NewReader(strings.Repeat("a", api.DefaultBody)))
		req, err := http.NewRequest("POST", s.url+"/api/organisations", long) // chunked
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
		res, err := s.client(login).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != 413 {
			t.Errorf("key %q: %d", key, res.StatusCode)
		}
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T) (s *site, c *http.Client, create func(key, name string, n int) reply) {
		t.Parallel()
		s = newSite(t, nil)
		login, _ := s.member(actor.SystemAdmin)
		c = s.client(login)
		return s, c, func(key, name string, n int) reply {
			t.Helper()
			return s.do(c, "POST", "/api/organisations", map[string]string{
				"uscc": identity.MakeUSCC(fmt.Sprintf("91321300MA8%06d", n)), "name": name, "region": "321300"},
				map[string]string{"Idempotency-Key": key})
		}
	}
	t.Run("eight at once act once and all get the same answer", func(t *testing.T) {
		_, _, create := setUp(t)
		replies := make([]reply, 8)
		var wg sync.WaitGroup
		for i := range replies {
			wg.Go(func() { replies[i] = create("k1", "同一个单位", 1) })
		}
		wg.Wait()
		replayed := 0
		for _, r := range replies {
			if r.status != 201 || !bytes.Equal(r.body, replies[0].body) || r.header.Get("Content-Type") != replies[0].header.Get("Content-Type") {
				t.Errorf("%d %s", r.status, r.body)
			}
			if r.header.Get("Idempotency-Replayed") == "true" {
				replayed++
			}
		}
		if replayed != 7 {
			t.Errorf("%d replayed, want 7", replayed)
		}
	})
	t.Run("another request under the same key", func(t *testing.T) {
		_, _, create := setUp(t)
		if r := create("k2", "甲单位", 2); r.status != 201 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		if r := create("k2", "乙单位", 3); r.status != 409 || r.problem(t).Code != "idempotency.mismatch" {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	t.Run("a refusal is an answer too", func(t *testing.T) {
		_, _, create := setUp(t)
		first, second := create("k3", "短", 4), create("k3", "短", 4)
		if first.status != 422 || second.status != 422 || !bytes.Equal(first.body, second.body) {
			t.Errorf("%s\n%s", first.body, second.body)
		}
	})
	t.Run("one that left no answer", func(t *testing.T) {
		s, _, create := setUp(t)
		if r := create("k4", "丁单位", 5); r.status != 201 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		if _, err := s.db.Owner.Exec(`UPDATE idempotency SET status = 0, answer = ''`); err != nil {
			t.Fatal(err)
		}
		if r := create("k4", "丁单位", 5); r.status != 409 || r.problem(t).Code != "idempotency.unfinished" {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	t.Run("an old key is free again", func(t *testing.T) {
		s, _, create := setUp(t)
		if r := create("k5", "戊单位", 6); r.status != 201 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		if _, err := s.db.Owner.Exec(`UPDATE idempotency SET expires_at = clock_timestamp()`); err != nil {
			t.Fatal(err)
		}
		if r := create("k5", "己单位", 7); r.status != 201 || r.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	t.Run("without a body in the answer", func(t *testing.T) {
		s, c, create := setUp(t)
		var o api.OrganisationView
		if err := json.Unmarshal(create("k6", "庚单位", 8).body, &o); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r := s.do(c, "POST", "/api/organisations/"+o.ID+"/certification", nil, map[string]string{"Idempotency-Key": "k7"})
			if r.status != 204 {
				t.Errorf("%d %s", r.status, r.body)
			}
		}
	})
	t.Run("a row says neither who nor what nor when", func(t *testing.T) {
		s, _, create := setUp(t)
		create("k8", "壬单位", 10)
		var row struct {
			Person    string `db:"person_id"`
			Key       string `db:"key"`
			Answer    []byte `db:"answer"`
			OnTheHour bool   `db:"on_the_hour"`
		}
		if err := s.db.Owner.Get(&row, `SELECT person_id, key, answer,
			extract(epoch FROM expires_at)::bigint % 3600 = 0 AS on_the_hour FROM idempotency`); err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := s.db.Owner.Get(&n, `SELECT count(*) FROM person WHERE id = $1`, row.Person); err != nil || n != 0 {
			t.Errorf("the row names its person (%v)", err)
		}
		if row.Key == "k8" || bytes.Contains(row.Answer, []byte("json")) || !row.OnTheHour {
			t.Errorf("%+v", row)
		}
	})
	t.Run("key too long", func(t *testing.T) {
		_, _, create := setUp(t)
		if r := create(strings.Repeat("k", 201), "辛单位", 9); r.problem(t).Code != "idempotency.key" {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
}

func TestPeople_byTheAdministrator(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	login, _ := s.member(actor.SystemAdmin)
	second, _ := s.member(actor.SecurityAdmin)
	c, sec := s.client(login), s.client(second)
	must := func(want int, res reply, out any) {
		t.Helper()
		if res.status != want {
			t.Fatalf("%d %s, want %d", res.status, res.body, want)
		}
		if out != nil {
			if err := json.Unmarshal(res.body, out); err != nil {
				t.Fatal(err)
			}
		}
	}
	var o api.OrganisationView
	var p api.PersonView
	must(201, s.do(c, "POST", "/api/organisations", map[string]string{
		"uscc": identity.MakeUSCC("91321300MA7777777"), "name": "宿迁建工", "region": "321302"}, nil), &o)
	if o.RegionName != "江苏省宿迁市宿城区" {
		t.Errorf("region %q", o.RegionName)
	}
	must(204, s.do(c, "POST", "/api/organisations/"+o.ID+"/certification", nil, nil), nil)
	must(409, s.do(c, "POST", "/api/organisations/"+o.ID+"/certification", nil, nil), nil)
	must(404, s.do(c, "POST", "/api/organisations/nobody/certification", nil, nil), nil)
	must(201, s.do(c, "POST", "/api/people", map[string]string{"login": "wang-wu", "name": "王五", "password": password}, nil), &p)
	must(409, s.do(c, "POST", "/api/people", map[string]string{"login": "Wang-Wu", "name": "王五", "password": password}, nil), nil)
	member := map[string]string{"organisation": o.ID, "role": "bidder", "region": "321302"}
	var g api.GrantView
	must(202, s.do(c, "POST", "/api/people/"+p.ID+"/memberships", member, nil), &g)
	must(409, s.do(c, "POST", "/api/people/"+p.ID+"/memberships", member, nil), nil)
	early := map[string]string{"login": "wang-wu", "password": password}
	if res := s.do(s.client(""), "POST", "/api/session", early, nil); res.problem(t).Code != "session.no_membership" {
		t.Errorf("a login before the grant: %d %s", res.status, res.body)
	}
	must(403, s.do(c, "POST", "/api/grants/"+g.ID+"/decision", map[string]bool{"approve": true}, nil), nil)
	must(200, s.do(sec, "POST", "/api/grants/"+g.ID+"/decision", map[string]bool{"approve": true}, nil), nil)
	must(409, s.do(sec, "POST", "/api/grants/"+g.ID+"/decision", map[string]bool{"approve": true}, nil), nil)
	wang := s.client("wang-wu")
	if res := s.do(wang, "GET", "/api/vault", nil, nil); res.status != 403 || res.problem(t).Code != "session.password_once" {
		t.Errorf("with a one-time password: %d %s", res.status, res.body)
	}
	must(204, s.do(wang, "PUT", "/api/session/password", map[string]string{"old": password, "new": "First-Own-2026"}, nil), nil)
	var v api.SessionView
	must(200, s.do(wang, "GET", "/api/session", nil, nil), &v)
	if !v.Certified {
		t.Error("the organisation is not certified in the session")
	}
	must(204, s.do(wang, "PUT", "/api/session/password", map[string]string{"old": "First-Own-2026", "new": "Another-Pass-2026"}, nil), nil)
	must(200, s.do(wang, "GET", "/api/session", nil, nil), nil)
	must(401, s.do(wang, "PUT", "/api/session/password", map[string]string{"old": "wrong", "new": "Another-Pass-2027"}, nil), nil)
	must(403, s.do(c, "PUT", "/api/people/"+p.ID+"/password", map[string]string{"password": password}, nil), nil)
	must(204, s.do(sec, "PUT", "/api/people/"+p.ID+"/password", map[string]string{"password": password}, nil), nil)
	must(401, s.do(wang, "GET", "/api/session", nil, nil), nil)
	wang = s.client("wang-wu")
	must(204, s.do(sec, "POST", "/api/people/"+p.ID+"/disable", map[string]string{"reason": "离职"}, nil), nil)
	must(401, s.do(wang, "GET", "/api/session", nil, nil), nil)
	var page api.Page[api.PersonView]
	must(200, s.do(c, "GET", "/api/people?limit=2", nil, nil), &page)
	if len(page.Items) != 2 || page.Next == "" {
		t.Fatalf("first page: %+v", page)
	}
	next := page.Next
	page = api.Page[api.PersonView]{}
	must(200, s.do(c, "GET", "/api/people?limit=5&after="+next, nil, nil), &page)
	if len(page.Items) != 1 || page.Next != "" || page.Items[0].Login != "wang-wu" {
		t.Errorf("last page: %+v", page)
	}
}

func TestImport_overHTTP(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	login, _ := s.member(actor.SystemAdmin)
	other, _ := s.member(actor.SecurityAdmin)
	c := s.client(login)
	list := "统一社会信用代码,单位名称,行政区划代码\n" + identity.MakeUSCC("91321300MA7777777") + ",宿迁建工有限公司,321302\n123,坏的,321302\n"
	csv := map[string]string{"Content-Type": "text/csv"}
	var p api.ImportPreview
	if res := s.do(c, "POST", "/api/organisations/imports/preview", list, csv); res.status != 200 || json.Unmarshal(res.body, &p) != nil || p.Rows != 2 || p.Good != 1 || p.Errors[0].Line != 3 {
		t.Fatalf("%d %s", res.status, res.body)
	}
	if res := s.do(s.client(other), "POST", "/api/organisations/imports/preview", list, csv); res.status != 403 {
		t.Errorf("by the security administrator: %d %s", res.status, res.body)
	}
	if res := s.do(c, "POST", "/api/organisations/imports?name=x.csv&mode=all", list, csv); res.status != 422 || res.problem(t).Code != "import.rows_wrong" {
		t.Errorf("all or nothing: %d %s", res.status, res.body)
	}
	var im api.ImportView
	if res := s.do(c, "POST", "/api/organisations/imports?name=x.csv&mode=good", list, csv); res.status != 201 || json.Unmarshal(res.body, &im) != nil || im.Entered != 1 {
		t.Fatalf("good rows: %d %s", res.status, res.body)
	}
	if res := s.do(c, "GET", "/api/organisations/imports/"+im.ID+"/result.csv", nil, nil); res.status != 200 || !strings.Contains(string(res.body), "未登记") {
		t.Errorf("result: %d %s", res.status, res.body)
	}
	for _, format := range []string{"csv", "xlsx"} {
		if res := s.do(c, "GET", "/api/organisations/imports/template?format="+format, nil, nil); res.status != 200 || len(res.body) < 50 {
			t.Errorf("template: %d", res.status)
		}
	}
}
