//go:build unix

package upload_test

import (
	"bytes"
	"context"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"jianbiao/internal/apperr"
	"jianbiao/internal/blob"
)

// The disk takes no more: a limit on the size of files stands for it, which the
// kernel enforces as it does a full disk, in the middle of a write. Nothing is
// half done, and the same chunk is taken when there is room again. Not parallel:
// the limit is that of the whole process.
func TestAppend_DiskFullAndFreeAgain(t *testing.T) {
	dir, want := t.TempDir(), content(300_000)
	s := open(t, dir)
	id := create(t, s, int64(len(want)))
	if _, err := send(s, id, 0, want[:60_000]); err != nil {
		t.Fatal(err)
	}
	free := limitFiles(t, 100_000)
	for name, piece := range map[string][]byte{"when it is received": want[60_000:], "when it is joined": want[60_000:150_000]} {
		st, err := send(s, id, 60_000, piece)
		if apperr.CodeOf(err) != "storage.full" || apperr.KindOf(err) != apperr.Unavailable || st.Offset != 60_000 {
			t.Errorf("%s: %+v %v", name, st, err)
		}
	}
	folder, err := blob.NewFolder(filepath.Join(dir, "files"))
	if err != nil {
		t.Fatal(err)
	}
	const name = "0b9f7a52-2d3c-4b0e-9a55-0d5a3c1a7b11"
	if _, err := folder.Put(context.Background(), name, bytes.NewReader(want)); apperr.CodeOf(err) != "storage.full" {
		t.Errorf("a file: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "files", "*", "*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	free()
	if _, err := send(s, id, 60_000, want[60_000:]); err != nil {
		t.Fatal(err)
	}
	if got, sum := read(t, s, id); !bytes.Equal(got, want) || sum != digest(want) {
		t.Error("what was received is not what was sent")
	}
}

func limitFiles(t *testing.T, most uint64) (free func()) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	set := func(to syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &to); err != nil {
			t.Fatal(err)
		}
	}
	set(syscall.Rlimit{Cur: most, Max: old.Max})
	done := false
	free = func() {
		if !done {
			done = true
			set(old)
		}
	}
	t.Cleanup(free)
	return free
}
