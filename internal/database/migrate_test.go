package database_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"testing"
	"testing/fstest"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sync/errgroup"

	"jianbiao/internal/database"
	"jianbiao/internal/database/pgtest"
)

// steps are migrations that fail when one of them runs twice or out of order.
func steps(n int) fs.FS {
	files := fstest.MapFS{}
	for i := range n {
		sql := fmt.Sprintf("-- +goose Up\nCREATE TABLE step%d (id integer PRIMARY KEY);\nINSERT INTO done VALUES (%d);\n", i, i)
		if i == 0 {
			sql = "-- +goose Up\nCREATE TABLE done (n integer PRIMARY KEY);\n"
		}
		files[fmt.Sprintf("%05d_step.sql", i+1)] = &fstest.MapFile{Data: []byte(sql)}
	}
	return files
}

func TestMigrate_serversThatStartAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	var group errgroup.Group
	for range 3 {
		pool := open(t, db.OwnerDSN)
		group.Go(func() error { return database.Migrate(t.Context(), pool, steps(6)) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	want(t, db.Owner, 5, "SELECT count(*) FROM done")
	if err := database.Migrate(t.Context(), db.Owner, steps(8)); err != nil {
		t.Fatal(err)
	}
	want(t, db.Owner, 7, "SELECT count(*) FROM done")
}

func TestMigrate_failingFileChangesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	files := steps(2).(fstest.MapFS)
	files["00003_bad.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE half (n integer);\nSELECT no_such_thing();\n")}
	if err := database.Migrate(t.Context(), db.Owner, files); err == nil {
		t.Fatal("a migration that fails was accepted")
	}
	want(t, db.Owner, 0, "SELECT count(*) FROM pg_class WHERE relname = 'half'")
	if err := database.Migrate(t.Context(), db.Owner, steps(3)); err != nil {
		t.Errorf("the lock or the version is left behind: %v", err)
	}
}

func want(t *testing.T, db *sqlx.DB, want int, query string) {
	t.Helper()
	var got int
	if err := db.Get(&got, query); err != nil || got != want {
		t.Errorf("%s gives %d (%v), want %d", query, got, err, want)
	}
}

func TestViolates(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t).Owner
	db.MustExec(`CREATE TABLE parent (id integer CONSTRAINT parent_pk PRIMARY KEY);
		CREATE TABLE child (id integer CONSTRAINT child_parent REFERENCES parent, n integer CONSTRAINT child_n CHECK (n > 0))`)
	tests := []struct{ query, constraint string }{
		{"INSERT INTO parent VALUES (1), (1)", "parent_pk"},
		{"INSERT INTO child VALUES (9, 1)", "child_parent"},
		{"INSERT INTO child VALUES (NULL, 0)", "child_n"},
	}
	for _, tc := range tests {
		_, err := db.Exec(tc.query)
		err = fmt.Errorf("wrapped: %w", err)
		if !database.Violates(err, tc.constraint) || database.Violates(err, "another") || database.Violates(err, "") {
			t.Errorf("%s: %v is not told for a violation of %s alone", tc.query, err, tc.constraint)
		}
		if database.IsRetryable(err) || database.IsUnavailable(err) {
			t.Errorf("%v passes for something to try again", err)
		}
	}
	if _, err := db.Exec("SELECT no_such_thing()"); database.Violates(err, "") {
		t.Errorf("%v passes for a violation", err)
	}
}

func TestIsRetryable(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t).Owner
	db.MustExec("CREATE TABLE pair (id integer PRIMARY KEY, n integer); INSERT INTO pair VALUES (1, 0), (2, 0); ALTER DATABASE " + currentDatabase(t, db) + " SET deadlock_timeout = '50ms'")
	a, b := db.MustBegin(), db.MustBegin()
	a.MustExec("UPDATE pair SET n = 1 WHERE id = 1")
	b.MustExec("UPDATE pair SET n = 1 WHERE id = 2")
	var group errgroup.Group
	var errs [2]error
	group.Go(func() error { _, errs[0] = a.Exec("UPDATE pair SET n = 2 WHERE id = 2"); return a.Rollback() })
	group.Go(func() error { _, errs[1] = b.Exec("UPDATE pair SET n = 2 WHERE id = 1"); return b.Rollback() })
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if database.IsRetryable(errs[0]) == database.IsRetryable(errs[1]) {
		t.Errorf("of a deadlock one side is retryable: %v, %v", errs[0], errs[1])
	}
	c, d := db.MustBegin(), db.MustBegin()
	c.MustExec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
	want(t, db, 2, "SELECT count(*) FROM pair")
	var n int
	if err := c.Get(&n, "SELECT n FROM pair WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	d.MustExec("UPDATE pair SET n = 5 WHERE id = 1")
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec("UPDATE pair SET n = 6 WHERE id = 1"); !database.IsRetryable(err) {
		t.Errorf("a serialization failure is not retryable: %v", err)
	}
	_ = c.Rollback()
}

func currentDatabase(t *testing.T, db *sqlx.DB) (name string) {
	t.Helper()
	if err := db.Get(&name, "SELECT current_database()"); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestIsUnavailable(t *testing.T) {
	t.Parallel()
	_, noSocket := database.Open(t.Context(), "host=/nowhere user=x")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	_, refused := database.Open(t.Context(), "sslmode=disable user=x host=127.0.0.1 port="+fmt.Sprint(listener.Addr().(*net.TCPAddr).Port))
	db := pgtest.Empty(t).Owner
	tx := db.MustBegin()
	var pid int
	if err := tx.Get(&pid, "SELECT pg_backend_pid()"); err != nil {
		t.Fatal(err)
	}
	db.MustExec("SELECT pg_terminate_backend($1, 5000)", pid)
	_, ended := tx.Exec("SELECT 1")
	_ = tx.Rollback()
	_, noFile := os.Open("/nowhere")
	_, noTable := db.Exec("SELECT * FROM nothing")
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"no socket", noSocket, true},
		{"nobody listens", refused, true},
		{"session ended by an administrator", ended, true},
		{"wrapped", fmt.Errorf("wrapped: %w", refused), true},
		{"nil", nil, false},
		{"a missing file", noFile, false},
		{"a missing table", noTable, false},
		{"cancelled by the caller", context.Canceled, false},
		{"anything else", errors.New("x"), false},
	}
	for _, tc := range tests {
		if got := database.IsUnavailable(tc.err); got != tc.want {
			t.Errorf("%s: IsUnavailable(%v) is %v", tc.name, tc.err, got)
		}
	}
}
