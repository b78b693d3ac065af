package database_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
)

func TestStart_refusesASecondOne(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, dir)
	_, err := database.Start(t.Context(), options(dir))
	if apperr.CodeOf(err) != "database.in_use" {
		t.Fatalf("a second start: %v, want database.in_use", err)
	}
	if e, _ := apperr.From(err); !strings.Contains(e.Detail, strconv.Itoa(os.Getpid())) {
		t.Errorf("the refusal does not name the holder: %s", e.Detail)
	}
	remember(t, s, 1)
	recall(t, s, 1)
}

func TestStart_refusesAnotherMajorVersion(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, dir)
	remember(t, s, 5)
	stop(t, s)
	path := filepath.Join(dir, "postgres", "data", "PG_VERSION")
	right, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rewrite(t, path, "12\n")
	_, err = database.Start(t.Context(), options(dir))
	if apperr.CodeOf(err) != "database.version_mismatch" {
		t.Fatalf("start on a cluster of version 12: %v, want database.version_mismatch", err)
	}
	if e, _ := apperr.From(err); !strings.Contains(e.Detail, "PostgreSQL 12") {
		t.Errorf("the refusal does not name the version: %s", e.Detail)
	}
	rewrite(t, path, string(right))
	recall(t, start(t, dir), 5)
}

// rewrite replaces a file's content and keeps its owner.
func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStart_leavesAFolderAloneThatIsNoCluster(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	data := filepath.Join(dir, "postgres", "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	rewrite(t, filepath.Join(data, "precious"), "mine")
	_, err := database.Start(t.Context(), options(dir))
	if apperr.CodeOf(err) != "database.not_a_cluster" {
		t.Errorf("start: %v, want database.not_a_cluster", err)
	}
	if text, err := os.ReadFile(filepath.Join(data, "precious")); err != nil || string(text) != "mine" {
		t.Errorf("the file became %q (%v)", text, err)
	}
}

func TestStart_refusesAFolderThatCannotBeMade(t *testing.T) {
	t.Parallel()
	file := filepath.Join(folder(t), "file")
	rewrite(t, file, "")
	for _, dir := range []string{filepath.Join(file, "data"), ""} {
		if _, err := database.Start(t.Context(), options(dir)); apperr.CodeOf(err) != "database.folder_unusable" {
			t.Errorf("start in %q: %v, want database.folder_unusable", dir, err)
		}
	}
}

// Root may be stopped by a parent that belongs to somebody else: no account
// passes, and in a user namespace root owns only what is root's.
func TestStart_refusesAFolderThatNoAccountReaches(t *testing.T) {
	t.Parallel()
	parent := filepath.Join(folder(t), "parent")
	if err := os.Mkdir(parent, 0o700); err != nil {
		t.Fatal(err)
	}
	want := "database.folder_closed"
	if os.Geteuid() == 0 {
		if err := os.Chown(parent, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	} else {
		want = "database.folder_unusable"
		if err := os.Chmod(parent, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := database.Start(t.Context(), options(filepath.Join(parent, "data"))); apperr.CodeOf(err) != want {
		t.Errorf("start: %v, want %s", err, want)
	}
}

// What PostgreSQL says when it refuses to start is in the cause, for the log.
func TestStart_saysWhyPostgreSQLDoesNotStart(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	stop(t, start(t, dir))
	conf := filepath.Join(dir, "postgres", "data", "postgresql.conf")
	right, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	rewrite(t, conf, "no_such_setting = 1\n")
	_, err = database.Start(t.Context(), options(dir))
	if apperr.CodeOf(err) != "database.start_failed" || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("start: %v, want database.start_failed with the reason", err)
	}
	rewrite(t, conf, string(right))
	start(t, dir) // the refused start has given up the lock
}

func TestStart_saysWhenTheAddressAnswersNot(t *testing.T) {
	t.Parallel()
	tests := []struct{ address, code string }{
		{"postgres://jianbiao:hush@127.0.0.1:1/x?sslmode=disable", "database.unreachable"},
		{"host=/nowhere user=jianbiao password=hush", "database.unreachable"},
		{"postgres://jianbiao:hush@host:port/x", "database.url_invalid"},
	}
	for _, tc := range tests {
		_, err := database.Start(t.Context(), database.Options{DatabaseURL: tc.address})
		if apperr.CodeOf(err) != tc.code {
			t.Errorf("%s: %v, want %s", tc.address, err, tc.code)
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("the error gives the password away: %v", err)
		}
	}
}

func TestFindBinaries(t *testing.T) {
	t.Parallel()
	fake := func(version string) string {
		dir := folder(t)
		for _, name := range []string{"postgres", "initdb"} {
			script := "#!/bin/sh\necho '" + name + " (PostgreSQL) " + version + "'\n"
			if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	old, good, newer := fake("13.4"), fake("15.18 (Debian 15.18-0+deb12u1)"), fake("18.4")
	tests := []struct {
		name    string
		folders []string
		major   int
		code    string
	}{
		{"the first that is new enough", []string{"/nowhere", old, good, newer}, 0, ""},
		{"the cluster's own version", []string{good, newer}, 18, ""},
		{"none of the cluster's version", []string{good, newer}, 16, "database.version_mismatch"},
		{"too old for a new cluster", []string{old}, 0, "database.version_too_old"},
		{"none at all", []string{"/nowhere"}, 0, "database.binaries_missing"},
		{"none at all for a cluster", nil, 15, "database.version_mismatch"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := database.FindBinaries(t.Context(), tc.folders, tc.major)
			if apperr.CodeOf(err) != tc.code || (err == nil) != (tc.code == "") {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
}
