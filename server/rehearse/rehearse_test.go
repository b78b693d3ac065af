package rehearse_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/reports/pdftest"
	"jianbiao/server/city"
	"jianbiao/server/platform"
	"jianbiao/server/rehearse"
)

// start brings a rehearsal platform up on a port of its own, as serve does.
func start(t *testing.T) (*platform.Platform, string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	p, err := platform.Start(ctx, platform.Config{Data: t.TempDir(), Rehearsal: true, Unsafe: true, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	runs := rehearse.NewRuns(ctx, url, log)
	runs.Register(p)
	if err := city.Make(ctx, p); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		runs.Wait()
		if err := p.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p, url
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(b))
	return len(b), nil
}

func TestRehearsal(t *testing.T) {
	t.Parallel()
	p, url := start(t)
	t.Run("the city has a lot in every state, and is made once", func(t *testing.T) { checkCity(t, p) })
	t.Run("five bid, one cannot decrypt", func(t *testing.T) { playFive(t, url) })
	t.Run("two bid: nothing is opened", func(t *testing.T) {
		sum, err := rehearse.Run(context.Background(), rehearse.Options{URL: url, Bidders: 2, Say: t.Logf})
		if err != nil || sum.State != string(opening.AbortedLt3) || sum.Decrypted != 0 {
			t.Errorf("%+v, %v", sum, err)
		}
	})
	t.Run("two envelopes on two days", func(t *testing.T) { playTwoEnvelopes(t, url) })
	t.Run("one rehearsal at a time", func(t *testing.T) { checkBusy(t, url) })
	t.Run("the conductor plays without a person", func(t *testing.T) { playWatched(t, url) })
}

func checkCity(t *testing.T, p *platform.Platform) {
	ctx := context.Background()
	count := func() (n int) {
		if err := p.DB.GetContext(ctx, &n, `SELECT count(*) FROM event`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	if err := city.Make(ctx, p); err != nil || count() != before {
		t.Fatalf("made twice: %v", err)
	}
	var lots, openings []string
	if err := p.DB.SelectContext(ctx, &lots, `SELECT DISTINCT state FROM lot`); err != nil {
		t.Fatal(err)
	}
	if err := p.DB.SelectContext(ctx, &openings, `SELECT DISTINCT state FROM opening`); err != nil {
		t.Fatal(err)
	}
	if len(lots) != len(lot.Table.States) || len(openings) != len(opening.Table.States) {
		t.Errorf("lots are %v, openings %v", lots, openings)
	}
}

func playFive(t *testing.T, url string) {
	out := t.TempDir()
	var stdout, stderr bytes.Buffer
	code := rehearse.Command([]string{"--url", url, "--bidders", "5", "--fail", "1", "--out", out}, &stdout, &stderr)
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	var sum rehearse.Summary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &sum); err != nil || code != 0 {
		t.Fatalf("exit %d, %v\n%s%s", code, err, stdout.String(), stderr.String())
	}
	if sum.Bidders != 5 || sum.Decrypted != 4 || sum.Revoked != 1 || sum.Withdrawn != 0 || sum.State != "closed" || sum.Events == 0 {
		t.Errorf("%+v", sum)
	}
	for _, name := range []string{"cutoff.json", "events.jsonl", "record.json", "record.pdf"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	receipts, err := filepath.Glob(filepath.Join(out, "receipt-*.json"))
	if err != nil || len(receipts) != 6 { // five firms, one of them twice
		t.Errorf("%d receipts, %v", len(receipts), err)
	}
	text := pdftest.Text(t, filepath.Join(out, "record.pdf"))
	for _, want := range []string{"开标一览表", "44,880,000.00", "视为撤销"} {
		if !strings.Contains(text, want) {
			t.Errorf("the record does not say %q", want)
		}
	}
}

func post(t *testing.T, url, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer map[string]any
	_ = json.NewDecoder(res.Body).Decode(&answer) // some answers have no body
	return res.StatusCode, answer
}

func checkBusy(t *testing.T, url string) {
	status, lease := post(t, url+"/api/rehearsal/lease", `{"holder":"test"}`)
	if status != http.StatusOK {
		t.Fatalf("lease: %d %v", status, lease)
	}
	if _, err := rehearse.Run(context.Background(), rehearse.Options{URL: url, Bidders: 3}); err == nil || !strings.Contains(err.Error(), "rehearsal.busy") {
		t.Errorf("a second rehearsal: %v", err)
	}
	if status, answer := post(t, url+"/api/rehearsal/clock", `{"advanceSeconds":60}`); status != http.StatusConflict {
		t.Errorf("somebody else moved the clock: %d %v", status, answer)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, url+"/api/rehearsal/lease", strings.NewReader(fmt.Sprintf(`{"lease":%q}`, lease["lease"])))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusNoContent {
		t.Fatalf("give the lease back: %v %v", res, err)
	}
	_ = res.Body.Close()
}

// playTwoEnvelopes plays both sessions of a tender of two envelopes (双信封) with
// real clients: six bid, one cannot decrypt, one does not pass the review.
func playTwoEnvelopes(t *testing.T, url string) {
	out := t.TempDir()
	var stdout, stderr bytes.Buffer
	code := rehearse.Command([]string{"--url", url, "--bidders", "6", "--fail", "1", "--two-section", "--out", out}, &stdout, &stderr)
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	var sum rehearse.Summary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &sum); err != nil || code != 0 {
		t.Fatalf("exit %d, %v\n%s%s", code, err, stdout.String(), stderr.String())
	}
	if sum.Sessions != 2 || sum.Decrypted != 4 || sum.Revoked != 1 || sum.Rejected != 1 || sum.State != "closed" {
		t.Errorf("%+v", sum)
	}
	first := pdftest.Text(t, filepath.Join(out, "record-1.pdf"))
	last := pdftest.Text(t, filepath.Join(out, "record.pdf"))
	if !strings.Contains(first, "第一次开标") || strings.Contains(first, "45,") || !strings.Contains(last, "第二次开标") || !strings.Contains(last, "未通过第一信封评审") {
		t.Errorf("the records of the two sessions:\n%s\n%s", first, last)
	}
}

// playWatched has the platform's own conductor play a lot, as the page does.
func playWatched(t *testing.T, url string) {
	status, run := post(t, url+"/api/rehearsal/runs", `{"bidders":3,"seat":"watch"}`)
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, run)
	}
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/rehearsal/runs/"+run["id"].(string), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var view map[string]any
		err = json.NewDecoder(res.Body).Decode(&view)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		switch view["state"] {
		case "done":
			return
		case "failed":
			t.Fatalf("%v", view)
		}
	}
	t.Error("the rehearsal did not end")
}

// In mid-opening PostgreSQL is killed, and then the program, which is started
// again. The clients come back and the opening goes on to its end.
func TestRehearsal_SurvivesKills(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bin := filepath.Join(dir, "jianbiao")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "jianbiao/server").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	addr := freeAddress(t)
	serve := func() *exec.Cmd {
		c := exec.Command(bin, "serve", "--rehearsal", "--addr", addr, "--data", filepath.Join(dir, "data"))
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, "http://"+addr+"/api/health")
		return c
	}
	server := serve()
	result := make(chan error, 1)
	var sum rehearse.Summary
	states := make(chan string, 100)
	go func() {
		var err error
		sum, err = rehearse.Run(context.Background(), rehearse.Options{URL: "http://" + addr, Bidders: 4, Fail: 1, Pace: 12 * time.Second, Say: t.Logf,
			Told: func(p rehearse.Progress) { states <- p.Step }})
		result <- err
		close(states)
	}()
	for s := range states {
		if s != opening.Table.Labels[opening.Decrypting] {
			continue
		}
		killPostgres(t, filepath.Join(dir, "data", "postgres"))
		time.Sleep(2 * time.Second) // the program notices and starts it again
		kill(t, server)
		server = serve()
	}
	if err := <-result; err != nil || sum.State != "closed" || sum.Decrypted != 3 {
		t.Errorf("%+v, %v", sum, err)
	}
	if err := server.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("the program did not end well: %v", err)
	}
}

// killPostgres kills the postmaster of the platform's own cluster.
func killPostgres(t *testing.T, cluster string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(cluster, "*", "postmaster.pid"))
	if direct := filepath.Join(cluster, "postmaster.pid"); err == nil && len(files) == 0 {
		files = []string{direct}
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(raw), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func kill(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func await(t *testing.T, url string) {
	t.Helper()
	for until := time.Now().Add(90 * time.Second); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatalf("%s did not answer within 90 s", url)
}
