package database

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
)

// Guard watches over a pool. A PostgreSQL that stands still, or a line that
// swallows everything, answers neither a question nor its cancellation: lib/pq
// then waits for ever, request after request. The Guard asks over a connection
// of its own with a deadline; while no answer comes it says Down, and breaks
// the connections that wait, so that those who wait get an error at last.
type Guard struct {
	log   *slog.Logger
	down  atomic.Bool
	stop  context.CancelFunc
	done  chan struct{}
	mu    sync.Mutex
	conns map[*guardedConn]struct{}
}

// Intervals of the Guard. A request that waits gets its error after about their
// sum.
const (
	guardEvery    = time.Second
	guardPatience = 2 * time.Second
)

// OpenGuarded is Open with a Guard; Close it before the pool.
func OpenGuarded(ctx context.Context, dsn string, log *slog.Logger) (*sqlx.DB, *Guard, error) {
	connector, err := newConnector(dsn)
	if err != nil {
		return nil, nil, err
	}
	g := &Guard{log: log, conns: map[*guardedConn]struct{}{}, done: make(chan struct{})}
	connector.Dialer(guardDialer{g})
	db := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	setLimits(db, defaultMaxOpen, defaultMaxIdle)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, nil, fmt.Errorf("connect to the database: %w", err)
	}
	own, err := newConnector(dsn)
	if err != nil {
		return nil, nil, err
	}
	own.Dialer(deadlineDialer{})
	watching, stop := context.WithCancel(context.Background())
	g.stop = stop
	go g.watch(watching, sqlx.NewDb(sql.OpenDB(own), "postgres"))
	return db, g, nil
}

// Down says whether the database has not answered for a while. It is for
// refusing at once what would only wait.
func (g *Guard) Down() bool { return g.down.Load() }

// Close ends the watch.
func (g *Guard) Close() {
	g.stop()
	<-g.done
}

func (g *Guard) watch(ctx context.Context, db *sqlx.DB) {
	defer close(g.done)
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	tick := time.NewTicker(guardEvery)
	defer tick.Stop()
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked, cancel := context.WithTimeout(ctx, guardPatience)
		var one int
		err := db.GetContext(asked, &one, `SELECT 1`)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			if failures = 0; g.down.Swap(false) {
				g.log.Warn("the database answers again")
			}
			continue
		default:
			failures++
		}
		if failures >= 2 && !g.down.Swap(true) {
			g.log.Error("the database does not answer", "error", err)
		}
		if failures >= 2 {
			g.breakWaiting()
		}
	}
}

// breakWaiting closes the connections on which somebody has waited too long.
func (g *Guard) breakWaiting() {
	limit := time.Now().Add(-guardPatience).UnixNano()
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		if since := c.since.Load(); since != 0 && since < limit {
			_ = c.Conn.Close() // the reader gets its error
		}
	}
}

// guardedConn knows since when somebody waits for an answer on it.
type guardedConn struct {
	net.Conn
	g     *Guard
	since atomic.Int64
}

// Read implements net.Conn.
func (c *guardedConn) Read(b []byte) (int, error) {
	c.since.Store(time.Now().UnixNano())
	defer c.since.Store(0)
	return c.Conn.Read(b)
}

// Close implements net.Conn.
func (c *guardedConn) Close() error {
	c.g.mu.Lock()
	delete(c.g.conns, c)
	c.g.mu.Unlock()
	return c.Conn.Close()
}

type guardDialer struct{ g *Guard }

func (d guardDialer) wrap(conn net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	c := &guardedConn{Conn: conn, g: d.g}
	d.g.mu.Lock()
	d.g.conns[c] = struct{}{}
	d.g.mu.Unlock()
	return c, nil
}

// Dial implements pq.Dialer.
func (d guardDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout implements pq.Dialer.
func (d guardDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	return d.wrap((&net.Dialer{Timeout: timeout}).DialContext(context.Background(), network, address))
}

// DialContext implements pq.DialerContext.
func (d guardDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	return d.wrap(dialer.DialContext(ctx, network, address))
}

// deadlineConn gives every read and write the Guard's patience.
type deadlineConn struct{ net.Conn }

// Read implements net.Conn.
func (c deadlineConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(guardPatience)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

type deadlineDialer struct{}

// Dial implements pq.Dialer.
func (d deadlineDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, guardPatience)
}

// DialTimeout implements pq.Dialer.
func (deadlineDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: min(timeout, guardPatience)}).DialContext(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	return deadlineConn{conn}, nil
}
