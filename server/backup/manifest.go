// Package backup copies a platform while it runs and puts a copy back: `jianbiao
// backup` and `jianbiao restore` (备份与恢复).
//
// The archive FILE is a gzipped tar:
//
//	backup.json                 what this is, before anything else
//	tables/<name>/000001.jsonl  the rows of one snapshot, each an array of texts
//	files/<name>                the platform's files, bytes as they are
//	manifest.json               the digest of every member above, the rows of every table
//	manifest.sig                Ed25519 by the platform's receipt key over the manifest
//
// The private keys are not in it. They stand in FILE.keys, encrypted under a
// passphrase (Argon2id, XChaCha20-Poly1305), to be kept apart from FILE. What a
// thief of FILE can read is what a thief of the database and the files can.
package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
)

// Format is the version of the archive's format.
const Format = 1

// The members of an archive that are not rows or files.
const (
	headName     = "backup.json"
	manifestName = "manifest.json"
	sigName      = "manifest.sig"
	tablePrefix  = "tables/"
	filePrefix   = "files/"
)

// sigTag separates the signature of a manifest from that of a receipt.
const sigTag = "jianbiao/backup/1\x00"

// Head says what an archive is.
type Head struct {
	Format  int    `json:"format"`
	ID      string `json:"id"`      // of this backup; FILE.keys has the same
	Program string `json:"program"` // version of the program that made it
	Schema  int64  `json:"schema"`  // number of the last migration
	MadeAt  string `json:"madeAt"`  // real time of the snapshot, RFC 3339
	LegalAt string `json:"legalAt"` // legal time (授时) of the snapshot
}

// Table is one table of the snapshot.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Rows    int64    `json:"rows"`
}

// Member is one member of the archive.
type Member struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Manifest is what the archive must hold, no more and no less.
type Manifest struct {
	Head
	Tables  []Table  `json:"tables"` // in the order in which they can be loaded
	Members []Member `json:"members"`
	Files   int      `json:"files"`
	Bytes   int64    `json:"bytes"` // of the files
}

// signature is manifest.sig.
type signature struct {
	PublicKey []byte `json:"publicKey"`
	Signature []byte `json:"signature"`
}

// summing writes through to a digest and counts.
type summing struct {
	h hash.Hash
	n int64
}

func newSumming() *summing { return &summing{h: sha256.New()} }

func (s *summing) Write(p []byte) (int, error) {
	s.n += int64(len(p))
	return s.h.Write(p)
}

func (s *summing) member(name string) Member {
	return Member{Name: name, Size: s.n, SHA256: hex.EncodeToString(s.h.Sum(nil))}
}

// readJSON decodes one whole value and nothing after it.
func readJSON(r io.Reader, v any) error {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the value")
	}
	return nil
}
