package database

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"jianbiao/internal/apperr"
)

// minMajor is the oldest major version we start: 15 brought NULLS NOT DISTINCT
// and the strategies of CREATE DATABASE.
const minMajor = 15

// binaries is one installation of PostgreSQL.
type binaries struct {
	dir   string // the folder that holds postgres and initdb
	major int
}

// binaryFolders lists where installations may be, the best first: PG_BIN, PATH,
// Debian's folders (newest major first), then what `make deps` put into a cache.
func binaryFolders() []string {
	var dirs []string
	if dir := os.Getenv("PG_BIN"); dir != "" {
		dirs = append(dirs, dir)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(debian, func(a, b string) int { return debianMajor(b) - debianMajor(a) })
	dirs = append(dirs, debian...)
	for _, bundle := range bundleFolders() {
		dirs = append(dirs, filepath.Join(bundle, "bin"), filepath.Join(bundle, "native", "bin"),
			filepath.Join(bundle, "package", "native", "bin"))
	}
	return dirs
}

// debianMajor reads 15 out of /usr/lib/postgresql/15/bin.
func debianMajor(dir string) int {
	major, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	return major
}

// bundleFolders lists where a cached bundle may be: the folder that
// JIANBIAO_PG_BUNDLE names, the user's cache, the machine's cache.
func bundleFolders() []string {
	var dirs []string
	if dir := os.Getenv("JIANBIAO_PG_BUNDLE"); dir != "" {
		dirs = append(dirs, dir)
	}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".cache", "jianbiao", "pg"))
	}
	return append(dirs, "/var/cache/jianbiao/pg")
}

// findBinaries picks the installation in folders for a cluster: of exactly the major
// version given, or, for a new cluster (major 0), the first that is new enough.
func findBinaries(ctx context.Context, folders []string, major int) (binaries, error) {
	var found []string
	for _, dir := range folders {
		b, err := inspectBinaries(ctx, dir)
		if err != nil {
			continue
		}
		if b.major == major || (major == 0 && b.major >= minMajor) {
			return b, nil
		}
		found = append(found, fmt.Sprintf("%d（%s）", b.major, b.dir))
	}
	slices.Sort(found)
	found = slices.Compact(found)
	switch {
	case major != 0:
		return binaries{}, apperr.New(apperr.Precondition, "database.version_mismatch",
			"数据目录中的数据库是 PostgreSQL %d 建立的，只能用 PostgreSQL %d 的程序打开，本机%s。数据没有改动；请安装 PostgreSQL %d，或用环境变量 PG_BIN 指明它的 bin 目录",
			major, major, foundWords(found), major)
	case len(found) > 0:
		return binaries{}, apperr.New(apperr.Precondition, "database.version_too_old",
			"需要 PostgreSQL %d 或更新的版本，本机%s。请运行 make deps 安装", minMajor, foundWords(found))
	default:
		return binaries{}, apperr.New(apperr.Precondition, "database.binaries_missing",
			"本机没有找到 PostgreSQL（已查 PG_BIN、PATH、/usr/lib/postgresql 和缓存目录）。请运行 make deps 安装，或设置 DATABASE_URL 使用已有的数据库")
	}
}

// foundWords says in Chinese what was found on this machine.
func foundWords(found []string) string {
	if len(found) == 0 {
		return "没有找到任何版本"
	}
	return "只找到 " + strings.Join(found, "、")
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// inspectBinaries asks the postgres program in dir for its version. A bundle
// in somebody's home can be run by its owner here and still not by the account
// that PostgreSQL will have; chooseAccount finds that out.
func inspectBinaries(ctx context.Context, dir string) (binaries, error) {
	if real, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres")); err == nil {
		dir = filepath.Dir(real)
	}
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "-V")
	cmd.Env = programEnv(dir)
	out, err := cmd.Output()
	if err != nil {
		return binaries{}, fmt.Errorf("ask %s for its version: %w", dir, err)
	}
	match := versionPattern.FindSubmatch(out)
	if match == nil {
		return binaries{}, fmt.Errorf("%s does not tell its version: %q", dir, out)
	}
	major, err := strconv.Atoi(string(match[1]))
	return binaries{dir: dir, major: major}, err
}

// programEnv is the whole environment of PostgreSQL's programs. Nothing of
// ours is handed on: a PGDATA or PGPORT of the person who starts us would
// change what they do.
func programEnv(dir string) []string {
	return []string{"PATH=" + dir + ":/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
}

// command prepares one of PostgreSQL's programs, to run under account in a
// session of its own: a Ctrl-C in our terminal must reach us and not it.
func (b binaries) command(ctx context.Context, who account, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, program), args...)
	cmd.Env = programEnv(b.dir)
	cmd.SysProcAttr = who.attributes()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	return cmd
}
