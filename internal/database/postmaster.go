package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// postmaster is a running PostgreSQL, started by us or adopted.
type postmaster struct {
	pid    int
	exited chan struct{} // closed when it is gone
}

// settings are given on the command line, so that a newer program brings its
// own and an old postgresql.conf cannot contradict.
func (c *cluster) settings() []string {
	list := []string{
		"listen_addresses=", "unix_socket_permissions=0700",
		"timezone=UTC", "log_timezone=UTC", "lc_messages=C", "jit=off",
		"logging_collector=off", "log_destination=stderr", "log_checkpoints=off",
		"log_min_messages=warning", "max_connections=200",
	}
	if c.unsafe {
		// Safe against a killed process still: what is committed is with the
		// operating system. Only a machine that goes down loses it.
		list = append(list, "max_connections=300", "fsync=off",
			"full_page_writes=off", "autovacuum=off", "log_min_error_statement=panic")
	}
	var args []string
	for _, setting := range list {
		args = append(args, "-c", setting)
	}
	return args
}

// bring gives a PostgreSQL that answers: the living orphan of a program that
// was killed, or a new one.
func (c *cluster) bring(ctx context.Context) (pm *postmaster, adopted bool, err error) {
	if pm = c.adopt(ctx); pm != nil {
		return pm, true, nil
	}
	pm, err = c.launch(ctx)
	return pm, false, err
}

// adoptTime is how long an orphan may take to answer before it is replaced.
const adoptTime = 15 * time.Second

// adopt takes over an orphan, nil when there is none that answers.
func (c *cluster) adopt(ctx context.Context) *postmaster {
	file, ok := readPidFile(c.data())
	if !ok || !isPostmaster(file.pid, c.data()) {
		return nil
	}
	pm := watch(file.pid)
	ctx, cancel := context.WithTimeout(ctx, adoptTime)
	defer cancel()
	if file.reachable() {
		c.socket = file.socket
		if c.waitReady(ctx, pm) == nil {
			return pm
		}
	}
	pm.stop(nil)
	return nil
}

// reachable says whether there is any use in asking this one: its socket may
// have been removed under it, by somebody who cleans /tmp.
func (f pidFile) reachable() bool {
	_, err := os.Stat(socketPath(f.socket))
	return f.socket != "" && f.port == socketPort && (err == nil || f.status != "ready")
}

// launch starts PostgreSQL and waits until it answers.
func (c *cluster) launch(ctx context.Context) (*postmaster, error) {
	if err := c.who.give(c.data()); err != nil {
		return nil, fmt.Errorf("give the cluster to %s: %w", c.who.name, err)
	}
	if err := c.chooseSocket(); err != nil {
		return nil, err
	}
	if err := c.clearStale(); err != nil {
		return nil, err
	}
	log, err := openLog(c.logPath())
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	args := append([]string{"-D", c.data(), "-k", c.socket, "-p", fmt.Sprint(socketPort)}, c.settings()...)
	// PostgreSQL outlives ctx and even us: the next start adopts it.
	cmd := c.bin.command(context.WithoutCancel(ctx), c.who, "postgres", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.base, log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	pm := &postmaster{pid: cmd.Process.Pid, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(pm.exited)
	}()
	if err := c.waitReady(ctx, pm); err != nil {
		pm.stop(nil)
		said, _ := os.ReadFile(c.logPath())
		return nil, fmt.Errorf("%w: %s", err, tail(said, 2000))
	}
	return pm, nil
}

// clearStale makes room for a new postmaster after one that was killed. Its
// children go first. A pid file whose number is now another program's, or that
// of a zombie which nobody has waited for, would stop PostgreSQL, so that is
// removed; every other pid file stays, because PostgreSQL reads from it which
// shared memory to check for survivors.
func (c *cluster) clearStale() error {
	stopProcesses(leaveTime, c.data())
	dropSocketFiles(c.socket)
	file, ok := readPidFile(c.data())
	if !ok {
		return nil
	}
	if file.socket != c.socket {
		dropTempSocket(file.socket)
	}
	if taken(file.pid) {
		if err := os.Remove(filepath.Join(c.data(), "postmaster.pid")); err != nil {
			return fmt.Errorf("remove a stale pid file: %w", err)
		}
	}
	return nil
}

// logMax is the size in bytes at which the log is put aside at a start; one
// old file is kept.
const logMax = 10 << 20

func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > logMax {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("put the old log aside: %w", err)
		}
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL's log: %w", err)
	}
	return log, nil
}

var errExited = errors.New("postgres ended before it answered")

// waitReady asks until PostgreSQL answers, ends, or ctx is over. After a crash
// it answers only when it has replayed its log, which may take minutes.
func (c *cluster) waitReady(ctx context.Context, pm *postmaster) error {
	connector, err := newConnector(socketDSN(c.socket, socketPort) + " dbname=postgres")
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-pm.exited:
			return errExited
		case <-ctx.Done():
			return fmt.Errorf("wait for postgres: %w (last answer: %w)", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// watch follows a process that is not our child, which nobody can Wait for.
func watch(pid int) *postmaster {
	pm := &postmaster{pid: pid, exited: make(chan struct{})}
	go func() {
		defer close(pm.exited)
		for alive(pid) {
			time.Sleep(50 * time.Millisecond)
		}
	}()
	return pm
}

// ending is the order in which a postmaster is asked to end and how long each
// request gets: fast (sessions are ended, everything is written), immediate
// (the next start replays the log), killed.
var ending = []struct {
	signal syscall.Signal
	grace  time.Duration
}{
	{syscall.SIGINT, 60 * time.Second},
	{syscall.SIGQUIT, 10 * time.Second},
	{syscall.SIGKILL, 10 * time.Second},
}

// stop ends the postmaster and waits until it is gone. When hurry is closed,
// the remaining requests follow one another within a second.
func (pm *postmaster) stop(hurry <-chan struct{}) {
	for _, step := range ending {
		select {
		case <-pm.exited:
			return
		default:
		}
		_ = syscall.Kill(pm.pid, step.signal)
		timer := time.NewTimer(step.grace)
		select {
		case <-pm.exited:
			timer.Stop()
			return
		case <-timer.C:
		case <-hurry:
			timer.Stop()
			select {
			case <-pm.exited:
				return
			case <-time.After(time.Second):
			}
		}
	}
}
