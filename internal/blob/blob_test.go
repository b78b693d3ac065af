package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jianbiao/internal/blob"
)

var ctx = context.Background()

const name = "0b9f7a52-2d3c-4b0e-9a55-0d5a3c1a7b11"

func folder(t *testing.T) (*blob.Folder, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "files")
	f, err := blob.NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f, dir
}

func read(t *testing.T, f *blob.Folder, name string) string {
	t.Helper()
	r, err := f.Open(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func left(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	if err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFolder_PutOpenStatDelete(t *testing.T) {
	t.Parallel()
	f, dir := folder(t)
	if n, err := f.Put(ctx, name, strings.NewReader("密封")); err != nil || n != 6 {
		t.Fatalf("%d %v", n, err)
	}
	if got := read(t, f, name); got != "密封" {
		t.Errorf("%q", got)
	}
	if n, err := f.Stat(ctx, name); err != nil || n != 6 {
		t.Errorf("%d %v", n, err)
	}
	if _, err := f.Put(ctx, name, strings.NewReader("again")); err != nil || read(t, f, name) != "again" {
		t.Error("a second Put of one name does not take the place of the first")
	}
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil || !info.ModTime().Equal(info.ModTime().UTC().Truncate(24*time.Hour)) {
		t.Errorf("the file tells when within its day it came: %s %v", info.ModTime(), err)
	}
	if err := errors.Join(f.Delete(ctx, name), f.Delete(ctx, name)); err != nil {
		t.Error(err)
	}
	if _, err := f.Open(ctx, name); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("open what is gone: %v", err)
	}
	if _, err := f.Stat(ctx, name); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("stat what is gone: %v", err)
	}
}

func TestFolder_RefusesNamesThatLeadElsewhere(t *testing.T) {
	t.Parallel()
	f, dir := folder(t)
	for _, bad := range []string{"", "short", "../../etc/passwd", "partial/../../x", "UPPERCASE-NAME", "with space in it", "a\x00bcdefgh", strings.Repeat("a", 129), "-begins-with-it"} {
		if _, err := f.Put(ctx, bad, strings.NewReader("x")); err == nil {
			t.Errorf("put %q", bad)
		}
		if _, err := f.Open(ctx, bad); err == nil || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("open %q: %v", bad, err)
		}
		if err := f.Delete(ctx, bad); err == nil {
			t.Errorf("delete %q", bad)
		}
	}
	if left(t, dir) != 0 {
		t.Error("something was written")
	}
}

type breaks struct{ r io.Reader }

func (b breaks) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("the line broke")
	}
	return n, err
}

func TestFolder_FailedPutLeavesNothing(t *testing.T) {
	t.Parallel()
	f, dir := folder(t)
	if _, err := f.Put(ctx, name, breaks{strings.NewReader("half")}); err == nil {
		t.Fatal("a broken line was taken")
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := f.Put(gone, name, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Put: %v", err)
	}
	if left(t, dir) != 0 {
		t.Errorf("%d files are left", left(t, dir))
	}
	if _, err := f.Put(ctx, name, strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Put(ctx, name, breaks{strings.NewReader("half")}); err == nil || read(t, f, name) != "whole" {
		t.Error("a broken Put spoilt what was there")
	}
}

func TestNewFolder_RemovesWhatACrashLeft(t *testing.T) {
	t.Parallel()
	f, dir := folder(t)
	if _, err := f.Put(ctx, name, strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "partial", "put-1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := blob.NewFolder(dir)
	if err != nil || left(t, dir) != 1 || read(t, again, name) != "whole" {
		t.Errorf("%d files, %v", left(t, dir), err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
}

// Whoever reads while others write under the same name sees one whole file.
func TestFolder_ReadersSeeWholeFiles(t *testing.T) {
	t.Parallel()
	f, _ := folder(t)
	a, b := bytes.Repeat([]byte("a"), 200_000), bytes.Repeat([]byte("b"), 200_000)
	if _, err := f.Put(ctx, name, bytes.NewReader(a)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 10 {
				if _, err := f.Put(ctx, name, bytes.NewReader([][]byte{a, b}[i%2])); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 20 {
				r, err := f.Open(ctx, name)
				if err != nil {
					t.Error(err)
					continue
				}
				raw, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(raw, a) && !bytes.Equal(raw, b) {
					t.Errorf("%d bytes of a mixture, %v", len(raw), err)
				}
				_ = r.Close()
			}
		})
	}
	wg.Wait()
}
