package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"jianbiao/internal/apperr"
)

// maxSmall bounds the members that are read whole: head, manifest, signature.
const maxSmall = 1 << 30

var errDamaged = apperr.New(apperr.Invalid, "backup.damaged", "备份文件已损坏或不完整，没有恢复任何数据：请改用另一份备份。")

func damaged(format string, args ...any) error {
	return errDamaged.Because(fmt.Errorf(format, args...))
}

// Verify reads an archive from end to end and compares every member with the
// manifest. Errors: backup.unreadable, backup.not_backup, backup.newer,
// backup.damaged.
func Verify(ctx context.Context, path string) (Manifest, error) {
	m, _, err := verify(ctx, path)
	return m, err
}

// seen is what a pass over an archive found.
type seen struct {
	head     Head
	members  []Member
	manifest []byte
	sig      signature
}

func verify(ctx context.Context, path string) (Manifest, signature, error) {
	var s seen
	err := walk(ctx, path, func(name string, r io.Reader) error { return s.member(name, r) })
	if err != nil {
		return Manifest{}, signature{}, err
	}
	m, err := s.judge()
	return m, s.sig, err
}

// member takes in one member.
func (s *seen) member(name string, r io.Reader) error {
	if s.manifest != nil && name != sigName {
		return damaged("%s follows the manifest", name)
	}
	if name == manifestName || name == sigName || name == headName {
		b, err := io.ReadAll(io.LimitReader(r, maxSmall))
		if err != nil {
			return damaged("read %s: %w", name, err)
		}
		return s.small(name, b)
	}
	if s.head.ID == "" {
		return errNotBackup
	}
	return s.sum(name, r)
}

func (s *seen) sum(name string, r io.Reader) error {
	sum := newSumming()
	if _, err := io.Copy(sum, r); err != nil {
		return damaged("read %s: %w", name, err)
	}
	s.members = append(s.members, sum.member(name))
	return nil
}

func (s *seen) small(name string, b []byte) error {
	switch name {
	case headName:
		if err := readJSON(bytes.NewReader(b), &s.head); err != nil || s.head.ID == "" {
			return errNotBackup.Because(err)
		}
		if s.head.Format > Format {
			return errNewer
		}
		return s.sum(name, bytes.NewReader(b))
	case manifestName:
		s.manifest = b
		return nil
	default:
		if err := readJSON(bytes.NewReader(b), &s.sig); err != nil {
			return damaged("read the signature: %w", err)
		}
		return nil
	}
}

// judge compares what was found with the manifest.
func (s *seen) judge() (m Manifest, err error) {
	if s.manifest == nil {
		return m, damaged("the manifest is missing")
	}
	if err := readJSON(bytes.NewReader(s.manifest), &m); err != nil {
		return m, damaged("read the manifest: %w", err)
	}
	if m.Head != s.head || len(m.Members) != len(s.members) {
		return m, damaged("%d members of %s, the manifest has %d of %s", len(s.members), s.head.ID, len(m.Members), m.ID)
	}
	for i, got := range s.members {
		if got != m.Members[i] {
			return m, damaged("%s is not what the manifest says", got.Name)
		}
	}
	if len(s.sig.PublicKey) != 0 && (len(s.sig.PublicKey) != ed25519.PublicKeySize ||
		!ed25519.Verify(s.sig.PublicKey, append([]byte(sigTag), s.manifest...), s.sig.Signature)) {
		return m, damaged("the signature of the manifest is false")
	}
	return m, nil
}

var (
	errNotBackup = apperr.New(apperr.Invalid, "backup.not_backup", "这不是见标的备份文件。")
	errNewer     = apperr.New(apperr.Precondition, "backup.newer", "这份备份由更新版本的程序生成：请先升级程序，再恢复。")
)

// walk gives every member of an archive to visit, in order.
func walk(ctx context.Context, path string, visit func(name string, r io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return apperr.New(apperr.Invalid, "backup.unreadable", "不能读取备份文件 %s：请核对路径和权限。", path).Because(err)
	}
	defer func() { _ = f.Close() }()
	zip, err := gzip.NewReader(f)
	if err != nil {
		return errNotBackup.Because(err)
	}
	archive := tar.NewReader(zip)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			// The rest is read for the checksum of the compression.
			if _, err := io.Copy(io.Discard, zip); err != nil { //nolint:gosec // nothing is kept of it, and ctx ends it
				return damaged("end of the archive: %w", err)
			}
			return nil
		}
		if err != nil {
			return damaged("read the archive: %w", err)
		}
		if h.Typeflag != tar.TypeReg || !known(h.Name) {
			return damaged("unexpected member %q", h.Name)
		}
		if err := visit(h.Name, archive); err != nil {
			return err
		}
	}
}

// known says whether a member's name is one of the format; no other name ever
// becomes a path.
func known(name string) bool {
	if name == headName || name == manifestName || name == sigName {
		return true
	}
	if rest, ok := strings.CutPrefix(name, filePrefix); ok {
		return fileName.MatchString(rest)
	}
	return strings.HasPrefix(name, tablePrefix) && tableOf(name) != ""
}

// tableOf is the table of a member tables/<name>/<number>.jsonl, "" for another.
func tableOf(name string) string {
	rest, ok := strings.CutPrefix(name, tablePrefix)
	table, part, found := strings.Cut(rest, "/")
	if !ok || !found || !strings.HasSuffix(part, ".jsonl") || strings.Contains(part, "/") {
		return ""
	}
	return table
}

// platformKey reads the public receipt key out of a ring, nil when it is not in it.
func (k keyring) platformKey() ed25519.PublicKey {
	var f struct {
		Seed []byte `json:"ed25519Seed"`
	}
	if json.Unmarshal(k.Files["platform.json"], &f) != nil || len(f.Seed) != ed25519.SeedSize {
		return nil
	}
	pub, ok := ed25519.NewKeyFromSeed(f.Seed).Public().(ed25519.PublicKey)
	if !ok {
		return nil
	}
	return pub
}
