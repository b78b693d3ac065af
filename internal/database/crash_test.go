package database_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"jianbiao/internal/database"
)

var quiet = slog.New(slog.DiscardHandler)

func TestServer_startsAKilledPostgreSQLAgain(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"short", strings.Repeat("long", 40)} {
		t.Run(name[:4], func(t *testing.T) {
			t.Parallel()
			s := startWith(t, database.Options{DataDir: filepath.Join(folder(t), name), Log: quiet})
			remember(t, s, 11)
			pool := open(t, s.OwnerDSN(""))
			for range 2 {
				before := s.PID()
				if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				eventually(t, "the old pool works again", func() bool {
					var n int
					err := pool.Get(&n, "SELECT max(n) FROM kept")
					if err != nil && !database.IsUnavailable(err) {
						t.Fatalf("IsUnavailable does not know %v", err)
					}
					return err == nil && n == 11 && s.PID() != before
				})
			}
		})
	}
}

// While PostgreSQL cannot be started the server tries on, and it comes back by
// itself when what was in the way is gone.
func TestServer_triesUntilPostgreSQLStarts(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	said := &lines{}
	opts := options(dir)
	opts.Log = slog.New(slog.NewTextHandler(said, nil))
	s, err := database.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	remember(t, s, 12)
	pool := open(t, s.OwnerDSN(""))
	data := filepath.Join(dir, "postgres", "data")
	if err := os.Rename(data, data+".away"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two attempts have failed", func() bool { return said.count("does not start") >= 2 })
	if err := os.Rename(data+".away", data); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the data is there again", func() bool {
		var n int
		return pool.Get(&n, "SELECT max(n) FROM kept") == nil && n == 12
	})
}

func TestServer_survivesAKilledBackend(t *testing.T) {
	t.Parallel()
	s := start(t, folder(t))
	pool := open(t, s.OwnerDSN(""))
	var backend int
	if err := pool.Get(&backend, "SELECT pg_backend_pid()"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(backend, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pool works again", func() bool {
		_, err := pool.Exec("SELECT 1")
		return err == nil
	})
}

func TestStart_adoptsALivingOrphan(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"short", strings.Repeat("long", 40)} {
		t.Run(name[:4], func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(folder(t), name)
			orphan := upThenKilled(t, dir)
			s := start(t, dir)
			if s.PID() != orphan {
				t.Errorf("PostgreSQL is %d, want the orphan %d", s.PID(), orphan)
			}
			remember(t, s, 2)
			// An adopted one is watched too.
			if err := syscall.Kill(orphan, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a new one runs", func() bool { return s.PID() != orphan })
			recall(t, s, 2)
			stop(t, s)
			if _, err := os.Stat(database.SocketOf(s)); name != "short" && !os.IsNotExist(err) {
				t.Errorf("the socket's folder is left behind: %v", err)
			}
		})
	}
}

func TestStart_replacesAnOrphanWithoutASocket(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	orphan := upThenKilled(t, dir)
	if err := os.Remove(filepath.Join(dir, "postgres", "run", ".s.PGSQL.5432")); err != nil {
		t.Fatal(err)
	}
	s := start(t, dir)
	if s.PID() == orphan {
		t.Errorf("the orphan %d was adopted although it cannot be reached", orphan)
	}
	remember(t, s, 4)
	recall(t, s, 4)
}

func TestStart_afterProgramAndPostgreSQLWereKilled(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	cmd, output := program(t, dir)
	line, err := output.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(line), "up "))
	if err != nil {
		t.Fatal(err)
	}
	pool := open(t, addressIn(dir))
	pool.MustExec("CREATE TABLE kept (n integer)")
	pool.MustExec("INSERT INTO kept VALUES (9)")
	kill(t, cmd)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s := startWith(t, database.Options{DataDir: dir, Log: quiet})
	recall(t, s, 9)
	if _, err := pool.Exec("INSERT INTO kept VALUES (10)"); err != nil {
		t.Errorf("a pool of before: %v", err)
	}
}

// addressIn is the address of the database that a program runs in dir.
func addressIn(dir string) string {
	return "host=" + filepath.Join(dir, "postgres", "run") + " port=5432 user=postgres dbname=jianbiao"
}

// The number in a stale pid file may be another program's by now, one that
// PostgreSQL itself would take for a living server.
func TestStart_stalePidFile(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, dir)
	remember(t, s, 6)
	stop(t, s)
	data := filepath.Join(dir, "postgres", "data")
	info, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	other := exec.Command("sleep", "600")
	if os.Geteuid() == 0 {
		other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(t, other) })
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{other.Process.Pid, dead.Process.Pid, os.Getpid()} {
		path := filepath.Join(data, "postmaster.pid")
		text := fmt.Sprintf("%d\n%s\n1\n5432\n%s\n\n", pid, data, filepath.Join(dir, "postgres", "run"))
		rewrite(t, path, text)
		if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
		s := start(t, dir)
		recall(t, s, 6)
		stop(t, s)
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the other program was harmed: %v", err)
	}
}

// The program is killed at several moments of the making of its cluster.
func TestStart_interruptedInit(t *testing.T) {
	t.Parallel()
	for _, reached := range []string{"", "PG_VERSION", "base/1/PG_VERSION", "base/4/PG_VERSION"} {
		t.Run("at "+filepath.Dir(reached), func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			cmd, _ := program(t, dir)
			base := filepath.Join(dir, "postgres")
			eventually(t, "initdb reached "+reached, func() bool {
				found, _ := filepath.Glob(filepath.Join(base, "init-*", reached))
				done, _ := filepath.Glob(filepath.Join(base, "data", reached))
				return len(found)+len(done) > 0
			})
			kill(t, cmd)
			s := start(t, dir)
			remember(t, s, 8)
			recall(t, s, 8)
			if left, _ := filepath.Glob(filepath.Join(base, "init-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// The grandchildren of a killed program must not hold its lock.
func TestStart_lockDiesWithTheProgram(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	cmd, output := program(t, dir)
	line, err := output.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, err = database.Start(t.Context(), options(dir))
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(cmd.Process.Pid)) {
		t.Errorf("start beside a living program: %v, want a refusal that names %d", err, cmd.Process.Pid)
	}
	kill(t, cmd)
	s := start(t, dir)
	if want := strings.TrimSpace(line); want != fmt.Sprintf("up %d", s.PID()) {
		t.Errorf("adopted %d, want %q", s.PID(), want)
	}
}

func TestStop_hurriesWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, dir)
	remember(t, s, 1)
	pid := s.PID()
	// A postmaster that is stopped hears neither SIGINT nor SIGQUIT.
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Errorf("PostgreSQL %d is alive after Stop", pid)
	}
	recall(t, start(t, dir), 1)
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(word string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), word)
}
