package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"jianbiao/internal/apperr"
)

// browser is a headless Chromium, spoken to by its DevTools protocol.
type browser struct {
	cmd  *exec.Cmd
	dir  string
	ws   *websocket.Conn
	last int
}

var errNoChromium = apperr.New(apperr.Precondition, "bench.no_chromium", "没有找到 Chromium：请先运行 make deps，或用环境变量 CHROMIUM 指明它的位置。")

func chromium() (string, error) {
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	if p := os.Getenv("CHROMIUM"); p != "" {
		names = []string{p}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoChromium
}

// newBrowser starts Chromium on a page.
func newBrowser(ctx context.Context, url string) (b *browser, err error) {
	path, err := chromium()
	if err != nil {
		return nil, err
	}
	b = &browser{}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.dir, err = os.MkdirTemp("", "jianbiao-bench-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	b.cmd = exec.CommandContext(ctx, path, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+b.dir, "--remote-debugging-port=0", "about:blank")
	stderr, err := b.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err = b.cmd.Start(); err != nil {
		return nil, errNoChromium.Because(err)
	}
	address, err := debugger(stderr)
	if err != nil {
		return nil, err
	}
	if b.ws, _, err = websocket.DefaultDialer.DialContext(ctx, address, nil); err != nil { //nolint:bodyclose // the connection was upgraded
		return nil, fmt.Errorf("connect to Chromium: %w", err)
	}
	return b, b.open(url)
}

// debugger reads the address of the DevTools from what Chromium says first.
func debugger(stderr io.Reader) (string, error) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "DevTools listening on "); ok {
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return address, nil
		}
	}
	return "", errNoChromium
}

func (b *browser) close() {
	if b.ws != nil {
		_ = b.ws.Close()
	}
	if b.cmd != nil && b.cmd.Process != nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
	}
	_ = os.RemoveAll(b.dir) // what is left is in the folder for temporary files
}

type devtools struct {
	ID        int            `json:"id"`
	Method    string         `json:"method"`
	Params    map[string]any `json:"params"`
	SessionID string         `json:"sessionId,omitempty"`
}

type devtoolsAnswer struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

var noParams = map[string]any{}

// ask sends a command and waits for its answer; events that come between are
// passed over.
func (b *browser) ask(session, method string, params map[string]any, into any) error {
	b.last++
	if err := b.ws.WriteJSON(devtools{b.last, method, params, session}); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	for {
		var a devtoolsAnswer
		if err := b.ws.ReadJSON(&a); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		switch {
		case a.ID != b.last:
		case a.Error != nil:
			return fmt.Errorf("%s: %s", method, a.Error.Message)
		case into == nil:
			return nil
		default:
			return json.Unmarshal(a.Result, into)
		}
	}
}

func (b *browser) open(url string) error {
	return b.ask("", "Target.createTarget", map[string]any{"url": url}, nil)
}

// evaluate runs JavaScript in the page until it gives a text that is not empty.
func (b *browser) evaluate(ctx context.Context, url, script string, timeout time.Duration) (string, error) {
	session, err := b.attach(url)
	if err != nil {
		return "", err
	}
	for end := time.Now().Add(timeout); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		var got struct {
			Result struct {
				Value any `json:"value"`
			} `json:"result"`
		}
		if b.ask(session, "Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &got) != nil {
			continue // the page is not there yet
		}
		if s, ok := got.Result.Value.(string); ok && s != "" {
			return s, nil
		}
	}
	return "", fmt.Errorf("the page gave nothing within %s", timeout)
}

func (b *browser) attach(url string) (string, error) {
	var targets struct {
		TargetInfos []struct {
			TargetID string `json:"targetId"`
			URL      string `json:"url"`
		} `json:"targetInfos"`
	}
	if err := b.ask("", "Target.getTargets", noParams, &targets); err != nil {
		return "", err
	}
	for _, t := range targets.TargetInfos {
		if t.URL == url {
			var s struct {
				SessionID string `json:"sessionId"`
			}
			err := b.ask("", "Target.attachToTarget", map[string]any{"targetId": t.TargetID, "flatten": true}, &s)
			return s.SessionID, err
		}
	}
	return "", fmt.Errorf("no page at %s", url)
}
