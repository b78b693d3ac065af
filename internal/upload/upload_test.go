package upload_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"jianbiao/internal/apperr"
	"jianbiao/internal/upload"
)

func digest(b []byte) string {
	sum := sm3.Sum(b)
	return "sm3:" + hex.EncodeToString(sum[:])
}

func content(n int) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{7})
	_, _ = rng.Read(b)
	return b
}

func open(t *testing.T, dir string) *upload.Store {
	t.Helper()
	s, err := upload.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t *testing.T, s *upload.Store, size int64) string {
	t.Helper()
	id, err := s.Create("p", upload.File, size, "")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func code(t *testing.T, what string, err error, want string) {
	t.Helper()
	if apperr.CodeOf(err) != want {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
}

func send(s *upload.Store, id string, at int64, b []byte) (upload.State, error) {
	return s.Append(context.Background(), id, at, digest(b), bytes.NewReader(b))
}

// read gives what has been received, and its digest when it is complete.
func read(t *testing.T, s *upload.Store, id string) (got []byte, sum string) {
	t.Helper()
	if err := s.Hold(context.Background(), id, func(h *upload.Held) error {
		f, err := h.Open()
		if err != nil {
			return err
		}
		defer f.Close()
		if got, err = io.ReadAll(f); err != nil {
			return err
		}
		sum, err = h.Complete()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return got, sum
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the line broke") }

// The line breaks within every chunk and after every chunk, and the server is
// started again each time.
func TestAppend_InterruptedEverywhereAndResumed(t *testing.T) {
	t.Parallel()
	dir, want := t.TempDir(), content(300_000)
	const chunk = 1 << 15
	s := open(t, dir)
	id := create(t, s, int64(len(want)))
	for at := 0; at < len(want); at += chunk {
		piece := want[at:min(at+chunk, len(want))]
		for _, cut := range []int{0, 1, len(piece) / 2, len(piece) - 1} {
			st, err := s.Append(context.Background(), id, int64(at), digest(piece), io.MultiReader(bytes.NewReader(piece[:cut]), broken{}))
			code(t, "broken", err, "upload.interrupted")
			if st.Offset != int64(at) {
				t.Fatalf("after a break at %d+%d the offset is %d", at, cut, st.Offset)
			}
			st, err = s.Append(context.Background(), id, int64(at), digest(piece), bytes.NewReader(piece[:cut]))
			code(t, "truncated", err, "upload.digest_mismatch")
			if st.Offset != int64(at) {
				t.Fatalf("a truncated chunk moved the offset to %d", st.Offset)
			}
		}
		s = open(t, dir)
		if st, err := s.Stat(id); err != nil || st.Offset != int64(at) {
			t.Fatalf("after a restart at %d: %+v %v", at, st, err)
		}
		if _, err := send(s, id, int64(at), piece); err != nil {
			t.Fatal(err)
		}
	}
	got, sum := read(t, s, id)
	if !bytes.Equal(got, want) || sum != digest(want) {
		t.Error("what was received is not what was sent")
	}
}

// Bytes that a crash left beyond the state are not taken for received ones.
func TestAppend_CutsOffWhatACrashLeft(t *testing.T) {
	t.Parallel()
	dir, want := t.TempDir(), content(20_000)
	s := open(t, dir)
	id := create(t, s, int64(len(want)))
	if _, err := send(s, id, 0, want[:10_000]); err != nil {
		t.Fatal(err)
	}
	data, err := filepath.Glob(filepath.Join(dir, "*.data"))
	if err != nil || len(data) != 1 {
		t.Fatal(data, err)
	}
	f, err := os.OpenFile(data[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content(15_000)); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "spool", "chunk-1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if left, _ := os.ReadDir(filepath.Join(dir, "spool")); len(left) != 0 {
		t.Error("a half received chunk is left")
	}
	if _, err := send(s, id, 10_000, want[10_000:]); err != nil {
		t.Fatal(err)
	}
	if got, sum := read(t, s, id); !bytes.Equal(got, want) || sum != digest(want) {
		t.Error("what was received is not what was sent")
	}
}

func TestAppend_Refusals(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	b := content(1000)
	id := create(t, s, 2000)
	ctx := context.Background()
	_, err := send(s, id, 5, b)
	code(t, "a wrong offset", err, "upload.offset")
	if e, _ := apperr.From(err); !strings.Contains(e.Detail, "第 0 个字节") {
		t.Error(e.Detail)
	}
	_, err = s.Append(ctx, id, 0, "", bytes.NewReader(b))
	code(t, "no digest", err, "upload.digest_missing")
	_, err = s.Append(ctx, id, 0, digest(b), bytes.NewReader(b[1:]))
	code(t, "another digest", err, "upload.digest_mismatch")
	_, err = s.Append(ctx, id, 0, digest(b), io.MultiReader(bytes.NewReader(b), zeros{}))
	code(t, "more than announced", err, "upload.too_long")
	_, err = send(s, strings.Repeat("0", 32), 0, b)
	code(t, "an unknown id", err, "upload.unknown")
	_, err = send(s, "../../../etc/passwd", 0, b)
	code(t, "an id that is a path", err, "upload.unknown")
	big := create(t, s, 100<<20)
	_, err = s.Append(ctx, big, 0, digest(b), zeros{})
	code(t, "an endless chunk", err, "upload.chunk_too_large")
	for _, c := range []struct {
		purpose upload.Purpose
		size    int64
		digest  string
		want    string
	}{{"x", 1, "", "upload.purpose"}, {upload.File, 0, "", "upload.size"}, {upload.File, -1, "", "upload.size"},
		{upload.File, 1, "md5:1", "upload.digest_missing"}, {upload.File, 1 << 60, "", "storage.full"}} {
		_, err := s.Create("p", c.purpose, c.size, c.digest)
		code(t, "create", err, c.want)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestCreate_CountsOnePersonsUploads(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	var err error
	for range 401 {
		_, err = s.Create("p", upload.File, 1, "")
	}
	code(t, "the 401st of a day", err, "upload.too_many")
	if _, err := s.Create("q", upload.File, 1, ""); err != nil {
		t.Errorf("another person: %v", err)
	}
}

// Two clients send one upload at once: every chunk is joined once, and who comes
// second is told where to go on.
func TestAppend_TwoClientsOneUpload(t *testing.T) {
	t.Parallel()
	s, want := open(t, t.TempDir()), content(200_000)
	id := create(t, s, int64(len(want)))
	const chunk = 9_000
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			at := int64(0)
			for at < int64(len(want)) {
				st, err := send(s, id, at, want[at:min(at+chunk, int64(len(want)))])
				if err != nil && apperr.CodeOf(err) != "upload.offset" {
					t.Error(err)
					return
				}
				at = st.Offset
			}
		})
	}
	wg.Wait()
	if got, sum := read(t, s, id); !bytes.Equal(got, want) || sum != digest(want) {
		t.Error("what was received is not what was sent")
	}
}

func TestComplete_WantsTheWholeFile(t *testing.T) {
	t.Parallel()
	s, b := open(t, t.TempDir()), content(1000)
	id, err := s.Create("p", upload.File, 1000, digest(b))
	if err != nil {
		t.Fatal(err)
	}
	complete := func(id string) error {
		return s.Hold(context.Background(), id, func(h *upload.Held) error { _, err := h.Complete(); return err })
	}
	if _, err := send(s, id, 0, b[:999]); err != nil {
		t.Fatal(err)
	}
	code(t, "truncated", complete(id), "upload.incomplete")
	if _, err := send(s, id, 999, []byte{b[999] + 1}); err != nil {
		t.Fatal(err)
	}
	code(t, "changed on the way", complete(id), "upload.file_digest_mismatch")
}

// Who has the disk learns neither the id nor what an upload is for; no file has a
// time finer than the day.
func TestStore_TellsTheDiskNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, b := open(t, dir), content(5000)
	id, err := s.Create("3f0e8a1c-person", upload.Bid, 9000, digest(b))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := send(s, id, 0, b); err != nil {
		t.Fatal(err)
	}
	begun := time.Date(2026, 3, 24, 9, 29, 59, 0, time.UTC)
	if err := s.Hold(context.Background(), id, func(h *upload.Held) error {
		st := h.State
		st.Begun = &begun
		return h.Save(st)
	}); err != nil {
		t.Fatal(err)
	}
	for _, path := range list(t, dir) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{id, "person", "bid", "2026-03-24", "purpose"} {
			if strings.Contains(filepath.Base(path), word) || bytes.Contains(raw, []byte(word)) {
				t.Errorf("%s says %q", path, word)
			}
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if !info.ModTime().UTC().Equal(info.ModTime().UTC().Truncate(24 * time.Hour)) {
			t.Errorf("%s says when it was written: %s", path, info.ModTime())
		}
	}
	if st, err := open(t, dir).Stat(id); err != nil || st.Begun == nil || !st.Begun.Equal(begun) {
		t.Errorf("a restart forgot when the bid began: %+v %v", st, err)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestSweep_RemovesWhatLiesStill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	old, young := create(t, s, 100), create(t, s, 100)
	for _, id := range []string{old, young} {
		if _, err := send(s, id, 0, content(50)); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	for _, path := range list(t, dir) {
		raw, _ := os.ReadFile(path)
		if len(raw) == 0 {
			t.Fatal("an empty file")
		}
	}
	if n, err := s.Sweep(now); n != 0 || err != nil {
		t.Errorf("fresh uploads were swept: %d %v", n, err)
	}
	for _, path := range list(t, dir) {
		if err := os.Chtimes(path, now.Add(-49*time.Hour), now.Add(-49*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := send(s, young, 50, content(10)); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(now); n != 1 || err != nil {
		t.Errorf("swept %d %v", n, err)
	}
	_, err := s.Stat(old)
	code(t, "the old one", err, "upload.unknown")
	if st, err := s.Stat(young); err != nil || st.Offset != 60 {
		t.Errorf("the one gone on with: %+v %v", st, err)
	}
	if err := s.Remove(context.Background(), young); err != nil || len(list(t, dir)) != 0 {
		t.Errorf("after cancelling: %v %v", err, list(t, dir))
	}
	if err := s.Remove(context.Background(), young); err != nil {
		t.Errorf("cancelling twice: %v", err)
	}
}
