// Package database is the connection to PostgreSQL, the one system of record:
// the private cluster that the program starts under its data folder when no
// address is given, the pool, the migrations, and the reading of errors.
//
// A Server is started first; its OwnerDSN is for Migrate, its AppDSN for
// everything else.
package database

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lib/pq"

	"jianbiao/internal/apperr"
)

// Options say where the database is.
type Options struct {
	DataDir     string       // folder of the program; the cluster lies in DataDir/postgres
	DatabaseURL string       // another PostgreSQL, as URL or keywords; "" starts our own
	Log         *slog.Logger // nil is the default logger
	Unsafe      bool         // no fsync, 300 connections: tests only
}

// Server is a PostgreSQL that is there: our own, watched and started again
// when it dies, or the one that an address names.
type Server struct {
	dsn     string // keyword form, without a database for our own
	own     *cluster
	log     *slog.Logger
	pid     atomic.Int64
	stop    chan struct{}
	hurry   chan struct{}
	done    chan struct{}
	stopped sync.Once
	hurried sync.Once
}

// Start gives a database that answers. With a DatabaseURL that is all; without
// one it opens or makes the cluster in DataDir/postgres, adopts the PostgreSQL
// that a killed program left behind or starts one, and keeps it running until
// Stop. Errors that a person can do something about are *apperr.Error with
// codes database.*: in_use, version_mismatch, version_too_old,
// binaries_missing, folder_closed, folder_unusable, not_a_cluster,
// init_failed, start_failed, url_invalid, unreachable.
func Start(ctx context.Context, opts Options) (*Server, error) {
	s := &Server{
		log:  opts.Log,
		stop: make(chan struct{}), hurry: make(chan struct{}), done: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if opts.DatabaseURL != "" {
		if err := s.useAddress(ctx, opts.DatabaseURL); err != nil {
			return nil, err
		}
		return s, nil
	}
	dir, err := resolveFolder(opts.DataDir)
	if err != nil {
		return nil, apperr.New(apperr.Invalid, "database.folder_unusable",
			"不能使用数据目录 %s：路径无效", opts.DataDir).Because(err)
	}
	c, err := openCluster(ctx, dir, opts.Unsafe)
	if err != nil {
		return nil, err
	}
	pm, adopted, err := c.bring(ctx)
	if err == nil {
		s.own, s.dsn = c, socketDSN(c.socket, socketPort)
		err = s.EnsureDatabase(ctx, DefaultName)
		if err != nil {
			pm.stop(nil)
		}
	}
	if err != nil {
		dropTempSocket(c.socket)
		_ = c.lock.Close()
		return nil, apperr.New(apperr.Unavailable, "database.start_failed",
			"数据库没有启动成功，原因见 %s", c.logPath()).Because(err)
	}
	s.pid.Store(int64(pm.pid))
	s.log.Info("database is up", "folder", c.base, "pid", pm.pid, "adopted", adopted,
		"version", c.bin.major, "account", c.who.name)
	go s.supervise(pm)
	return s, nil
}

// useAddress takes a database that somebody else runs.
func (s *Server) useAddress(ctx context.Context, address string) error {
	close(s.done)
	dsn, err := With(address)
	if err != nil {
		return err
	}
	s.dsn = dsn
	db, err := OpenPool(ctx, dsn, 1, 1)
	if err != nil {
		return apperr.New(apperr.Unavailable, "database.unreachable",
			"连不上 DATABASE_URL 指定的数据库：请检查地址、用户名、密码和数据库名，并确认它已启动").Because(err)
	}
	return db.Close()
}

// resolveFolder makes a folder's path absolute and follows its links, also
// when its last parts are still to be made.
func resolveFolder(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("no folder given")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for rest := ""; ; {
		if real, err := filepath.EvalSymlinks(abs); err == nil {
			return filepath.Join(real, rest), nil
		}
		if abs == "/" {
			return filepath.Join(abs, rest), nil
		}
		abs, rest = filepath.Dir(abs), filepath.Join(filepath.Base(abs), rest)
	}
}

// Backoff between the attempts to start a PostgreSQL that died again.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 10 * time.Second
)

// supervise owns the postmaster: it starts a new one whenever it dies and ends
// it when Stop asks for that.
func (s *Server) supervise(pm *postmaster) {
	defer close(s.done)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		select {
		case <-s.stop:
			pm.stop(s.hurry)
			return
		case <-pm.exited:
		}
		s.log.Error("database ended unexpectedly, starting it again", "pid", pm.pid)
		if pm = s.restart(ctx); pm == nil {
			return
		}
		s.log.Warn("database is up again", "pid", pm.pid)
	}
}

// restart brings PostgreSQL back, trying until it succeeds or ctx is over; in
// that case it gives nil. The socket stays where it was: the DSNs that were
// handed out name it.
func (s *Server) restart(ctx context.Context) *postmaster {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		pm, _, err := s.own.bring(ctx)
		if err == nil {
			s.pid.Store(int64(pm.pid))
			return pm
		}
		if ctx.Err() != nil {
			return nil
		}
		s.log.Error("database does not start", "error", err, "next_try_in", pause)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// Stop ends our own PostgreSQL (fast shutdown: sessions are ended, everything
// is written) and gives up the data folder; a database with an address of its
// own is left alone. When ctx is over before that, PostgreSQL is ended the hard
// way, which loses nothing that was committed. Stop may be called twice.
func (s *Server) Stop(ctx context.Context) error {
	if s.own == nil {
		return nil
	}
	s.stopped.Do(func() { close(s.stop) })
	select {
	case <-s.done:
	case <-ctx.Done():
		s.hurried.Do(func() { close(s.hurry) })
		<-s.done
	}
	dropTempSocket(s.own.socket)
	if err := s.own.lock.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("give up the data folder: %w", err)
	}
	return nil
}

// PID is the process number of our own PostgreSQL at the moment, 0 for a
// database with an address of its own.
func (s *Server) PID() int { return int(s.pid.Load()) }

// DSN is the address of a database under the account given by Options: the
// owner of our own cluster, or the user of the DatabaseURL. An empty name means
// "jianbiao" on our own cluster and the URL's own database otherwise.
func (s *Server) DSN(dbname string) string {
	if dbname == "" {
		if s.own == nil {
			return s.dsn
		}
		dbname = DefaultName
	}
	return s.dsn + " dbname=" + quoteSetting(dbname)
}

// OwnerDSN is for migrations only: it may change the schema.
func (s *Server) OwnerDSN(dbname string) string { return s.DSN(dbname) }

// AppDSN is for everything but migrations: every session begins under AppRole.
// The role exists once the migrations have run; the user of a DatabaseURL must
// be a member of it.
func (s *Server) AppDSN(dbname string) string {
	return s.DSN(dbname) + " role=" + quoteSetting(AppRole)
}

// EnsureDatabase makes a database on our own cluster if it is not there.
func (s *Server) EnsureDatabase(ctx context.Context, name string) error {
	db, err := OpenPool(ctx, s.DSN("postgres"), 1, 1)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var there bool
	if err := db.GetContext(ctx, &there, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name); err != nil {
		return fmt.Errorf("look for database %s: %w", name, err)
	}
	if there {
		return nil
	}
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+pq.QuoteIdentifier(name)); err != nil {
		return fmt.Errorf("make database %s: %w", name, err)
	}
	return nil
}
