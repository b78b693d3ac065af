package pgtest_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"jianbiao/internal/database"
	"jianbiao/internal/database/pgtest"
)

// failEnv makes TestFailing fail; only a child of TestNew_keepsTheDatabase… sets it.
const failEnv = "JIANBIAO_PGTEST_FAIL"

func TestNew_worksUnderTheRestrictedRole(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var who, zone string
	if err := db.App.QueryRow("SELECT current_user, current_setting('timezone')").Scan(&who, &zone); err != nil {
		t.Fatal(err)
	}
	if who != database.AppRole || zone != "Asia/Kathmandu" {
		t.Errorf("the application works as %s in %s, want %s in Asia/Kathmandu", who, zone, database.AppRole)
	}
	if _, err := db.App.Exec("CREATE TABLE not_allowed (n integer)"); err == nil {
		t.Error("the application may make tables")
	}
	var migrated int
	if err := db.Owner.Get(&migrated, "SELECT count(*) FROM goose_db_version WHERE version_id > 0"); err != nil || migrated == 0 {
		t.Errorf("%d migrations ran (%v)", migrated, err)
	}
}

func TestNew_givesEveryTestItsOwn(t *testing.T) {
	t.Parallel()
	watcher := pgtest.Empty(t)
	var names []string
	t.Run("group", func(t *testing.T) {
		for range 2 {
			db := pgtest.New(t)
			names = append(names, db.Name)
			if _, err := db.Owner.Exec("CREATE TABLE mine (n integer)"); err != nil {
				t.Errorf("somebody was here before: %v", err)
			}
		}
	})
	for _, name := range names {
		if there(t, watcher, name) {
			t.Errorf("%s is left behind by a test that passed", name)
		}
	}
}

func there(t *testing.T, db *pgtest.DB, name string) (found bool) {
	t.Helper()
	if err := db.Owner.Get(&found, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestFailing is the child's part: it says its database's name and fails when
// it is told to.
func TestFailing(t *testing.T) {
	db := pgtest.Empty(t)
	if os.Getenv(failEnv) != "" {
		fmt.Println("database", db.Name)
		t.Error("told to fail")
	}
}

func TestNew_keepsTheDatabaseOfAFailedTest(t *testing.T) {
	t.Parallel()
	watcher := pgtest.Empty(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestFailing$", "-test.v")
	cmd.Env = append(os.Environ(), failEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("the child passed: %s", out)
	}
	_, rest, _ := strings.Cut(string(out), "database ")
	name, _, _ := strings.Cut(rest, "\n")
	if !there(t, watcher, name) || !strings.Contains(rest, "psql") {
		t.Errorf("%q is not kept or not named: %s", name, out)
	}
	if _, err := watcher.Owner.Exec("DROP DATABASE " + name); err != nil {
		t.Error(err)
	}
}

// Test programs that begin at once share one cluster, whichever starts it.
func TestStart_sharedByProgramsThatBeginAtOnce(t *testing.T) {
	t.Parallel()
	here, err := pgtest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(here, "jianbiao-pgtest") {
		t.Errorf("the cluster is at %s", here)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	failures := make(chan error, 4)
	for range cap(failures) {
		go func() {
			out, err := exec.Command(exe, "-test.run=^TestFailing$").CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			failures <- err
		}()
	}
	for range cap(failures) {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
}
