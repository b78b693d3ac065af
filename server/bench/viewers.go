package bench

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// viewersCommand is the process with the clients of both sides. They stand in
// a process of their own because the two ends of 10,000 connections are more
// files than many machines allow one process.
const viewersCommand = "hall-viewers"

// The two sides that are measured.
const (
	sideHub  = "hub"
	sidePeer = "peer"
)

var eventPrefix = []byte(`{"type":"event"`)

// viewers connects n clients to each side, says "ready", and then for each
// event that the last client of a side has read "<side> <time>". It ends when
// stdin does.
func viewers(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet(viewersCommand, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	address := flags.String("address", "", "")
	n := flags.Int("viewers", 0, "")
	if err := flags.Parse(args); err != nil || *address == "" {
		return errUsage
	}
	if err := enoughFiles(*n); err != nil {
		return err
	}
	var say sync.Mutex
	tell := func(format string, a ...any) {
		say.Lock()
		defer say.Unlock()
		_, _ = fmt.Fprintf(stdout, format, a...) // a parent that has gone ends stdin
	}
	for _, side := range []string{sideHub, sidePeer} {
		if err := connect(ctx, *address, side, *n, func(at int64) { tell("%s %d\n", side, at) }); err != nil {
			return err
		}
	}
	tell("ready\n")
	_, err := io.Copy(io.Discard, stdin)
	return err
}

// connect dials n clients of one side, a few at a time, and calls last when
// all of them have read one more event.
func connect(ctx context.Context, address, side string, n int, last func(at int64)) error {
	var (
		count  atomic.Int64
		dials  sync.WaitGroup
		failed atomic.Pointer[error]
		next   atomic.Int64
	)
	dialer := websocket.Dialer{ReadBufferSize: 1024, WriteBufferSize: 256, WriteBufferPool: &sync.Pool{}}
	for range 16 {
		dials.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && failed.Load() == nil; i = next.Add(1) - 1 {
				ws, resp, err := dialer.DialContext(ctx, fmt.Sprintf("ws://%s/%s?i=%d", address, side, i), nil)
				if err != nil {
					err = fmt.Errorf("viewer %d: %w", i, err)
					failed.Store(&err)
					return
				}
				_ = resp.Body.Close()
				go watch(ws, func() { // ends with the process
					if count.Add(1)%int64(n) == 0 {
						last(monotonic())
					}
				})
			}
		})
	}
	dials.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// watch reads a connection and reports each event, alike for both sides.
func watch(ws *websocket.Conn, event func()) {
	for {
		_, text, err := ws.ReadMessage()
		if err != nil {
			return
		}
		if bytes.HasPrefix(text, eventPrefix) {
			event()
		}
	}
}
