// Package blob keeps the platform's files (documents, sealed envelopes) behind
// four methods, so that a local folder can give way to an object store. Names
// are chosen by the platform, never by a person.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"jianbiao/internal/apperr"
)

// ErrNotFound is returned for a name that holds nothing.
var ErrNotFound = errors.New("blob: not found")

// Store keeps immutable files.
type Store interface {
	// Put stores all of r under name; a reader sees the whole file or none. A
	// failed Put leaves nothing behind.
	Put(ctx context.Context, name string, r io.Reader) (int64, error)
	// Open gives random access to the file; the caller closes it.
	Open(ctx context.Context, name string) (File, error)
	// Stat is the size in bytes.
	Stat(ctx context.Context, name string) (int64, error)
	// Delete removes the file; a missing one is no error.
	Delete(ctx context.Context, name string) error
}

// ErrFull is told to people when the disk has no room left; nothing is half
// stored then, and what was asked for can be done once there is room again.
var ErrFull = apperr.New(apperr.Unavailable, "storage.full",
	"平台的存储空间不够了，这一次没有收下，已经收下的都在：请过几分钟再试；仍不行请立即联系交易中心。")

// Full turns an error of a disk without room (or beyond a quota) into ErrFull;
// others pass.
func Full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return ErrFull.Because(err)
	}
	return err
}

// Adopter is a Store that takes over a file of the local disk without copying
// it.
type Adopter interface {
	// Adopt stores the file at path under name, as Put would; path stays.
	Adopt(ctx context.Context, name, path string) error
}

// File is one stored file.
type File interface {
	io.ReaderAt
	io.Reader
	io.Closer
}

// Folder is a Store in a local folder.
type Folder struct {
	dir  string
	sync shared // of the folder itself, so that a name survives a power cut
}

// NewFolder makes the folder (mode 0700) and removes what an interrupted Put
// left in it.
func NewFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(filepath.Join(dir, partial), 0o700); err != nil {
		return nil, fmt.Errorf("blob folder: %w", err)
	}
	left, err := os.ReadDir(filepath.Join(dir, partial))
	if err != nil {
		return nil, fmt.Errorf("blob folder: %w", err)
	}
	for _, f := range left {
		if err := os.Remove(filepath.Join(dir, partial, f.Name())); err != nil {
			return nil, fmt.Errorf("blob folder: remove a partial file: %w", err)
		}
	}
	f := &Folder{dir: dir}
	f.sync.do = func() error { return syncFolder(dir) }
	return f, nil
}

const partial = "partial"

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{7,127}$`)

func (f *Folder) path(name string) (string, error) {
	if !nameForm.MatchString(name) {
		return "", fmt.Errorf("blob: bad name %q", name)
	}
	return filepath.Join(f.dir, name), nil
}

// Put implements Store. The file's times are set to the beginning of their day,
// so that a listing of the folder says nothing about when within it.
func (f *Folder) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	path, err := f.path(name)
	if err != nil {
		return 0, err
	}
	tmp, err := os.CreateTemp(filepath.Join(f.dir, partial), "put-*")
	if err != nil {
		return 0, Full(fmt.Errorf("blob: %w", err))
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone already after the rename
	n, err := io.Copy(tmp, contextReader{ctx, r})
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return 0, Full(fmt.Errorf("blob: write: %w", err))
	}
	if info, err := os.Stat(tmp.Name()); err == nil {
		day := info.ModTime().UTC().Truncate(24 * time.Hour)
		if err := os.Chtimes(tmp.Name(), day, day); err != nil {
			return 0, fmt.Errorf("blob: %w", err)
		}
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return 0, Full(fmt.Errorf("blob: %w", err))
	}
	return n, f.sync.wait()
}

// Adopt implements Adopter by a link, and by a copy where the file lies on
// another disk.
func (f *Folder) Adopt(ctx context.Context, name, path string) error {
	to, err := f.path(name)
	if err != nil {
		return err
	}
	err = os.Link(path, to)
	switch {
	case err == nil:
		return f.sync.wait()
	case errors.Is(err, os.ErrExist), errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("blob: adopt: %w", err)
	}
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("blob: adopt: %w", err)
	}
	defer func() { _ = file.Close() }()
	_, err = f.Put(ctx, name, file)
	return err
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// Open implements Store.
func (f *Folder) Open(_ context.Context, name string) (File, error) {
	path, err := f.path(name)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	return file, nil
}

// Stat implements Store.
func (f *Folder) Stat(_ context.Context, name string) (int64, error) {
	path, err := f.path(name)
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("blob: %w", err)
	}
	return info.Size(), nil
}

// Delete implements Store.
func (f *Folder) Delete(_ context.Context, name string) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// contextReader stops a copy when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// Capped reads from R and refuses with Refusal what goes beyond Left bytes.
type Capped struct {
	R       io.Reader
	Left    int64
	Refusal error
}

// Read implements io.Reader.
func (c *Capped) Read(p []byte) (int, error) {
	n, err := c.R.Read(p)
	if c.Left -= int64(n); c.Left < 0 {
		return 0, c.Refusal
	}
	return n, err
}
