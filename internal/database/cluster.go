package database

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"jianbiao/internal/apperr"
)

// cluster is our own PostgreSQL cluster on disk: DataDir/postgres with
//
//	lock          flock of the one program that may use it, with its pid
//	data/         PGDATA
//	run/          the socket, 0700; a folder in /tmp when the path is too long
//	postgres.log  what PostgreSQL says
//	init-…/       a cluster that is being made; renamed to data when complete
type cluster struct {
	base   string
	lock   *os.File
	bin    binaries
	who    account
	socket string // the folder of the socket
	unsafe bool   // no fsync: tests only
}

func (c *cluster) data() string    { return filepath.Join(c.base, "data") }
func (c *cluster) logPath() string { return filepath.Join(c.base, "postgres.log") }

// sunPathMax is the longest path of a unix socket on Linux, in bytes, without
// its final NUL.
const sunPathMax = 107

// openCluster takes the lock and brings the folder into a state in which
// PostgreSQL can be started: found, made when there is none, owned rightly.
func openCluster(ctx context.Context, dataDir string, unsafe bool) (c *cluster, err error) {
	base, err := makeFolders(dataDir)
	if err != nil {
		return nil, apperr.New(apperr.Precondition, "database.folder_unusable",
			"不能使用数据目录 %s：请确认它存在、可写，且属于运行本程序的用户", dataDir).Because(err)
	}
	lock, err := takeLock(filepath.Join(base, "lock"), dataDir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = lock.Close()
		}
	}()
	major, err := clusterMajor(filepath.Join(base, "data"))
	if err != nil {
		return nil, err
	}
	bin, err := findBinaries(ctx, binaryFolders(), major)
	if err != nil {
		return nil, err
	}
	who, err := chooseAccount(ctx, bin, base)
	if err != nil {
		return nil, err
	}
	c = &cluster{base: base, lock: lock, bin: bin, who: who, unsafe: unsafe}
	if err := c.dropHalfMade(); err != nil {
		return nil, err
	}
	if major == 0 {
		if err := c.initialise(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// makeFolders makes DataDir and DataDir/postgres. As root both let others pass
// through (not look), for PostgreSQL has to get to its data under another
// account; parents of DataDir are nobody's to change.
func makeFolders(dataDir string) (base string, err error) {
	if err := os.MkdirAll(filepath.Dir(dataDir), 0o755); err != nil {
		return "", err
	}
	base = filepath.Join(dataDir, "postgres")
	for _, dir := range []string{dataDir, base} {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return "", err
		}
		if os.Geteuid() != 0 {
			continue
		}
		info, err := os.Stat(dir)
		if err != nil {
			return "", err
		}
		if err := os.Chmod(dir, info.Mode().Perm()|0o011); err != nil {
			return "", err
		}
	}
	return base, nil
}

// takeLock takes the lock of the folder, or says who has it. The kernel lets
// go of it when the holder dies, however it dies.
func takeLock(path, dataDir string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, apperr.New(apperr.Precondition, "database.folder_unusable",
			"不能使用数据目录 %s：其中的文件属于另一个用户，请用原来的用户运行，或换一个数据目录", dataDir).Because(err)
	}
	for end := time.Now().Add(leaveTime); ; time.Sleep(20 * time.Millisecond) {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			break
		}
		// A program that is killed while it starts another leaves a child that
		// holds the lock until it has become that other: dead holders get a moment,
		// and so do we, who may have let go of it just now while we started another.
		holder, _ := os.ReadFile(path)
		pid, _ := strconv.Atoi(strings.TrimSpace(string(holder)))
		if pid != os.Getpid() && alive(pid) || time.Now().After(end) {
			_ = f.Close()
			return nil, apperr.New(apperr.Conflict, "database.in_use",
				"数据目录 %s 正由另一个见标程序使用（进程号 %d）。请先停止它，或用 --data 换一个数据目录", dataDir, pid).Because(err)
		}
	}
	if err := f.Truncate(0); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("write the lock file: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("write the lock file: %w", err)
	}
	return f, nil
}

// clusterMajor is the major version that made the cluster in data, 0 when
// there is no cluster. A folder with something else in it is left alone.
func clusterMajor(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err == nil {
		major, err := strconv.Atoi(strings.SplitN(strings.TrimSpace(string(text)), ".", 2)[0])
		if err == nil && major > 0 {
			return major, nil
		}
	}
	entries, readErr := os.ReadDir(data)
	if errors.Is(readErr, os.ErrNotExist) || (readErr == nil && len(entries) == 0) {
		return 0, nil
	}
	return 0, apperr.New(apperr.Precondition, "database.not_a_cluster",
		"目录 %s 里有文件，但不是可识别的数据库（缺少 PG_VERSION）。为免损坏，程序没有动它；请从备份恢复，或换一个数据目录", data).
		Because(errors.Join(err, readErr))
}

// dropHalfMade removes what an interrupted initialise left behind. Nobody else
// can be at work there: we hold the lock.
func (c *cluster) dropHalfMade() error {
	halves, err := filepath.Glob(filepath.Join(globEscape(c.base), "init-*"))
	if err != nil {
		return fmt.Errorf("look for half-made clusters: %w", err)
	}
	for _, dir := range halves {
		stopProcesses(0, dir, c.base)
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove a half-made cluster: %w", err)
		}
	}
	return nil
}

// globEscape keeps filepath.Glob from reading a folder's name as a pattern.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// initialise makes a cluster beside its place and moves it there when it is
// complete, so that a kill in the middle leaves nothing that looks like one.
func (c *cluster) initialise(ctx context.Context) error {
	dir, err := os.MkdirTemp(c.base, "init-")
	if err != nil {
		return fmt.Errorf("make a folder for the new cluster: %w", err)
	}
	if err := c.who.give(dir); err != nil {
		return fmt.Errorf("give the new cluster to %s: %w", c.who.name, err)
	}
	var said bytes.Buffer
	for _, locale := range c.locales() {
		args := append([]string{"-D", dir, "-U", OwnerName, "-A", "trust", "-E", "UTF8"}, locale...)
		if c.unsafe {
			args = append(args, "--no-sync")
		}
		cmd := c.bin.command(ctx, c.who, "initdb", args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = c.base, &said, &said
		if err = cmd.Run(); err == nil {
			break
		}
	}
	if err == nil {
		err = finishCluster(dir, c.data())
	}
	if err != nil {
		return apperr.New(apperr.Internal, "database.init_failed",
			"新建数据库失败，请检查磁盘空间和目录 %s 的权限，详情见日志", c.base).
			Because(fmt.Errorf("initdb: %w: %s", err, tail(said.Bytes(), 2000)))
	}
	return nil
}

// locales lists initdb's options for C.UTF-8, the best first: from version 17
// on PostgreSQL has it built in; before that it is the system's. A system
// without it gets C, which sorts alike. ICU is never used: its order changes
// with its version and silently breaks indexes.
func (c *cluster) locales() [][]string {
	if c.bin.major >= 17 {
		return [][]string{{"--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"}}
	}
	return [][]string{
		{"--locale-provider=libc", "--locale=C.UTF-8"},
		{"--locale-provider=libc", "--locale=C"},
	}
}

// localOnly is the whole pg_hba.conf: whoever gets to the socket, which lies
// in a 0700 folder, is trusted; nobody comes over a network.
const localOnly = "# written by jianbiao: the socket's folder (0700) is the lock\nlocal all all trust\n"

// finishCluster writes the access file and moves a complete cluster into place.
func finishCluster(dir, data string) error {
	// Truncating keeps the owner that initdb gave the file.
	if err := os.WriteFile(filepath.Join(dir, "pg_hba.conf"), []byte(localOnly), 0o600); err != nil {
		return err
	}
	if err := os.Remove(data); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(dir, data); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(data))
	if err != nil {
		return err
	}
	defer func() { _ = parent.Close() }()
	return parent.Sync()
}

// chooseSocket settles the folder of the socket: base/run, or, when that path
// is too long for a socket or has a character that PostgreSQL's list of
// folders or lib/pq's list of hosts would split, a new folder in /tmp. Once
// settled it stays as long as the program runs: DSNs that name it are out.
func (c *cluster) chooseSocket() error {
	dir := c.socket
	if dir == "" {
		dir = filepath.Join(c.base, "run")
		if len(socketPath(dir)) > sunPathMax-len(".lock") || strings.ContainsAny(dir, ",\"'\\\n") {
			var err error
			if dir, err = os.MkdirTemp("/tmp", tempSocket); err != nil {
				return fmt.Errorf("make a folder for the socket: %w", err)
			}
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make the folder of the socket: %w", err)
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("the folder of the socket, %s, is no folder: %w", dir, err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("close the folder of the socket: %w", err)
	}
	if err := c.who.give(dir); err != nil {
		return fmt.Errorf("give the folder of the socket to %s: %w", c.who.name, err)
	}
	c.socket = dir
	return nil
}

// tempSocket begins the names of the sockets' folders in /tmp.
const tempSocket = "jianbiao-"

// dropTempSocket removes the folder of a socket when it is one of those in
// /tmp, with the socket and its lock and nothing else.
func dropTempSocket(dir string) {
	if filepath.Dir(dir) != "/tmp" || !strings.HasPrefix(filepath.Base(dir), tempSocket) {
		return
	}
	dropSocketFiles(dir)
	_ = os.Remove(dir)
}

// dropSocketFiles removes a dead socket and its lock from a folder of ours.
func dropSocketFiles(dir string) {
	_ = os.Remove(socketPath(dir))
	_ = os.Remove(socketPath(dir) + ".lock")
}

// socketPort is part of the socket's file name and has no other meaning.
const socketPort = 5432

func socketPath(dir string) string { return fmt.Sprintf("%s/.s.PGSQL.%d", dir, socketPort) }

// tail is the end of a text, at most n bytes.
func tail(text []byte, n int) string {
	if len(text) > n {
		text = text[len(text)-n:]
	}
	return strings.TrimSpace(string(text))
}
