package backup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// bytes adds a small member.
func (w *writer) bytes(name string, b []byte) error {
	return w.put(name, int64(len(b)), bytes.NewReader(b))
}

// fileName is the form of a stored file's name (package blob).
var fileName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{7,127}$`)

// shadow holds on to the platform's files while a backup is made: links beside
// them, which stay when a file is removed. Files never change under a name.
type shadow struct{ files, dir string }

// shadowPrefix begins the name of the folder of links; one that a killed backup
// left behind is removed by the next.
const shadowPrefix = ".backup-links-"

func newShadow(data string) (*shadow, error) {
	left, err := filepath.Glob(filepath.Join(data, shadowPrefix+"*"))
	if err != nil {
		return nil, fmt.Errorf("look for old links: %w", err)
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("remove old links: %w", err)
		}
	}
	dir, err := os.MkdirTemp(data, shadowPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a folder for links: %w", err)
	}
	return &shadow{files: filepath.Join(data, "files"), dir: dir}, nil
}

func (s *shadow) remove() error { return os.RemoveAll(s.dir) }

// link holds on to every file that is there now.
func (s *shadow) link() error {
	list, err := os.ReadDir(s.files)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list the files: %w", err)
	}
	for _, f := range list {
		if !f.Type().IsRegular() || !fileName.MatchString(f.Name()) {
			continue
		}
		err := os.Link(filepath.Join(s.files, f.Name()), filepath.Join(s.dir, f.Name()))
		if err != nil && !errors.Is(err, os.ErrExist) && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("hold on to a file: %w", err)
		}
	}
	return nil
}

func (s *shadow) names() ([]string, error) {
	list, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list the files: %w", err)
	}
	names := make([]string, len(list))
	for i, f := range list {
		names[i] = f.Name()
	}
	slices.Sort(names)
	return names, nil
}

// put adds one file to the archive and gives its size.
func (s *shadow) put(w *writer, name string) (int64, error) {
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		return 0, fmt.Errorf("read a file: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("read a file: %w", err)
	}
	return info.Size(), w.put(filePrefix+name, info.Size(), f)
}
