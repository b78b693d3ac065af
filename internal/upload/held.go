package upload

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"jianbiao/internal/apperr"
	"jianbiao/internal/blob"
)

// Held is an upload that nobody else works on.
type Held struct {
	State State
	id    string
	store *Store
}

// ID is what only its client knows.
func (h *Held) ID() string { return h.id }

// Hold runs do while no other request works on the upload; it waits for its turn
// until ctx ends. Error: upload.unknown, or that of do.
func (s *Store) Hold(ctx context.Context, id string, do func(*Held) error) error {
	if !idForm.MatchString(id) {
		return errUnknown
	}
	release, err := s.acquire(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	st, err := s.load(id)
	if err != nil {
		return err
	}
	return do(&Held{State: st, id: id, store: s})
}

func (s *Store) acquire(ctx context.Context, id string) (release func(), err error) {
	s.mu.Lock()
	l := s.held[id]
	if l == nil {
		l = &lock{token: make(chan struct{}, 1)}
		s.held[id] = l
	}
	l.users++
	s.mu.Unlock()
	leave := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(s.held, id)
		}
	}
	select {
	case l.token <- struct{}{}:
		return func() { <-l.token; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("wait for an upload: %w", ctx.Err())
	}
}

// join adds a verified chunk: first the bytes reach the disk, then the state
// says so. Bytes beyond the state, left by a crash in between, are cut off.
func (h *Held) join(chunk io.Reader, n int64) error {
	running, err := h.running()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(h.path(dataExt), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return blob.Full(fmt.Errorf("join a chunk: %w", err))
	}
	if err = f.Truncate(h.State.Offset); err == nil {
		_, err = f.Seek(h.State.Offset, io.SeekStart)
	}
	if err == nil {
		_, err = io.Copy(io.MultiWriter(f, running), chunk)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close(), coarse(h.path(dataExt))); err != nil {
		_ = os.Truncate(h.path(dataExt), h.State.Offset) // gives back what the disk has too little of
		return blob.Full(fmt.Errorf("join a chunk: %w", err))
	}
	next := h.State
	next.Offset += n
	if next.Running, err = marshal(running); err != nil {
		return err
	}
	return h.Save(next)
}

func marshal(h hash.Hash) ([]byte, error) {
	m, ok := h.(encoding.BinaryMarshaler)
	if !ok {
		return nil, errors.New("the digest cannot be kept")
	}
	return m.MarshalBinary()
}

func (h *Held) running() (hash.Hash, error) {
	sum := sm3.New()
	if h.State.Running == nil {
		return sum, nil
	}
	u, ok := sum.(encoding.BinaryUnmarshaler)
	if !ok {
		return nil, errors.New("the digest cannot be read back")
	}
	if err := u.UnmarshalBinary(h.State.Running); err != nil {
		return nil, fmt.Errorf("read back the digest: %w", err)
	}
	return sum, nil
}

// Save replaces the state. Error: storage.full.
func (h *Held) Save(st State) error {
	if err := h.store.save(h.id, st); err != nil {
		return err
	}
	h.State = st
	return nil
}

// Complete gives the digest of the whole file, or says that it is not there
// yet. Errors: upload.incomplete, upload.file_digest_mismatch.
func (h *Held) Complete() (string, error) {
	if h.State.Offset != h.State.Size {
		return "", apperr.New(apperr.Conflict, "upload.incomplete", errIncomplete, h.State.Offset, h.State.Size)
	}
	sum, err := h.running()
	if err != nil {
		return "", err
	}
	digest := digestOf(sum)
	if h.State.Digest != "" && h.State.Digest != digest {
		return "", errWhole
	}
	return digest, nil
}

// Open reads what was received, from its beginning; the caller closes it. The
// name is for blob.Folder.Adopt.
func (h *Held) Open() (*os.File, error) {
	f, err := os.Open(h.path(dataExt))
	if err != nil {
		return nil, fmt.Errorf("open an upload: %w", err)
	}
	return f, nil
}

// Finish keeps the answer for a client that did not get it, and drops the bytes.
// A power cut may lose the answer: what was answered is in the database.
func (h *Held) Finish(answer []byte) error {
	st := h.State
	st.Answer, st.Running = answer, nil
	if err := h.store.write(h.id, st, false); err != nil {
		return errors.Join(err, remove(h.path(dataExt)))
	}
	h.State = st
	return remove(h.path(dataExt))
}

// Remove forgets the upload with all its bytes.
func (h *Held) Remove() error {
	return errors.Join(remove(h.path(dataExt)), remove(h.path(stateExt)), remove(h.path(overExt)))
}

// Over says whether the deadline came upon the upload (see Unfinished).
func (h *Held) Over() bool {
	_, err := os.Stat(h.path(overExt))
	return err == nil
}

func (h *Held) path(ext string) string { return filepath.Join(h.store.dir, nameOf(h.id)+ext) }

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove an upload: %w", err)
	}
	return nil
}

// coarse gives a file the day as its time.
func coarse(path string) error {
	if err := os.Chtimes(path, today(), today()); err != nil {
		return fmt.Errorf("set the time of an upload: %w", err)
	}
	return nil
}

// Unfinished looks through the uploads that nobody has finished and marks those
// that are meant: mine judges their first n bytes and says how many bytes must be
// here at least. It says how many it marked. What is marked answers Over, and is
// not marked twice.
func (s *Store) Unfinished(n int, mine func(head []byte) (least int64, ok bool)) (int, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, fmt.Errorf("look through uploads: %w", err)
	}
	marked := 0
	var failures []error
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), dataExt)
		if !ok || adopted(e) {
			continue
		}
		head, err := headOf(filepath.Join(s.dir, e.Name()), n)
		if err != nil || len(head) < n {
			failures = append(failures, err)
			continue
		}
		least, ok := mine(head)
		if info, err := e.Info(); !ok || err != nil || info.Size() < least {
			continue
		}
		marked++
		failures = append(failures, mark(filepath.Join(s.dir, name+overExt)))
	}
	return marked, errors.Join(failures...)
}

func mark(path string) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return blob.Full(fmt.Errorf("mark an upload: %w", err))
	}
	return coarse(path)
}

func headOf(path string, n int) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // finished or removed meanwhile
	}
	if err != nil {
		return nil, fmt.Errorf("look through uploads: %w", err)
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, n)
	got, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("look through uploads: %w", err)
	}
	return head[:got], nil
}

// Expires is when an upload may be swept at the earliest, counted from now.
func Expires(now time.Time) time.Time { return now.Add(Lifetime).Truncate(time.Hour) }
