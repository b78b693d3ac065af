package operate_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"jianbiao/bidding/biddingtest"
	"jianbiao/internal/actor"
	"jianbiao/server/api"
	"jianbiao/server/platform"
)

const token = "0123456789abcdef0123456789abcdef"

func start(t *testing.T, token string) *platform.Platform {
	t.Helper()
	p, err := platform.Start(t.Context(), platform.Config{Data: t.TempDir(), Rehearsal: true, Unsafe: true, MetricsToken: token, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(context.Background()) })
	return p
}

func get(t *testing.T, url, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// The figures of the machine: what moves by itself, or by somebody's looking.
var machine = regexp.MustCompile(`^jianbiao_(goroutines|memory|database_connections|clock_|job_|start_time|http_request|info)`)

// Bids come in for one of two lots. Whoever reads the figures before and after
// sees no difference but that of the machine itself.
func TestMetrics_TellNothingOfBids(t *testing.T) {
	t.Parallel()
	p := start(t, token)
	c := &biddingtest.City{T: t, Store: p.Store, Keys: p.Keys, Files: p.Files, Lots: p.Lots, Submissions: p.Submissions, Openings: p.Openings}
	c.At(biddingtest.Start)
	c.Buyer, c.Agency = c.Organisation("招标人", actor.Buyer), c.Organisation("代理机构", actor.Agency)
	l, _ := c.Published(), c.Published()
	site := httptest.NewServer(p.Handler())
	defer site.Close()
	figures := func() map[string]bool {
		time.Sleep(1100 * time.Millisecond) // a look is good for a second
		status, text := get(t, site.URL+"/metrics", token)
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
		lines := map[string]bool{}
		for line := range strings.Lines(text) {
			if !machine.MatchString(line) {
				lines[line] = true
			}
		}
		if strings.Contains(text, l.ID) || strings.Contains(text, l.Code) || strings.Contains(text, "/api/bids") {
			t.Errorf("the figures name a lot, or count bids:\n%s", text)
		}
		return lines
	}
	before := figures()
	for range 5 {
		f := c.NewFirm("投标人")
		f.Actor.OrganisationName = "投标人"
		c.Bid(f, l, "45600000.00", "肆仟伍佰陆拾万元整")
		if res, err := http.Post(site.URL+"/api/bids", "application/octet-stream", strings.NewReader("x")); err == nil { // refused, and not counted
			_ = res.Body.Close()
		}
	}
	after := figures()
	for line := range after {
		if !before[line] {
			t.Errorf("new after the bids: %s", line)
		}
	}
	if len(before) != len(after) || len(before) < 10 {
		t.Errorf("%d lines before, %d after", len(before), len(after))
	}
}

func TestMetrics_NeedTheToken(t *testing.T) {
	t.Parallel()
	with, without := start(t, token), start(t, "")
	for _, tc := range []struct {
		p      *platform.Platform
		token  string
		status int
	}{{with, token, http.StatusOK}, {with, "", http.StatusUnauthorized}, {with, token + "0", http.StatusUnauthorized}, {without, "", http.StatusUnauthorized}, {without, token, http.StatusUnauthorized}} {
		site := httptest.NewServer(tc.p.Handler())
		status, body := get(t, site.URL+"/metrics", tc.token)
		if status != tc.status || (status != http.StatusOK && !api.Chinese(body)) {
			t.Errorf("with %q: %d %s", tc.token, status, body)
		}
		site.Close()
	}
	own := httptest.NewServer(without.Operator.MetricsHandler())
	defer own.Close()
	if status, body := get(t, own.URL+"/metrics", ""); status != http.StatusOK || !strings.Contains(body, "jianbiao_ready 1") {
		t.Errorf("on an address of its own: %d %s", status, body)
	}
}

// Readiness names what is wrong; liveness asks nobody.
func TestReady_NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := start(t, "")
	site := httptest.NewServer(p.Handler())
	defer site.Close()
	if status, body := get(t, site.URL+"/readyz", ""); status != http.StatusOK || !strings.Contains(body, `"ready":true`) {
		t.Errorf("%d %s", status, body)
	}
	key := filepath.Join(p.Config.Data, "keys", "platform.json")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, site.URL+"/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, `"keys":"unreadable"`) {
		t.Errorf("without keys: %d %s", status, body)
	}
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	if err := p.DB.Close(); err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, site.URL+"/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, `"database":"unreachable"`) {
		t.Errorf("without a database: %d %s", status, body)
	}
	if status, body := get(t, site.URL+"/healthz", ""); status != http.StatusOK || body != "ok\n" {
		t.Errorf("it lives: %d %s", status, body)
	}
}

// The routes of the operator leave no line with a name or an address in the log.
func TestLog_OfTheOperatorsRoutesNamesNobody(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p, err := platform.Start(t.Context(), platform.Config{Data: t.TempDir(), Rehearsal: true, Unsafe: true, MetricsToken: token, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(p.Handler())
	before := log.Len()
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/api/operate/health"} {
		get(t, site.URL+path+"?who=王小明", token)
	}
	site.Close()
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := log.String()[before:]
	for _, bad := range []string{"王小明", "127.0.0.1", token, "/healthz", "/readyz", "/metrics"} {
		if strings.Contains(text, bad) {
			t.Errorf("the log says %q: %s", bad, text)
		}
	}
	if !strings.Contains(text, "/api/operate/health") {
		t.Error("the log has no line of the page")
	}
}
