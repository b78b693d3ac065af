package baddays_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
	"jianbiao/server/city"
	"jianbiao/server/operate"
	"jianbiao/server/platform"
)

// begin starts a rehearsal platform.
func begin(t *testing.T, cfg platform.Config) *platform.Platform {
	t.Helper()
	cfg.Rehearsal, cfg.Unsafe = true, true
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p, err := platform.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(context.Background()) }) // again at the end is no harm
	return p
}

// over is the small city of bidding's tests over a whole platform.
func over(t *testing.T, p *platform.Platform) *biddingtest.City {
	t.Helper()
	return &biddingtest.City{T: t, Store: p.Store, Keys: p.Keys, Files: p.Files, Dir: p.Config.Data, Lots: p.Lots, Submissions: p.Submissions, Openings: p.Openings}
}

// furnish makes a city of a buyer, an agency, a supervisor who can log in
// (login watcher), and three firms whose bids for a lot are in; the opening's
// lobby is not open yet.
func furnish(t *testing.T, p *platform.Platform) (*biddingtest.City, *lot.Lot, []*biddingtest.Firm) {
	t.Helper()
	c := over(t, p)
	c.At(biddingtest.Start)
	for _, kind := range []string{"city.begun", "city.finished"} { // the program makes no other city
		c.Must(p.Store.Change(t.Context(), func(tx *evidence.Tx) error {
			tx.Record(evidence.Draft{Stream: city.Stream, Kind: kind, Actor: city.Conductor()})
			return nil
		}))
	}
	if _, err := city.Settle(t.Context(), p.Identity, 2000, actor.Supervisor, "宿迁市住房和城乡建设局", "watcher", "卫国强"); err != nil {
		t.Fatal(err)
	}
	c.Buyer = c.Organisation("宿迁市城市建设投资有限公司", actor.Buyer)
	c.Agency = c.Organisation("江苏经纬工程咨询有限公司", actor.Agency)
	l, firms := tender(c)
	return c, l, firms
}

// tender publishes a lot and has three firms bid for it.
func tender(c *biddingtest.City) (*lot.Lot, []*biddingtest.Firm) {
	return bidFor(c, c.Published())
}

func bidFor(c *biddingtest.City, l *lot.Lot) (*lot.Lot, []*biddingtest.Firm) {
	var firms []*biddingtest.Firm
	for _, name := range []string{"苏北建设集团有限公司", "运河建工集团有限公司", "华宇建筑工程有限公司"} {
		f := c.NewFirm(name + uuid.NewString()[:4])
		c.Bid(f, l, "45600000.00", "肆仟伍佰陆拾万元整")
		firms = append(firms, f)
	}
	return l, firms
}

// eventually waits up to a minute until it is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute it is not so: %s", what)
		}
	}
}

// login gives a client with a session.
func login(t *testing.T, site, name string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	status, body := send(t, c, site, "/api/session", "", fmt.Sprintf(`{"login":%q,"password":%q}`, name, city.Password))
	if status != http.StatusOK && status != http.StatusCreated {
		t.Fatalf("log in as %s: %d %s", name, status, body)
	}
	return c
}

// send posts and gives status and body; 0 when the line broke.
func send(t *testing.T, c *http.Client, site, path, key, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, site+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := c.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	raw, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(raw)
}

// viewer follows a hall as a page does: after every break it comes back with
// the last seq that it has.
type viewer struct {
	mu     sync.Mutex
	seqs   []int64
	codes  []int // of closed connections
	failed int   // connections that were refused or broke while being made
	stop   chan struct{}
	done   chan struct{}
}

// follow starts a viewer who has the stream up to after.
func follow(site, lotID string, after int64) *viewer {
	v := &viewer{stop: make(chan struct{}), done: make(chan struct{})}
	go v.run("ws"+strings.TrimPrefix(site, "http")+"/api/lots/"+lotID+"/hall?after=", after)
	return v
}

func (v *viewer) run(url string, after int64) {
	defer close(v.done)
	for {
		ws, res, err := (&websocket.Dialer{HandshakeTimeout: 30 * time.Second}).Dial(url+fmt.Sprint(after), nil)
		if res != nil && res.Body != nil {
			_ = res.Body.Close()
		}
		if err == nil {
			after = v.read(ws, after)
		} else {
			v.mu.Lock()
			v.failed++
			v.mu.Unlock()
		}
		select {
		case <-v.stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (v *viewer) read(ws *websocket.Conn, after int64) int64 {
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-v.stop:
		case <-ended:
		}
		_ = ws.Close()
	}()
	for {
		_, raw, err := ws.ReadMessage()
		if err != nil {
			v.mu.Lock()
			var closed *websocket.CloseError
			if asClose(err, &closed) {
				v.codes = append(v.codes, closed.Code)
			}
			v.mu.Unlock()
			return after
		}
		var m struct {
			Type string `json:"type"`
			Seq  int64  `json:"seq"`
		}
		if json.Unmarshal(bytes.TrimSpace(raw), &m) == nil && m.Type == "event" {
			after = m.Seq
			v.mu.Lock()
			v.seqs = append(v.seqs, m.Seq)
			v.mu.Unlock()
		}
	}
}

func asClose(err error, into **websocket.CloseError) bool {
	c, ok := err.(*websocket.CloseError) //nolint:errorlint // gorilla gives it bare
	*into = c
	return ok
}

// has says how many events the viewer has.
func (v *viewer) has() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.seqs)
}

// judge ends the viewer and says whether it had every event from first to last
// once, in order.
func (v *viewer) judge(t *testing.T, first, last int64) {
	t.Helper()
	close(v.stop)
	<-v.done
	v.mu.Lock()
	defer v.mu.Unlock()
	want := first
	for _, s := range v.seqs {
		if s != want {
			t.Errorf("got event %d, want %d (%v)", s, want, v.seqs)
			return
		}
		want++
	}
	if want != last+1 {
		t.Errorf("the last event is %d, want %d", want-1, last)
	}
}

// isRefused says whether nobody took the connection.
func isRefused(text string) bool { return strings.Contains(text, "connection refused") }

type operateWarning = operate.Warning
