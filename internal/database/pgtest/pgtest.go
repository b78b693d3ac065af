// Package pgtest gives every test a PostgreSQL database of its own, with the
// schema of the migrations in it.
//
// One private cluster (no fsync, a unix socket, no network) is shared by all
// test programs that run on this machine under this user. The first starts it;
// it ends two minutes after the last, or by `go run
// ./internal/database/pgtest/testdb stop`. A database is a file copy of a
// template that is built once per state of the migrations; it is dropped when
// the test passed, and kept and named when the test failed. Sessions have an
// odd time zone, which finds code that takes the session's for Beijing's.
package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"jianbiao/internal/database"
	"jianbiao/migrations"
)

// DB is the database of one test.
type DB struct {
	App      *sqlx.DB // as the application works: under the role jianbiao_app
	Owner    *sqlx.DB // as migrations run: for preparing and looking, never for what is tested
	AppDSN   string   // for a LISTEN connection or a pool of the test's own
	OwnerDSN string
	Name     string // of the database
}

// The pools of one test. The cluster takes 300 connections in all.
const (
	maxOpen = 12
	maxIdle = 2
)

const startTimeout = 3 * time.Minute

// New gives the test a migrated database. Without PostgreSQL the test fails
// with a sentence that says what to do.
func New(t testing.TB) *DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	admin := shared(t)
	template, err := ensureTemplate(ctx, admin, migrations.FS)
	if err != nil {
		t.Fatalf("build the template of the test databases: %v", err)
	}
	db := create(t, admin, template)
	db.App = open(ctx, t, db.AppDSN)
	return db
}

// Empty gives the test a database without any schema. App is nil: the
// application's role comes with the migrations.
func Empty(t testing.TB) *DB {
	t.Helper()
	return create(t, shared(t), "template0")
}

// open opens a pool that is closed at the end of the test.
func open(ctx context.Context, t testing.TB, dsn string) *sqlx.DB {
	t.Helper()
	db, err := database.OpenPool(ctx, dsn, maxOpen, maxIdle)
	if err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// create clones a template; the clone lives as long as the test.
func create(t testing.TB, admin *sqlx.DB, template string) *DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	db := &DB{Name: databaseName(t.Name())}
	_, err := admin.ExecContext(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY FILE_COPY",
		pq.QuoteIdentifier(db.Name), pq.QuoteIdentifier(template)))
	if err != nil {
		t.Fatalf("clone the template %s: %v", template, err)
	}
	t.Cleanup(func() { drop(t, admin, db) })
	db.OwnerDSN, err = database.With(cluster.dsn, "dbname", db.Name, "timezone", "Asia/Kathmandu",
		"application_name", truncate(t.Name(), 60))
	if err != nil {
		t.Fatalf("name the test database: %v", err)
	}
	db.AppDSN = db.OwnerDSN + " role=" + database.AppRole
	db.Owner = open(ctx, t, db.OwnerDSN)
	return db
}

// drop removes the database of a test that passed and names that of one that
// failed.
func drop(t testing.TB, admin *sqlx.DB, db *DB) {
	t.Helper()
	if t.Failed() {
		t.Logf("the test's database is kept for a day while the cluster lives; start it with `go run ./internal/database/pgtest/testdb start`, look with: psql %q", db.OwnerDSN)
		return
	}
	_, err := admin.ExecContext(context.Background(), "DROP DATABASE "+pq.QuoteIdentifier(db.Name)+" WITH (FORCE)")
	if err != nil {
		t.Errorf("drop the test database: %v", err)
	}
}

// nameTime stands in the names of test databases, in UTC, so that old ones can
// be told and removed.
const nameTime = "20060102_1504"

// databaseName is t_<when>_<test>_<random>, at most 63 bytes.
func databaseName(test string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		default:
			return '_'
		}
	}, test)
	return "t_" + time.Now().UTC().Format(nameTime) + "_" + truncate(safe, 35) + "_" + strings.ToLower(rand.Text()[:8])
}

// truncate cuts a text of one-byte characters.
func truncate(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// cluster is this test program's connection to the shared cluster.
var cluster struct {
	once  sync.Once
	users *os.File // held until the program ends
	dsn   string
	admin *sqlx.DB
	err   error
}

// shared gives the shared cluster, starting it if nobody has.
func shared(t testing.TB) *sqlx.DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if _, err := Start(ctx); err != nil {
		t.Fatalf("没有可供测试的 PostgreSQL，请先运行 make deps：%v", err)
	}
	return cluster.admin
}

// Start makes sure that the shared cluster runs and gives its address. It
// stays for at least as long as this program.
func Start(ctx context.Context) (dsn string, err error) {
	cluster.once.Do(func() { cluster.err = join(ctx) })
	return cluster.dsn, cluster.err
}

// join takes part in the shared cluster: no supervisor stops it from now on.
func join(ctx context.Context) (err error) {
	dir, err := folder()
	if err != nil {
		return err
	}
	if cluster.users, err = flock(filepath.Join(dir, "users.lock"), syscall.LOCK_SH); err != nil {
		return err
	}
	starting, err := flock(filepath.Join(dir, "start.lock"), syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer func() { _ = starting.Close() }()
	// A cluster whose supervisor was killed answers, but nobody would end it.
	if pid, err := supervisorPID(dir); err == nil && isSupervisor(pid, dir) {
		if cluster.admin, cluster.dsn, err = connect(ctx, dir); err == nil {
			return nil
		}
	}
	if err := startSupervisor(ctx, dir); err != nil {
		return err
	}
	cluster.admin, cluster.dsn, err = connect(ctx, dir)
	return err
}

// connect connects to a cluster that runs.
func connect(ctx context.Context, dir string) (*sqlx.DB, string, error) {
	dsn, err := os.ReadFile(filepath.Join(dir, "dsn"))
	if err != nil {
		return nil, "", err
	}
	admin, err := database.OpenPool(ctx, string(dsn), 4, 1)
	return admin, string(dsn), err
}

// templateKey is the advisory lock of those who build a template or remove
// old databases.
const templateKey = 7_364_201

// ensureTemplate gives the name of the template for the migrations, which it
// builds if nobody has. Builders wait for one another. The template gets its
// name only when it is complete, and nobody may connect to it from then on: a
// killed builder leaves a database that is taken for a template by nobody.
func ensureTemplate(ctx context.Context, admin *sqlx.DB, fsys fs.FS) (string, error) {
	name, err := templateName(fsys)
	if err != nil {
		return "", err
	}
	conn, err := admin.Connx(ctx)
	if err != nil {
		return "", fmt.Errorf("connect to the test cluster: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if there, err := exists(ctx, conn, name); err != nil || there {
		return name, err
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", templateKey); err != nil {
		return "", fmt.Errorf("wait for another builder: %w", err)
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", templateKey)
	}()
	if there, err := exists(ctx, conn, name); err != nil || there {
		return name, err
	}
	return name, buildTemplate(ctx, conn, name, fsys)
}

// buildTemplate builds a template under another name and then gives it its own.
func buildTemplate(ctx context.Context, conn *sqlx.Conn, name string, fsys fs.FS) error {
	building := databaseName("template")
	if _, err := conn.ExecContext(ctx, "CREATE DATABASE "+building+" TEMPLATE template0"); err != nil {
		return fmt.Errorf("make a database: %w", err)
	}
	dsn, err := database.With(cluster.dsn, "dbname", building)
	if err != nil {
		return err
	}
	db, err := database.OpenPool(ctx, dsn, 2, 1)
	if err != nil {
		return err
	}
	err = database.Migrate(ctx, db, fsys)
	_ = db.Close()
	if err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "DROP DATABASE "+building+" WITH (FORCE)")
		return err
	}
	// The sessions that were just closed may take a moment to leave.
	_, err = conn.ExecContext(ctx, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", building)
	if err != nil {
		return fmt.Errorf("empty the template: %w", err)
	}
	for _, query := range []string{
		"ALTER DATABASE " + building + " WITH ALLOW_CONNECTIONS false",
		"ALTER DATABASE " + building + " RENAME TO " + name,
		"ALTER DATABASE " + name + " WITH IS_TEMPLATE true",
	} {
		if _, err := conn.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("finish the template: %w", err)
		}
	}
	return nil
}

// templateName is tpl_<hash of the names and contents of the files>.
func templateName(fsys fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(fsys, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(fsys, path)
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", path, len(body), body)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the migrations: %w", err)
	}
	return "tpl_" + hex.EncodeToString(sum.Sum(nil)[:12]), nil
}

// exists says whether there is a database of that name.
func exists(ctx context.Context, conn *sqlx.Conn, name string) (there bool, err error) {
	err = conn.GetContext(ctx, &there, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name)
	if err != nil {
		return false, fmt.Errorf("look for database %s: %w", name, err)
	}
	return there, nil
}

// dropOld removes what tests left behind: databases named more than a day ago,
// and all templates, which cost a second to build again and otherwise pile up.
func dropOld(ctx context.Context, dsn string) error {
	db, err := database.OpenPool(ctx, dsn, 1, 1)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var names []string
	oldest := "t_" + time.Now().UTC().Add(-24*time.Hour).Format(nameTime)
	err = db.SelectContext(ctx, &names,
		`SELECT datname FROM pg_database WHERE (datname LIKE 't\_%' AND datname COLLATE "C" < $1) OR datname LIKE 'tpl\_%'`, oldest)
	if err != nil {
		return fmt.Errorf("look for old test databases: %w", err)
	}
	for _, name := range names {
		quoted := pq.QuoteIdentifier(name)
		if _, err := db.ExecContext(ctx, "ALTER DATABASE "+quoted+" WITH IS_TEMPLATE false"); err != nil {
			return fmt.Errorf("release %s: %w", name, err)
		}
		if _, err := db.ExecContext(ctx, "DROP DATABASE "+quoted+" WITH (FORCE)"); err != nil {
			return fmt.Errorf("drop %s: %w", name, err)
		}
	}
	return nil
}
