package baddays_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/server/api"
	"jianbiao/server/city"
	"jianbiao/server/jobs"
	"jianbiao/server/platform"
)

// site serves a platform until the test ends.
func site(t *testing.T, p *platform.Platform) string {
	t.Helper()
	s := httptest.NewServer(p.Handler())
	t.Cleanup(func() {
		_ = p.Hub.Close(time.Second)
		s.Close()
	})
	return s.URL
}

// frozen stops every process of the platform's PostgreSQL until thaw.
func frozen(t *testing.T, p *platform.Platform) (thaw func()) {
	t.Helper()
	pids := []int{p.Database.PID()}
	list, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(pids[0], syscall.SIGSTOP) // first, so that it has no new child
	for _, path := range list {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // gone
		}
		after := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
		if parent, _ := strconv.Atoi(after[1]); parent == pids[0] {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
	thawed := false
	thaw = func() {
		if thawed {
			return
		}
		thawed = true
		for _, pid := range slices.Backward(pids) {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	}
	t.Cleanup(thaw)
	return thaw
}

// problem reads a refusal.
func problem(body string) (p api.Problem) {
	_ = json.Unmarshal([]byte(body), &p) // what is none has no code
	return p
}

// lobby is a platform with a lot whose lobby is open, behind a server.
func lobby(t *testing.T, p *platform.Platform) (*biddingtest.City, *lot.Lot, []*biddingtest.Firm, int64) {
	t.Helper()
	c, l, firms := furnish(t, p)
	c.To(l, firms, opening.LobbyOpen)
	head, err := p.Store.Head(t.Context(), l.Stream())
	c.Must(err)
	return c, l, firms, head
}

// PostgreSQL stands still and answers nothing. Whoever waits gets 503 with a
// sentence after a few seconds, whoever comes later gets it at once; sockets
// stay; when PostgreSQL goes on everything goes on, and a command that was sent
// again has acted once.
func TestGone_DatabaseStandsStillAndComesBack(t *testing.T) {
	t.Parallel()
	p := begin(t, platform.Config{Data: t.TempDir()})
	_, l, _, head := lobby(t, p)
	url := site(t, p)
	watcher := login(t, url, "watcher")
	v := follow(url, l.ID, head)
	path, key := "/api/lots/"+l.ID+"/commands/remark", uuid.NewString()
	if status, body := send(t, watcher, url, path, "", `{"text":"之前"}`); status >= 300 {
		t.Fatalf("%d %s", status, body)
	}
	eventually(t, "the viewer has the first event", func() bool { return v.has() == 1 })
	thaw := frozen(t, p)
	began := time.Now()
	status, body := send(t, watcher, url, path, key, `{"text":"其间"}`)
	if took := time.Since(began); status != http.StatusServiceUnavailable || !api.Chinese(problem(body).Detail) || took > 12*time.Second {
		t.Errorf("whoever waits gets %d %s after %s", status, body, took)
	}
	began = time.Now()
	res, err := http.Get(url + "/api/lots/" + l.ID)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if took := time.Since(began); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || took > time.Second {
		t.Errorf("whoever comes later gets %d, Retry-After %q, after %s", res.StatusCode, res.Header.Get("Retry-After"), took)
	}
	if status, body = send(t, watcher, url, path, "", `{"text":"不算"}`); problem(body).Code != "platform.database_gone" {
		t.Errorf("%d %s", status, body)
	}
	for ask, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable, "/openapi.json": http.StatusOK} {
		if res, err := http.Get(url + ask); err != nil || res.StatusCode != want {
			t.Errorf("%s: %v, %v", ask, res, err)
		} else {
			_ = res.Body.Close()
		}
	}
	thaw()
	eventually(t, "the command is acknowledged", func() bool {
		status, _ = send(t, watcher, url, path, key, `{"text":"其间"}`)
		return status >= 200 && status < 300
	})
	eventually(t, "the viewer has what came later", func() bool { return v.has() >= 2 })
	v.judge(t, head+1, head+2)
	if len(v.codes) > 0 {
		t.Errorf("the viewer was sent away: %v", v.codes)
	}
	if res, err := http.Get(url + "/readyz"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("afterwards it is not ready: %v, %v", res, err)
	} else {
		_ = res.Body.Close()
	}
}

// line is the way of one server to the database, which can be cut.
type line struct {
	dir  string
	real string
	l    net.Listener
	cut  chan struct{} // closed: everything that comes is refused
}

// newLine listens in a folder of its own, where the database's socket would be.
func newLine(t *testing.T, real string) *line {
	t.Helper()
	x := &line{dir: t.TempDir(), real: real}
	t.Cleanup(x.sever)
	x.mend(t)
	return x
}

func (x *line) mend(t *testing.T) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(x.dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	cut := make(chan struct{})
	x.l, x.cut = l, cut
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", filepath.Join(x.real, ".s.PGSQL.5432"))
			if err != nil {
				_ = in.Close()
				continue
			}
			go func() { <-cut; _, _ = in.Close(), out.Close() }()
			go pour(in, out)
			go pour(out, in)
		}
	}()
}

func pour(to, from net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if _, werr := to.Write(b[:n]); err != nil || werr != nil {
			_, _ = to.Close(), from.Close()
			return
		}
	}
}

// sever breaks every connection and refuses new ones.
func (x *line) sever() {
	select {
	case <-x.cut:
	default:
		close(x.cut)
		_ = x.l.Close()
	}
}

// Two servers work on one database with the same files and keys. What one
// writes reaches the sockets of the other; what falls due is done once. One is
// cut off from the database: it says so, its sockets stay, the other goes on;
// and when the line is mended nothing was missed and nothing is twice.
func TestReplicas_OneIsCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := begin(t, platform.Config{Data: dir})
	c, l, _ := furnish(t, first)
	x := newLine(t, filepath.Join(dir, "postgres", "run"))
	second := begin(t, platform.Config{Data: dir, DatabaseURL: "host=" + x.dir + " user=postgres dbname=jianbiao sslmode=disable"})
	c.Must(first.Run())
	c.Must(second.Run())
	sites := []string{site(t, first), site(t, second)}
	head, err := first.Store.Head(t.Context(), l.Stream())
	c.Must(err)
	viewers := []*viewer{follow(sites[0], l.ID, head), follow(sites[1], l.ID, head)}
	c.At(biddingtest.Deadline.Add(-time.Minute))
	eventually(t, "the lobby is open", func() bool { return viewers[0].has() >= 1 && viewers[1].has() >= 1 })
	c.At(biddingtest.Deadline)
	eventually(t, "the cut-off is recorded", func() bool { return viewers[0].has() >= 3 && viewers[1].has() >= 3 })
	clients := []*http.Client{login(t, sites[0], "watcher"), login(t, sites[1], "watcher")}
	path := "/api/lots/" + l.ID + "/commands/remark"
	remark := func(server int, text string) (int, string) {
		return send(t, clients[server], sites[server], path, uuid.NewString(), fmt.Sprintf(`{"text":%q}`, text))
	}
	for server := range sites {
		if status, body := remark(server, fmt.Sprintf("从第 %d 台", server+1)); status >= 300 {
			t.Fatalf("server %d: %d %s", server+1, status, body)
		}
	}
	eventually(t, "both have both", func() bool { return viewers[0].has() == 5 && viewers[1].has() == 5 })
	x.sever()
	eventually(t, "who is cut off says so", func() bool {
		status, body := remark(1, "到不了")
		if status != http.StatusServiceUnavailable || !api.Chinese(problem(body).Detail) {
			t.Fatalf("cut off: %d %s", status, body)
		}
		return problem(body).Code == "platform.database_gone"
	})
	if status, body := remark(0, "照常进行"); status >= 300 {
		t.Errorf("the other: %d %s", status, body)
	}
	eventually(t, "the other's viewer has it", func() bool { return viewers[0].has() == 6 })
	if viewers[1].has() != 5 {
		t.Errorf("who is cut off has %d events", viewers[1].has())
	}
	x.mend(t)
	eventually(t, "the line works again", func() bool { status, _ := remark(1, "恢复之后"); return status >= 200 && status < 300 })
	eventually(t, "both have all", func() bool { return viewers[0].has() >= 7 && viewers[1].has() >= 7 })
	last, err := first.Store.Head(t.Context(), l.Stream())
	c.Must(err)
	for _, v := range viewers {
		v.judge(t, head+1, last)
		if len(v.codes) > 0 {
			t.Errorf("a viewer was sent away: %v", v.codes)
		}
	}
	events, err := first.Store.OfKind(t.Context(), l.Stream(), "cutoff.recorded", "opening.lobby_opened", "lot.cut_off", "supervisor.remarked")
	c.Must(err)
	seen := map[string]int{}
	for i := range events {
		seen[events[i].Kind+events[i].Text("text")]++
	}
	if len(seen) != 3+4 || len(events) != 7 {
		t.Errorf("done twice, or not: %v", seen)
	}
}

// The machine's clock is set back by ten minutes. Legal time stands still
// instead of running backwards, no stream runs backwards, commands go on, and
// the operator is warned.
func TestClock_SetBack(t *testing.T) {
	t.Parallel()
	p := begin(t, platform.Config{Data: t.TempDir()})
	c, l, _, _ := lobby(t, p)
	if _, err := p.Clock.SetRate(t.Context(), city.Conductor(), 1); err != nil {
		t.Fatal(err)
	}
	runner, err := jobs.Start(p.Store, p.Config.Log, nil)
	c.Must(err)
	defer runner.Stop(context.Background())
	c.Must(runner.Once(t.Context(), jobs.Heartbeat(p.Store, p.Openings)))
	var behind float64
	c.Must(p.DB.GetContext(t.Context(), &behind, `SELECT EXTRACT(EPOCH FROM clock_timestamp() - seen_at) FROM clock_mark`))
	if behind < 0 || behind > 10 {
		t.Fatalf("the heartbeat noted a time %f seconds ago", behind)
	}
	url := site(t, p)
	watcher := login(t, url, "watcher")
	remark := func(text string) {
		if status, body := send(t, watcher, url, "/api/lots/"+l.ID+"/commands/remark", "", fmt.Sprintf(`{"text":%q}`, text)); status >= 300 {
			t.Errorf("%d %s", status, body)
		}
	}
	remark("之前")
	// A clock that was ten minutes ahead and is set right is one that is set
	// back by ten minutes.
	if _, err := p.DB.ExecContext(t.Context(), `UPDATE clock_mark SET seen_at = clock_timestamp() + INTERVAL '10 minutes'`); err != nil {
		t.Fatal(err)
	}
	before, err := p.Clock.Read(t.Context())
	c.Must(err)
	remark("调慢之后")
	time.Sleep(200 * time.Millisecond)
	after, err := p.Clock.Read(t.Context())
	c.Must(err)
	if !after.Legal.Equal(before.Legal) || !after.Real.Equal(before.Real) {
		t.Errorf("legal time went from %s to %s", before.Legal, after.Legal)
	}
	h := p.Operator.Health(t.Context())
	if h.Clock.BehindSeconds < 500 || h.Ready.Ready || !slices.ContainsFunc(h.Warnings, func(w operateWarning) bool { return w.Code == "clock_back" && api.Chinese(w.Detail) }) {
		t.Errorf("the operator is told %+v", h)
	}
	// Even without that guard no stream runs backwards.
	if _, err := p.DB.ExecContext(t.Context(), `UPDATE clock_mark SET seen_at = clock_timestamp() - INTERVAL '1 hour'`); err != nil {
		t.Fatal(err)
	}
	c.At(after.Legal.Add(-20 * time.Minute))
	remark("授时落后")
	events, err := p.Store.Since(t.Context(), l.Stream(), 0, 1000)
	c.Must(err)
	for i := 1; i < len(events); i++ {
		if events[i].At.Before(events[i-1].At) {
			t.Errorf("event %d is at %s, the one before it at %s", events[i].Seq, events[i].At, events[i-1].At)
		}
	}
	if last := events[len(events)-1]; last.Text("text") != "授时落后" {
		t.Errorf("the last event is %s", last.Kind)
	}
}
