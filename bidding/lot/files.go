package lot

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm3"
	"github.com/google/uuid"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/blob"
	"jianbiao/internal/evidence"
	"jianbiao/internal/filecheck"
	"jianbiao/internal/upload"
)

// MaxFile is the largest file of a tender document, in bytes.
const MaxFile = 500 << 20

var errTooLarge = apperr.New(apperr.TooLarge, "document.file_too_large", "单个文件不能超过 %d MB：请拆分后再上传。", MaxFile>>20)

// CheckFileSize refuses a file by the size it is announced with, before anything
// of it is read. Error: document.file_too_large.
func CheckFileSize(n int64) error {
	if n > MaxFile {
		return errTooLarge
	}
	return nil
}

// SetUploads gives the store of files that come in chunks.
func (s *Service) SetUploads(u *upload.Store) { s.uploads = u }

// Announce begins a chunked upload of a file of size bytes and gives its id.
// Errors: lot.not_yours, document.file_too_large, and those of
// upload.Store.Create.
func (s *Service) Announce(who actor.Actor, size int64, digest string) (string, error) {
	if !who.In(actor.Buyer, actor.Agency) {
		return "", errNotYours()
	}
	if err := CheckFileSize(size); err != nil {
		return "", err
	}
	return s.uploads.Create(who.PersonID, upload.File, size, digest)
}

// AddFile stores a file of the tender document. Errors: document.file_name,
// document.file_too_large, document.file_empty, lot.state, lot.not_yours.
func (s *Service) AddFile(ctx context.Context, who actor.Actor, lotID, name, media string, r io.Reader) (*File, error) {
	name = strings.TrimSpace(name)
	if name == "" || len([]rune(name)) > 120 || strings.ContainsAny(name, "/\\\x00\r\n") {
		return nil, apperr.New(apperr.Invalid, "document.file_name", "文件名不能为空、不能带路径，且不超过 120 个字。")
	}
	if l, err := s.Get(ctx, lotID); err != nil {
		return nil, err
	} else if err := authorise(l, who); err != nil {
		return nil, err
	} else if _, err := Table.Next(l.State, "add_file", who.Role, facts(l, who, time.Time{})); err != nil {
		return nil, err
	}
	f := &File{ID: uuid.NewString(), Name: name, Media: media}
	if err := s.receiveFile(ctx, f, r); err != nil {
		return nil, err
	}
	err := s.store.Change(ctx, func(tx *evidence.Tx) error { return s.addFile(ctx, tx, who, lotID, f) })
	if err != nil {
		_ = s.files.Delete(context.WithoutCancel(ctx), f.ID)
		return nil, err
	}
	return f, nil
}

func (s *Service) receiveFile(ctx context.Context, f *File, r io.Reader) error {
	h := sm3.New()
	n, err := s.files.Put(ctx, f.ID, io.TeeReader(&blob.Capped{R: r, Left: MaxFile, Refusal: errTooLarge}, h))
	if err != nil {
		return err
	}
	f.Size, f.SM3 = n, fmt.Sprintf("sm3:%x", h.Sum(nil))
	if err := s.checkFile(ctx, f); err != nil {
		_ = s.files.Delete(context.WithoutCancel(ctx), f.ID)
		return err
	}
	return nil
}

func (s *Service) checkFile(ctx context.Context, f *File) error {
	if f.Size == 0 {
		return apperr.New(apperr.Invalid, "document.file_empty", "文件“%s”是空的：请重新选择文件。", f.Name)
	}
	stored, err := s.files.Open(ctx, f.ID)
	if err != nil {
		return err
	}
	defer func() { _ = stored.Close() }()
	media, err := filecheck.Check(ctx, f.Name, f.Size, stored)
	if err != nil {
		return err
	}
	if f.Media == "" || media != "" {
		f.Media = media
	}
	if f.Media == "" {
		f.Media = "application/octet-stream"
	}
	return nil
}

func (s *Service) addFile(ctx context.Context, tx *evidence.Tx, who actor.Actor, lotID string, f *File) error {
	l, row, err := s.lock(ctx, tx, who, lotID, "add_file")
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO document_file (id, lot_id, name, media, size, sm3) VALUES ($1, $2, $3, $4, $5, $6)`,
		f.ID, l.ID, f.Name, f.Media, f.Size, f.SM3); err != nil {
		return fmt.Errorf("add file: %w", err)
	}
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: row.Emit, Actor: who,
		Fields: map[string]any{"file": f.ID, "name": f.Name, "size": f.Size, "sm3": f.SM3}})
	return nil
}
