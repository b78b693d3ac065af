package database_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"jianbiao/internal/database"
)

// programEnv makes this test program play the server: it starts a database in
// the folder that the variable names, says so on its output, and stays until
// it is killed.
const programEnv = "JIANBIAO_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(programEnv); dir != "" {
		s, err := database.Start(context.Background(), database.Options{DataDir: dir})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("up", s.PID())
		select {}
	}
	os.Exit(m.Run())
}

// folder is a temporary folder that other accounts may pass through, as most
// are; t.TempDir's own parent is closed.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start starts a database in dir and stops it at the end of the test.
func start(t *testing.T, dir string) *database.Server {
	t.Helper()
	return startWith(t, options(dir))
}

func startWith(t *testing.T, opts database.Options) *database.Server {
	t.Helper()
	s, err := database.Start(t.Context(), opts)
	if err != nil {
		t.Fatalf("start in %s: %v", opts.DataDir, err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

// options are those of most tests; what is about lost data leaves Unsafe out.
func options(dir string) database.Options {
	return database.Options{DataDir: dir, Unsafe: true, Log: slog.New(slog.DiscardHandler)}
}

func stop(t *testing.T, s *database.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func open(t *testing.T, dsn string) *sqlx.DB {
	t.Helper()
	db, err := database.Open(t.Context(), dsn)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// remember writes a number that a later start has to find again.
func remember(t *testing.T, s *database.Server, n int) {
	t.Helper()
	db := open(t, s.OwnerDSN(""))
	defer func() { _ = db.Close() }()
	db.MustExec("CREATE TABLE IF NOT EXISTS kept (n integer)")
	db.MustExec("INSERT INTO kept VALUES ($1)", n)
}

func recall(t *testing.T, s *database.Server, want int) {
	t.Helper()
	db := open(t, s.OwnerDSN(""))
	defer func() { _ = db.Close() }()
	var n int
	if err := db.Get(&n, "SELECT max(n) FROM kept"); err != nil || n != want {
		t.Errorf("the cluster holds %d (error %v), want %d", n, err, want)
	}
}

// program runs a server in dir as a process of its own.
func program(t *testing.T, dir string) (cmd *exec.Cmd, output *bufio.Reader) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(exe)
	cmd.Env = append(os.Environ(), programEnv+"="+dir)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(pipe)
}

// upThenKilled runs a server in dir until it is up, kills it with SIGKILL and
// gives the pid of the PostgreSQL that it left behind.
func upThenKilled(t *testing.T, dir string) int {
	t.Helper()
	cmd, output := program(t, dir)
	line, err := output.ReadString('\n')
	if err != nil {
		t.Fatalf("the program does not come up: %v %q", err, line)
	}
	kill(t, cmd)
	pid, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(line), "up "))
	if err != nil {
		t.Fatalf("the program says %q", line)
	}
	return pid
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(60 * time.Second)
	for !ask() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestStart_keepsDataAndStopsEverything(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), "new", "data")
	s := start(t, dir)
	remember(t, s, 1)
	pid := s.PID()
	if err := s.Stop(t.Context()); err != nil {
		t.Fatalf("stop: %v", err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("a second stop: %v", err)
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Errorf("PostgreSQL %d is alive after Stop", pid)
	}
	recall(t, start(t, dir), 1)
}

func TestStart_hasTheSettingsOfOurCluster(t *testing.T) {
	t.Parallel()
	s := start(t, folder(t))
	db := open(t, s.OwnerDSN("")+" application_name=x")
	want := map[string]string{
		"listen_addresses": "", "server_encoding": "UTF8", "TimeZone": "UTC",
		"unix_socket_permissions": "0700", "lc_messages": "C", "application_name": "x",
	}
	for name, value := range want {
		var got string
		if err := db.Get(&got, "SELECT current_setting($1)", name); err != nil || got != value {
			t.Errorf("%s is %q (%v), want %q", name, got, err, value)
		}
	}
	var provider, upper string
	err := db.QueryRow(`SELECT datlocprovider::text, upper('é') FROM pg_database WHERE datname = current_database()`).Scan(&provider, &upper)
	if err != nil || provider == "i" || upper != "É" {
		t.Errorf("locale provider %q, upper('é') = %q (%v), want no ICU and É", provider, upper, err)
	}
	info, err := os.Stat(database.SocketOf(s))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's folder has mode %v (%v), want 0700", info.Mode(), err)
	}
}

func TestStart_closedFolder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		modes   []os.FileMode // of parent and of parent/data, 0 is not made
		account string        // the one that root must change to
	}{
		{"the data folder is closed", []os.FileMode{0o755, 0o700}, "postgres nobody"},
		{"the parent is closed", []os.FileMode{0o700, 0}, "namespace"},
		{"both are closed", []os.FileMode{0o700, 0o700}, "namespace"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			parent := filepath.Join(folder(t), "parent")
			dir := filepath.Join(parent, "data")
			for i, path := range []string{parent, dir} {
				if tc.modes[i] == 0 {
					continue
				}
				if err := os.Mkdir(path, tc.modes[i]); err != nil {
					t.Fatal(err)
				}
			}
			s := start(t, dir)
			remember(t, s, 7)
			wantAccount := "self"
			if os.Geteuid() == 0 {
				wantAccount = tc.account
			}
			if got := database.AccountOf(s); !strings.Contains(wantAccount, got) {
				t.Errorf("PostgreSQL runs as %s, want one of %s", got, wantAccount)
			}
			info, err := os.Stat(parent)
			if err != nil || info.Mode().Perm() != tc.modes[0] {
				t.Errorf("the parent's mode became %v (%v), want %v", info.Mode(), err, tc.modes[0])
			}
			stop(t, s)
			recall(t, start(t, dir), 7)
		})
	}
}

// A folder that is closed or opened after the first start changes the account
// under which PostgreSQL can run; the files follow.
func TestStart_followsAFolderThatIsClosedLater(t *testing.T) {
	t.Parallel()
	parent := filepath.Join(folder(t), "parent")
	if err := os.Mkdir(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "data")
	for n, mode := range []os.FileMode{0o755, 0o700, 0o755} {
		if err := os.Chmod(parent, mode); err != nil {
			t.Fatal(err)
		}
		s := start(t, dir)
		remember(t, s, n)
		recall(t, s, n)
		stop(t, s)
	}
}

func TestStart_longAndOddPaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{strings.Repeat("long", 40), `it's, "odd" \ 见标 [x]*`} {
		t.Run(name[:4], func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(folder(t), name)
			s := start(t, dir)
			remember(t, s, 3)
			socket := database.SocketOf(s)
			if strings.HasPrefix(socket, dir) {
				t.Errorf("the socket is in %s", socket)
			}
			stop(t, s)
			if _, err := os.Stat(socket); !os.IsNotExist(err) {
				t.Errorf("%s is left behind (%v)", socket, err)
			}
			recall(t, start(t, dir), 3)
		})
	}
}
