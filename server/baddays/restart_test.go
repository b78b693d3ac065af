package baddays_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/opening"
	"jianbiao/server/platform"
)

// held starts the program on a socket that this test holds, as systemd does.
func held(t *testing.T, bin, data string, socket *os.File) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve --rehearsal --data "$1"`, bin, data)
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Stderr = &tail{t: t}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// tail passes what the program says on to the test's log.
type tail struct{ t *testing.T }

// Write implements io.Writer.
func (w *tail) Write(b []byte) (int, error) { w.t.Logf("%s", b); return len(b), nil }

// The program is restarted, twice, under a socket that somebody holds: by
// SIGTERM and by a kill. Viewers and commands go on: no connection is refused,
// no event is missed or given twice, and each command acts once.
func TestRestart_NobodyIsRefusedAndNothingIsLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bin, data := filepath.Join(dir, "jianbiao"), filepath.Join(dir, "data")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "jianbiao/server").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	p := begin(t, platform.Config{Data: data})
	c, l, firms := furnish(t, p)
	c.To(l, firms, opening.LobbyOpen)
	head, err := p.Store.Head(t.Context(), l.Stream())
	c.Must(err)
	c.Must(p.Stop(t.Context()))

	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	c.Must(err)
	socket, err := listener.(*net.TCPListener).File()
	c.Must(err)
	site := "http://" + listener.Addr().String()
	cmd := held(t, bin, data, socket)
	c.Must(listener.Close()) // the file holds it
	watcher := login(t, site, "watcher")

	viewers := make([]*viewer, 12)
	for i := range viewers {
		viewers[i] = follow(site, l.ID, head)
	}
	var commands sync.WaitGroup
	var done atomic.Bool
	var given atomic.Int64
	refused := make(chan string, 10_000)
	for hand := range 3 {
		commands.Go(func() {
			for i := 0; !done.Load(); i++ {
				act(t, watcher, site, l.ID, fmt.Sprintf("备注 %d-%d", hand, i), refused)
				given.Add(1)
				time.Sleep(150 * time.Millisecond)
			}
		})
	}
	time.Sleep(time.Second)
	c.Must(cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); err != nil {
		t.Errorf("asked to stop, the program ended with %v", err)
	}
	cmd = held(t, bin, data, socket)
	time.Sleep(3 * time.Second)
	c.Must(cmd.Process.Kill())
	_ = cmd.Wait()
	cmd = held(t, bin, data, socket)
	before := given.Load()
	eventually(t, "commands go on after the kill", func() bool { return given.Load() > before+10 })
	done.Store(true)
	commands.Wait()
	close(refused)
	for r := range refused {
		t.Errorf("a connection was refused: %s", r)
	}
	total := int(given.Load())
	for _, v := range viewers {
		eventually(t, "a viewer has every event", func() bool { return v.has() >= total })
	}
	goodbyes := 0
	for _, v := range viewers {
		v.judge(t, head+1, head+int64(total))
		for _, code := range v.codes {
			if code == 1012 {
				goodbyes++
			}
		}
	}
	if goodbyes != len(viewers) {
		t.Errorf("%d viewers were told that the program goes (1012), want %d", goodbyes, len(viewers))
	}
	c.Must(cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); err != nil {
		t.Errorf("at the end the program ended with %v", err)
	}
	again := begin(t, platform.Config{Data: data})
	events, err := again.Store.OfKind(t.Context(), l.Stream(), "supervisor.remarked")
	c.Must(err)
	texts := map[string]int{}
	for i := range events {
		texts[events[i].Text("text")]++
	}
	if len(texts) != total || len(events) != total {
		t.Errorf("%d commands left %d events with %d texts", total, len(events), len(texts))
	}
}

// act gives a command until it is acknowledged, always with the same key. Who is
// told that nobody knows what became of it (the program was killed between the
// act and its answer) looks, as the answer says, and gives it anew if it is not
// there.
func act(t *testing.T, c *http.Client, site, lotID, text string, refused chan<- string) {
	t.Helper()
	key := uuid.NewString()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		status, body := send(t, c, site, "/api/lots/"+lotID+"/commands/remark", key, fmt.Sprintf(`{"text":%q}`, text))
		switch {
		case status >= 200 && status < 300:
			return
		case status == 0 && isRefused(body):
			refused <- body
		case status == http.StatusConflict && recorded(t, c, site, lotID, text):
			return
		case status == http.StatusConflict:
			key = uuid.NewString()
		case status != 0 && status != http.StatusServiceUnavailable:
			t.Errorf("%q: %d %s", text, status, body)
			return
		}
	}
	t.Errorf("%q was not acknowledged", text)
}

// recorded looks for a remark in the lot's evidence, and asks again while the
// program is away.
func recorded(t *testing.T, c *http.Client, site, lotID, text string) bool {
	t.Helper()
	after, end := int64(0), time.Now().Add(60*time.Second)
	for time.Now().Before(end) {
		res, err := c.Get(fmt.Sprintf("%s/api/lots/%s/events?limit=500&after=%d", site, lotID, after))
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		var page struct {
			Items []struct {
				Payload map[string]any `json:"payload"`
			} `json:"items"`
			Next int64 `json:"next"`
		}
		err = json.NewDecoder(res.Body).Decode(&page)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		for _, e := range page.Items {
			if e.Payload["text"] == text {
				return true
			}
		}
		if page.Next == 0 {
			return false
		}
		after = page.Next
	}
	t.Errorf("whether %q was recorded could not be asked", text)
	return true
}
