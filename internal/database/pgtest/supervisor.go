package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
)

// All test programs of a machine's user share one cluster. It belongs to a
// supervisor, a process that the first test program starts from its own file
// and that outlives it. Files in its folder:
//
//	users.lock       every test program holds it shared while it lives; the
//	                 supervisor ends when it gets it alone and nobody comes
//	start.lock       held by the test program that starts a supervisor
//	supervisor.pid   for Stop
//	dsn              the cluster's address, written when it answers
//	failure          why it did not start, for the one who waits
//	boot             the boot of the machine under which the data was written
//	cluster/         DataDir of the launcher
const superviseEnv = "JIANBIAO_PGTEST_SUPERVISE"

// idleEnv may hold the time after which an unused cluster ends, as 90s or 10m.
const idleEnv = "JIANBIAO_PGTEST_IDLE"

const defaultIdle = 2 * time.Minute

// The supervisor is this same program with a variable set: a test program has
// no other that it could start, and TestMain belongs to the packages that are
// tested.
func init() {
	if dir := os.Getenv(superviseEnv); dir != "" {
		os.Exit(supervise(dir))
	}
}

// folder is where the shared cluster of this user lives.
func folder() (string, error) {
	dir := filepath.Join("/tmp", fmt.Sprintf("jianbiao-pgtest-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make the folder of the test cluster: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("look at the folder of the test cluster: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Getuid() {
		return "", fmt.Errorf("%s belongs to somebody else: remove it", dir)
	}
	return dir, nil
}

// flock takes a lock on a file, waiting for it.
func flock(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open a lock: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// startSupervisor starts a supervisor and waits until the cluster answers.
func startSupervisor(ctx context.Context, dir string) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program's own file: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(dir, "supervisor.log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the supervisor's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	for _, name := range []string{"dsn", "failure"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an old answer: %w", err)
		}
	}
	cmd := exec.CommandContext(context.Background(), exe)
	cmd.Env = append(os.Environ(), superviseEnv+"="+dir)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the supervisor of the test cluster: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(filepath.Join(dir, "dsn")); err == nil {
			return nil
		}
		select {
		case <-ended:
			why, err := os.ReadFile(filepath.Join(dir, "failure"))
			if err != nil {
				why, _ = os.ReadFile(filepath.Join(dir, "supervisor.log"))
			}
			return errors.New(strings.TrimSpace(string(why)))
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// supervise is the supervisor's whole life; it returns the exit code.
func supervise(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	server, err := startCluster(ctx, dir, log)
	if err != nil {
		why := err.Error()
		if e, ok := apperr.From(err); ok {
			why = e.Detail + "\n" + why
		}
		_ = os.WriteFile(filepath.Join(dir, "failure"), []byte(why), 0o600)
		return 1
	}
	err = errors.Join(
		dropOld(ctx, server.DSN("postgres")),
		writeWhole(filepath.Join(dir, "supervisor.pid"), strconv.Itoa(os.Getpid())),
		writeWhole(filepath.Join(dir, "dsn"), server.DSN("postgres")),
	)
	if err != nil {
		log.Error("test cluster", "error", err)
	}
	users := waitIdle(ctx, filepath.Join(dir, "users.lock"), idleTime())
	// Test programs that come now wait for the lock, find no dsn and start anew.
	_ = os.Remove(filepath.Join(dir, "dsn"))
	_ = os.Remove(filepath.Join(dir, "supervisor.pid"))
	if err := server.Stop(context.Background()); err != nil {
		log.Error("test cluster", "error", err)
	}
	if users != nil {
		_ = users.Close()
	}
	return 0
}

// startCluster opens the cluster, and makes a new one when the old one is of
// no use: written without fsync under an earlier boot of the machine, made by
// another version, or broken. What lies in it is worth nothing.
func startCluster(ctx context.Context, dir string, log *slog.Logger) (*database.Server, error) {
	data := filepath.Join(dir, "cluster")
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	wrote, _ := os.ReadFile(filepath.Join(dir, "boot"))
	if string(boot) != string(wrote) {
		if err := os.RemoveAll(data); err != nil {
			return nil, fmt.Errorf("remove the test cluster of an earlier boot: %w", err)
		}
	}
	if err := writeWhole(filepath.Join(dir, "boot"), string(boot)); err != nil {
		return nil, err
	}
	opts := database.Options{DataDir: data, Log: log, Unsafe: true}
	server, err := database.Start(ctx, opts)
	// A supervisor that was told to stop may still be at it.
	for end := time.Now().Add(time.Minute); apperr.CodeOf(err) == "database.in_use" && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
		server, err = database.Start(ctx, opts)
	}
	if err == nil || apperr.CodeOf(err) == "database.in_use" || apperr.CodeOf(err) == "database.binaries_missing" || ctx.Err() != nil {
		return server, err
	}
	log.Warn("the test cluster does not start, making a new one", "error", err)
	if err := os.RemoveAll(data); err != nil {
		return nil, fmt.Errorf("remove the broken test cluster: %w", err)
	}
	return database.Start(ctx, opts)
}

// waitIdle returns, with the lock, when no test program has held it for the
// whole of idle, or without it when ctx is over.
func waitIdle(ctx context.Context, path string, idle time.Duration) *os.File {
	tick := time.NewTicker(idle / 20)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		lock, err := flock(path, syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err != nil:
			last = time.Now()
		case time.Since(last) >= idle:
			return lock
		default:
			_ = lock.Close()
		}
	}
}

func idleTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv(idleEnv)); err == nil && d > 0 {
		return d
	}
	return defaultIdle
}

// writeWhole writes a file so that a reader sees all of it or none.
func writeWhole(path, text string) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// Stop ends the shared cluster of this user, if it runs, and waits until it is
// gone. It is for the end of `make test`; test programs that still run fail.
func Stop(ctx context.Context) error {
	dir, err := folder()
	if err != nil {
		return err
	}
	pid, err := supervisorPID(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !isSupervisor(pid, dir) {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the test cluster: %w", err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for isSupervisor(pid, dir) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// supervisorPID reads the number of the supervisor that wrote it last.
func supervisorPID(dir string) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir, "supervisor.pid"))
	if err != nil {
		return 0, fmt.Errorf("read the supervisor's number: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("the supervisor's number is %q", text)
	}
	return pid, nil
}

// isSupervisor says whether pid is a living supervisor of dir; the number
// alone may have become anybody's.
func isSupervisor(pid int, dir string) bool {
	env, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	return err == nil && strings.Contains("\x00"+string(env), "\x00"+superviseEnv+"="+dir+"\x00")
}
