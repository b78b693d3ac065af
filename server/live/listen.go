package live

import (
	"context"
	"strings"
	"time"

	"github.com/lib/pq"

	"jianbiao/internal/evidence"
)

const (
	minReconnect = 50 * time.Millisecond
	maxReconnect = 2 * time.Second
	listenPing   = 90 * time.Second
)

// listen follows NOTIFY until ctx ends and wakes the tails that are meant.
// After a reconnect lib/pq delivers nil, because what was told meanwhile is
// lost: then all of them look.
func (h *Hub) listen(ctx context.Context) {
	l := pq.NewListener(h.opts.DSN, minReconnect, maxReconnect, func(_ pq.ListenerEventType, err error) {
		if err != nil {
			h.log.Warn("live: the connection that listens for events", "error", err)
		}
	})
	h.loops.Go(func() { // Listen waits until there is a connection
		if err := l.Listen(evidence.Channel); err == nil {
			h.lookAll()
		} else if ctx.Err() == nil {
			h.log.Error("live: listen for events", "error", err)
		}
	})
	h.loops.Go(func() { // an answer that never comes breaks the connection, and lib/pq makes another
		ticker := time.NewTicker(listenPing)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if err := l.Ping(); err != nil {
					h.log.Warn("live: the connection that listens for events", "error", err)
				}
			}
		}
	})
	h.loops.Go(func() {
		<-ctx.Done()
		_ = l.Close() // closed is what we want
	})
	for n := range l.Notify { // closed when the listener has ended
		if n == nil {
			h.lookAll()
			continue
		}
		stream, _, _ := strings.Cut(n.Extra, " ")
		h.look(stream)
	}
}

// look makes the tail of the stream read on, if anybody follows it.
func (h *Hub) look(stream string) {
	h.mu.Lock()
	t := h.tails[stream]
	h.mu.Unlock()
	if t != nil {
		t.lookNow()
	}
}

func (h *Hub) lookAll() {
	for _, t := range h.allTails() {
		t.lookNow()
	}
}
