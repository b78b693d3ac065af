package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emmansun/gmsm/sm3"
)

// run is one fuzz run.
type run struct {
	base              string
	requests, workers int
	seed              uint64
	verbose           bool

	d      *description
	people []*person
	turns  []*person // who asks when: those who can change much come oftener
	ids    *pool
	marks  []mark
	whole  map[string][]any

	asked    atomic.Int64
	mu       sync.Mutex
	findings map[string]*finding
	byRole   map[string]int
	byStatus map[int]int
	right    map[string]bool // operations that were answered with 2xx at least once
	began    time.Time
}

// samples takes documents of the city's lots: the generator spoils them.
func (r *run) samples(ctx context.Context) error {
	host := find(r.people, "buyer1")
	var page struct{ Items []struct{ ID string } }
	if err := host.call(ctx, r.base, http.MethodGet, "/api/lots?limit=100", nil, &page); err != nil {
		return err
	}
	for _, l := range page.Items {
		var lot struct {
			Document struct {
				Params object `json:"params"`
			} `json:"document"`
		}
		if err := host.call(ctx, r.base, http.MethodGet, "/api/lots/"+l.ID, nil, &lot); err != nil {
			return err
		}
		if lot.Document.Params != nil {
			r.whole["LotParams"] = append(r.whole["LotParams"], lot.Document.Params)
		}
	}
	if len(r.whole["LotParams"]) == 0 {
		return fmt.Errorf("no lot of the city shows its document")
	}
	for _, p := range r.people {
		var s struct {
			Organisation struct {
				ID string `json:"id"`
			} `json:"organisation"`
		}
		if p.Login == "" || strings.HasPrefix(p.Login, "fm") {
			continue
		}
		if err := p.call(ctx, r.base, http.MethodGet, "/api/session", nil, &s); err != nil {
			return err
		}
		r.whole["AddMembershipInputBody"] = append(r.whole["AddMembershipInputBody"], object{"organisation": s.Organisation.ID, "role": p.Role, "region": "321300"})
		r.whole["MembershipChoice"] = append(r.whole["MembershipChoice"], object{"organisation": s.Organisation.ID, "role": p.Role})
		if p.Role == "agency" {
			r.ids.add("agencies", s.Organisation.ID)
		}
	}
	return r.sheets(ctx)
}

// sheets takes the platform's own lists to be filled in: workbooks that can be read.
func (r *run) sheets(ctx context.Context) error {
	admin := find(r.people, "admin")
	for _, format := range []string{"csv", "xlsx"} {
		var sheet []byte
		if err := admin.send(ctx, r.base, http.MethodGet, "/api/organisations/imports/template?format="+format, http.Header{}, nil, &sheet); err != nil {
			return err
		}
		for _, o := range r.d.operations {
			if o.path == "/api/workbook" || strings.HasPrefix(o.path, "/api/organisations/imports") && len(o.samples) > 0 {
				o.samples = append(o.samples, sheet, sheet)
			}
		}
	}
	return nil
}

// busy are the roles that may change most.
var busy = []string{"buyer", "agency", "bidder", "system_admin", "security_admin"}

func (r *run) all(ctx context.Context) {
	for _, p := range r.people {
		r.turns = append(r.turns, p)
		if slices.Contains(busy, p.Role) {
			r.turns = append(r.turns, p, p)
		}
	}
	r.findings, r.byRole, r.byStatus, r.right, r.began = map[string]*finding{}, map[string]int{}, map[int]int{}, map[string]bool{}, time.Now()
	transport := &http.Transport{MaxIdleConnsPerHost: r.workers, DisableCompression: true}
	client := &http.Client{Transport: transport, Timeout: 60 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var wg sync.WaitGroup
	for w := range r.workers {
		wg.Go(func() {
			g := &generator{Rand: rand.New(rand.NewPCG(r.seed, uint64(w)+1)), d: r.d, ids: r.ids, whole: r.whole}
			for n := r.asked.Add(1); n <= int64(r.requests) && ctx.Err() == nil; n = r.asked.Add(1) {
				r.one(ctx, client, g, r.turns[int(n)%len(r.turns)])
			}
		})
	}
	wg.Wait()
}

// operation is one that this person may be let do, mostly.
func (r *run) operation(g *generator, p *person) *operation {
	for {
		o := pick(g.Rand, r.d.operations)
		p.mu.Lock()
		useless := p.useless[o]
		p.mu.Unlock()
		switch {
		case o.care == nobody && p.Login != "":
		case p.secret && o.name() == "POST /api/lots/{id}/objections": // who signs tells who he is
		case o.name() == "POST /api/session" && g.chance(90): // each costs what a password costs
		case strings.Contains(o.path, "/commands/") && g.chance(50): // a third of all routes
		case useless && g.chance(85):
		default:
			return o
		}
	}
}

func (r *run) one(ctx context.Context, client *http.Client, g *generator, p *person) {
	a := r.request(g, r.operation(g, p), p)
	req, err := http.NewRequestWithContext(ctx, a.method, r.base, bytes.NewReader(a.body))
	if err != nil {
		return
	}
	if req.URL, err = url.Parse(r.base + a.path); err != nil {
		return // Go's client cannot ask that
	}
	req.Header = a.header.Clone()
	if cookie := p.session(); cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	res, err := client.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			r.found(a, "no answer", err.Error())
		}
		return
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		r.found(a, "half an answer", err.Error())
		return
	}
	r.look(a, res, body)
	if tag := res.Header.Get("ETag"); to(a, "/api/vault") && tag != "" {
		p.mu.Lock()
		p.tag = tag
		p.mu.Unlock()
	}
	if to(a, "/api/session/membership") && res.StatusCode == http.StatusOK {
		p.keep(res)
	}
	if res.StatusCode == http.StatusUnauthorized && p.Login != "" && bytes.Contains(body, []byte(`"session.none"`)) {
		if err := p.login(ctx, r.base); err != nil {
			r.found(a, "cannot log in again", err.Error())
		}
	}
}

func to(a asked, path string) bool { return a.o.path == path }

func (r *run) look(a asked, res *http.Response, body []byte) {
	wrong := append(judge(a, res, body, r.marks), foreign(a, res.StatusCode, body)...)
	if res.StatusCode < 300 {
		if other := r.ids.learn(a.o, a.who.Login, res.StatusCode, body); other != "" {
			wrong = append(wrong, "what "+other+" made")
		}
	}
	if res.StatusCode == http.StatusForbidden && bytes.Contains(body, []byte(`"session.role"`)) || res.StatusCode == http.StatusUnauthorized && a.who.Login == "" {
		a.who.mu.Lock()
		a.who.useless[a.o] = true
		a.who.mu.Unlock()
	}
	r.mu.Lock()
	r.byRole[a.who.Role]++
	r.byStatus[res.StatusCode]++
	if res.StatusCode < 300 {
		r.right[a.o.name()] = true
	}
	r.mu.Unlock()
	for _, w := range wrong {
		r.found(a, w, fmt.Sprintf("%d %.700s", res.StatusCode, body))
	}
}

func (r *run) found(a asked, what, answer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := a.o.name() + ": " + what
	if f := r.findings[key]; f != nil {
		f.count++
		return
	}
	r.findings[key] = &finding{key: key, asked: a.String(), answered: answer, count: 1}
}

// request makes one: right, at the edge, or broken.
func (r *run) request(g *generator, o *operation, p *person) asked {
	a := asked{o: o, who: p, method: o.method, path: r.ids.path(g.Rand, o, p.Login), header: http.Header{}, body: g.body(o)}
	query := url.Values{}
	for _, in := range o.params {
		if in.In == "query" && g.chance(55) {
			query.Add(in.Name, words(g, in))
		}
	}
	if len(query) > 0 {
		a.path += "?" + query.Encode()
	}
	if g.chance(2) {
		a.path += pick(g.Rand, []string{"?%zz", "?a=%ff&limit=%00", "?;", "?limit=1&limit=2", "/", "//", "?" + strings.Repeat("a=b&", 2000)})
	}
	if a.body != nil && o.media != "" {
		a.header.Set("Content-Type", o.media)
	}
	for _, h := range o.headers {
		name, value, _ := strings.Cut(h, ": ")
		a.header.Set(name, value)
	}
	switch {
	case o.method == http.MethodPatch && g.chance(70):
		a.header.Set("Upload-Digest", fmt.Sprintf("sm3:%x", sm3.Sum(a.body)))
	case o.name() == "PUT /api/vault" && g.chance(70) && !strings.HasPrefix(p.Login, "fm"): // theirs is watched
		p.mu.Lock()
		a.header.Set("If-Match", p.tag)
		p.mu.Unlock()
	}
	if g.chance(12) {
		h := pick(g.Rand, oddHeaders)
		a.header.Set(h[0], h[1])
	}
	if g.chance(1) && o.care == free && o.path != "/api/session" {
		a.method = pick(g.Rand, []string{"PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "FUZZ"})
	}
	return a
}

var oddHeaders = [][2]string{
	{"Content-Type", "text/plain"}, {"Content-Type", "application/xml"}, {"Content-Type", "application/json; charset=gbk"}, {"Content-Type", ";"}, {"Content-Type", "multipart/form-data"},
	{"Accept", "application/xml"}, {"Accept-Encoding", "br, gzip;q=0.1"}, {"Accept-Language", "en"}, {"Idempotency-Key", "one"}, {"Idempotency-Key", "two"}, {"Idempotency-Key", strings.Repeat("k", 201)},
	{"Idempotency-Key", "钥匙\xff"}, {"If-Match", "*"}, {"If-Match", `W/"x"`}, {"If-None-Match", "*"}, {"Range", "bytes=0-"}, {"Range", "bytes=9-1,-0"}, {"Origin", "https://elsewhere.example"},
	{"Sec-Fetch-Site", "cross-site"}, {"Upload-Offset", "-1"}, {"Upload-Offset", "9223372036854775808"}, {"Upload-Digest", "sm3:x"}, {"X-Forwarded-For", "1.2.3.4, \xff"}, {"Authorization", "Bearer x"},
	{"X-HTTP-Method-Override", "DELETE"}, {"Upgrade", "websocket"}, {"Content-Encoding", "gzip"},
}

// words is one value of a query parameter, as text.
func words(g *generator, in param) string {
	if g.chance(15) {
		return fmt.Sprint(pick(g.Rand, edges))
	}
	return fmt.Sprint(g.value(in.Name, in.Schema, 5))
}

// report tells what was asked and found, and returns how many findings there are.
func (r *run) report(w io.Writer) int {
	total := 0
	for _, n := range r.byRole {
		total += n
	}
	took := time.Since(r.began)
	fmt.Fprintf(w, "%d requests in %s (%.0f a second), seed %d; %d of %d operations done rightly at least once\n", total, took.Round(time.Second), float64(total)/took.Seconds(), r.seed, len(r.right), len(r.d.operations))
	for _, role := range slices.Sorted(maps.Keys(r.byRole)) {
		fmt.Fprintf(w, "  %-22s %7d\n", role, r.byRole[role])
	}
	for _, status := range slices.Sorted(maps.Keys(r.byStatus)) {
		fmt.Fprintf(w, "  %d %7d\n", status, r.byStatus[status])
	}
	for _, o := range r.d.operations {
		if r.verbose && !r.right[o.name()] {
			fmt.Fprintf(w, "  never done: %s\n", o.name())
		}
	}
	list := slices.SortedFunc(maps.Values(r.findings), func(a, b *finding) int { return cmp.Compare(a.key, b.key) })
	for _, f := range list {
		fmt.Fprintf(w, "\nFOUND %s (%d times)\n%s\n-> %s\n", f.key, f.count, f.asked, f.answered)
	}
	return len(list)
}
