// Package upload takes in large files in chunks that can be sent again: an
// upload that breaks off goes on where it stood, after a lost line, a closed
// browser or a restart of the server.
//
// An upload is known by a random id that only its client has. On disk stand the
// bytes received so far, under a name that is a hash of the id, and a state that
// is encrypted with a key made of the id: who has the disk reads neither what an
// upload is for nor when it began, and cannot go on with it. Nothing says whose
// it is. Files carry the day as their time.
//
// A chunk counts when all of it has arrived and its digest is right. Memory does
// not grow with the size of a file.
package upload

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"jianbiao/internal/apperr"
	"jianbiao/internal/blob"
)

// Purpose is what an upload is for.
type Purpose string

// The purposes.
const (
	Bid  Purpose = "bid"  // a sealed envelope (密封投标文件)
	File Purpose = "file" // a file of a tender document (招标文件附件)
)

// The sizes of chunks, in bytes, and how many uploads one person begins in a
// day.
const (
	Chunk    = 4 << 20
	MaxChunk = 16 << 20
	dayLimit = 400
	// Lifetime is how long an upload is kept at least after its last chunk; it
	// may be a day more, since files carry no time finer than the day.
	Lifetime = 24 * time.Hour
	// reserve is left free on the disk when an upload begins, in bytes.
	reserve = 64 << 20
)

var (
	errUnknown     = apperr.New(apperr.NotFound, "upload.unknown", "没有找到这次上传：它已经完成、取消，或者中断超过一天已被清理。请重新上传，文件还在您的电脑上。")
	errOffset      = "这一块应当从第 %d 个字节接着传：请按平台已收到的位置继续。"
	errDigest      = apperr.New(apperr.Invalid, "upload.digest_mismatch", "这一块在传输中出了差错，平台没有收下：请把这一块再传一次。")
	errWhole       = apperr.New(apperr.Invalid, "upload.file_digest_mismatch", "收到的文件与您电脑上的不一致：文件可能在上传途中被修改过，请重新选择后上传。")
	errNoDigest    = apperr.New(apperr.Invalid, "upload.digest_missing", "没有写明这一块的摘要（Upload-Digest：sm3: 加 64 位十六进制数）：请刷新页面后再试。")
	errChunk       = apperr.New(apperr.TooLarge, "upload.chunk_too_large", "一次最多传 %d MB：请分成较小的块再传。", MaxChunk>>20)
	errBeyond      = apperr.New(apperr.TooLarge, "upload.too_long", "传来的内容比一开始写明的文件大小还多：请取消后重新上传。")
	errInterrupted = apperr.New(apperr.Invalid, "upload.interrupted", "这一块没有传完：请从平台已收到的位置继续。")
	errSize        = apperr.New(apperr.Invalid, "upload.size", "请写明文件的大小，单位字节，应当大于 0。")
	errPurpose     = apperr.New(apperr.Invalid, "upload.purpose", "没有这种上传：用途应为投标文件（bid）或附件（file）。")
	errTooMany     = apperr.New(apperr.TooMany, "upload.too_many", "今天开始的上传太多（超过 %d 次）：请明天再试，或联系交易中心。", dayLimit)
	errIncomplete  = "文件还没有传完：已收到 %d 字节，共 %d 字节，请继续上传。"
)

// State is what is known of an upload. Sizes and offsets are in bytes.
type State struct {
	Purpose Purpose    `json:"purpose"`
	Size    int64      `json:"size"`
	Offset  int64      `json:"offset"`           // so much has been received and verified
	Digest  string     `json:"digest,omitempty"` // of the whole, as the client announced it; "" if it did not
	Begun   *time.Time `json:"begun,omitempty"`  // legal time at which a bid's header was here
	Judged  bool       `json:"judged,omitempty"` // a bid's header was judged, and may come
	Answer  []byte     `json:"answer,omitempty"` // what the finished upload was answered with
	Running []byte     `json:"running,omitempty"`
}

// Store keeps uploads in a folder of the local disk.
type Store struct {
	dir string

	mu     sync.Mutex
	held   map[string]*lock
	day    time.Time
	counts map[string]int
}

type lock struct {
	token chan struct{}
	users int
}

const spool = "spool"

// Open makes or opens the folder, which best lies on the disk of the finished
// files, and removes half received chunks.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, spool), 0o700); err != nil {
		return nil, fmt.Errorf("uploads: %w", err)
	}
	left, err := os.ReadDir(filepath.Join(dir, spool))
	if err != nil {
		return nil, fmt.Errorf("uploads: %w", err)
	}
	for _, f := range left {
		if err := os.Remove(filepath.Join(dir, spool, f.Name())); err != nil {
			return nil, fmt.Errorf("uploads: remove a half received chunk: %w", err)
		}
	}
	return &Store{dir: dir, held: map[string]*lock{}, counts: map[string]int{}}, nil
}

var idForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Create begins an upload of size bytes and gives its id. Person is counted in
// memory only. Digest may be "". Errors: upload.purpose, upload.size,
// upload.digest_missing, upload.too_many, storage.full.
func (s *Store) Create(person string, purpose Purpose, size int64, digest string) (string, error) {
	switch {
	case purpose != Bid && purpose != File:
		return "", errPurpose
	case size <= 0:
		return "", errSize
	case digest != "" && !digestForm.MatchString(digest):
		return "", errNoDigest
	}
	if err := s.count(person); err != nil {
		return "", err
	}
	if free := freeBytes(s.dir); free >= 0 && free < size+reserve {
		return "", blob.ErrFull
	}
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("upload id: %w", err)
	}
	id := hex.EncodeToString(raw)
	return id, s.save(id, State{Purpose: purpose, Size: size, Digest: digest})
}

// ForgetDay begins the day's counters anew, for programs that play many people.
func (s *Store) ForgetDay() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.counts)
}

func (s *Store) count(person string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if day := today(); !day.Equal(s.day) {
		s.day, s.counts = day, map[string]int{}
	}
	if s.counts[person]++; s.counts[person] > dayLimit {
		return errTooMany
	}
	return nil
}

func today() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }

// Stat is how an upload stands. Error: upload.unknown.
func (s *Store) Stat(id string) (State, error) {
	if !idForm.MatchString(id) {
		return State{}, errUnknown
	}
	return s.load(id)
}

// Append takes the chunk at offset. It is received apart, without a lock, and
// joined when its digest is right and the offset still is: of two clients that
// send the same upload one is told where to go on. What breaks off leaves
// nothing. The state is returned also with a refusal. Errors: upload.unknown,
// upload.offset, upload.digest_missing, upload.digest_mismatch,
// upload.chunk_too_large, upload.too_long, upload.interrupted, storage.full.
func (s *Store) Append(ctx context.Context, id string, offset int64, digest string, body io.Reader) (State, error) {
	st, err := s.Stat(id)
	if err != nil {
		return State{}, err
	}
	if !digestForm.MatchString(digest) {
		return st, errNoDigest
	}
	if err := st.at(offset); err != nil {
		return st, err
	}
	chunk, n, err := s.receive(body, st.Size-offset, digest)
	if err != nil {
		return st, err
	}
	defer func() { _ = chunk.Close() }()
	err = s.Hold(ctx, id, func(h *Held) error {
		st = h.State
		if err := h.State.at(offset); err != nil {
			return err
		}
		err := h.join(chunk, n)
		st = h.State
		return err
	})
	return st, err
}

func (st State) at(offset int64) error {
	if st.Answer != nil {
		offset = -1
	}
	if offset != st.Offset {
		return apperr.New(apperr.Conflict, "upload.offset", errOffset, st.Offset)
	}
	return nil
}

var digestForm = regexp.MustCompile(`^sm3:[0-9a-f]{64}$`)

// receive reads a chunk into a file that has no name any more, so that nothing
// is left of it whatever happens.
func (s *Store) receive(body io.Reader, most int64, digest string) (*os.File, int64, error) {
	tmp, err := os.CreateTemp(filepath.Join(s.dir, spool), "chunk-*")
	if err != nil {
		return nil, 0, blob.Full(fmt.Errorf("receive a chunk: %w", err))
	}
	n, err := s.fill(tmp, body, most, digest)
	if err != nil {
		return nil, 0, errors.Join(err, tmp.Close())
	}
	return tmp, n, nil
}

func (s *Store) fill(tmp *os.File, body io.Reader, most int64, digest string) (int64, error) {
	if err := os.Remove(tmp.Name()); err != nil {
		return 0, fmt.Errorf("receive a chunk: %w", err)
	}
	limit := min(most, MaxChunk)
	sum := sm3.New()
	in := &source{r: io.LimitReader(body, limit+1)}
	n, err := io.Copy(tmp, io.TeeReader(in, sum))
	switch {
	case in.failed != nil:
		return 0, errInterrupted.Because(in.failed)
	case err != nil:
		return 0, blob.Full(fmt.Errorf("receive a chunk: %w", err))
	case n > most:
		return 0, errBeyond
	case n > limit:
		return 0, errChunk
	case digestOf(sum) != digest:
		return 0, errDigest
	}
	_, err = tmp.Seek(0, io.SeekStart)
	return n, err
}

// source tells a line that broke from a disk that does not take the bytes.
type source struct {
	r      io.Reader
	failed error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed = err
	}
	return n, err
}

func digestOf(h hash.Hash) string { return "sm3:" + hex.EncodeToString(h.Sum(nil)) }

// Remove forgets an upload; one that is unknown is no error.
func (s *Store) Remove(ctx context.Context, id string) error {
	err := s.Hold(ctx, id, func(h *Held) error { return h.Remove() })
	if apperr.CodeOf(err) == "upload.unknown" {
		return nil
	}
	return err
}

// Sweep removes what has lain still for longer than Lifetime and says how many
// uploads that were.
func (s *Store) Sweep(now time.Time) (int, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, fmt.Errorf("sweep uploads: %w", err)
	}
	n := 0
	for _, e := range entries {
		info, err := e.Info()
		if e.IsDir() || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return n, fmt.Errorf("sweep uploads: %w", err)
		}
		if now.Sub(info.ModTime()) <= Lifetime+24*time.Hour {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return n, fmt.Errorf("sweep uploads: %w", err)
		}
		if strings.HasSuffix(e.Name(), stateExt) {
			n++
		}
	}
	return n, nil
}
