package opening

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/emmansun/gmsm/sm3"
	"github.com/google/uuid"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
	"jianbiao/internal/seal"
)

// fileDamaged is set when a file cannot be had as its bidder signed it: by a
// fault of the program that sealed it, or because what is stored was changed
// since. The hall flags it, says whose cause it is, and goes on.
const fileDamaged = "file_damaged"

type openedFile struct {
	ID, Section string
	Position    int
	File        seal.File
}

// unpacked is what came of one bid's files.
type unpacked struct {
	bid   *Bid
	files []openedFile
	bad   string     // name of the first file that is not what was signed
	cause seal.Cause // of that
}

// CheckFiles stores the files of every opened bid for the evaluation, and
// compares each with the digest that its bidder signed. The record waits for
// it; the reading-out does not. Run twice, it stores the same under the same
// names.
func (s *Service) CheckFiles(ctx context.Context, who actor.Actor, lotID string) error {
	h, err := s.asleep(ctx, who, lotID, "check_files")
	if err != nil {
		return err
	}
	all := make([]unpacked, len(h.bids))
	if err := eachBid(ctx, len(h.bids), func(ctx context.Context, i int) (err error) {
		if h.bids[i].opened() {
			all[i], err = s.unpack(ctx, h, &h.bids[i])
		}
		return err
	}); err != nil {
		return err
	}
	return s.command(ctx, who, lotID, "check_files", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		files, damaged := 0, []string{}
		for _, u := range all {
			files += len(u.files)
			if u.cause != "" {
				damaged = append(damaged, u.bid.Digest)
			}
			if err := storeFiles(ctx, tx, h, u); err != nil {
				return nil, err
			}
		}
		return map[string]any{"files": files, "damaged": damaged},
			exec(ctx, tx, "files checked", `UPDATE opening SET files_checked_at = $1 WHERE lot_id = $2`, tx.Now(), h.o.LotID)
	})
}

// unpack stores one bid's files, for the evaluation to read: all that come
// before one that is not as it was signed.
func (s *Service) unpack(ctx context.Context, h *hall, b *Bid) (unpacked, error) {
	u := unpacked{bid: b}
	err := s.withContents(ctx, h, b, func(f io.ReaderAt, head seal.Header, name string, tender, bidder []byte) error {
		position := 0
		last := ""
		err := seal.OpenSection(f, head, name, tender, bidder, seal.Visit{File: func(file seal.File, r io.Reader) error {
			last = file.Name
			id := fileID(b, name, position)
			if _, err := s.files.Put(ctx, id, r); err != nil {
				return fmt.Errorf("store opened file: %w", err)
			}
			u.files = append(u.files, openedFile{ID: id, Section: name, Position: position, File: file})
			position++
			return nil
		}})
		if err != nil && u.bad == "" {
			u.bad = last
		}
		return err
	})
	if err == nil || !strings.HasPrefix(apperr.CodeOf(err), "seal.") {
		return u, err // the platform could not try: tried again
	}
	intact, ierr := s.intact(ctx, b)
	u.cause = seal.Attribute(err, intact)
	return u, ierr
}

func storeFiles(ctx context.Context, tx *evidence.Tx, h *hall, u unpacked) error {
	for _, f := range u.files {
		if err := exec(ctx, tx, "store opened file", `INSERT INTO bid_file (id, lot_id, digest, section, position, name, media, size, sm3)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, f.ID, h.o.LotID, u.bid.Digest, f.Section, f.Position, f.File.Name, f.File.Media, f.File.Size, f.File.SM3); err != nil {
			return err
		}
	}
	if u.cause == "" {
		return nil
	}
	b := h.bid(u.bid.Digest)
	b.Flags = append(b.Flags, fileDamaged)
	tx.Record(evidence.Draft{Stream: h.lot.Stream(), Kind: "bid.file_damaged", Actor: actor.System(),
		Fields: map[string]any{"digest": b.Digest, "organisation": text(b.Organisation), "file": u.bad, "cause": string(u.cause)}})
	return exec(ctx, tx, "flag damaged file", `UPDATE bid SET flags = $1 WHERE lot_id = $2 AND digest = $3`, b.Flags, b.LotID, b.Digest)
}

// fileID is the same each time, so that files that are stored again after a
// crash overwrite what the first run left.
func fileID(b *Bid, section string, position int) string {
	d := sm3.Sum(fmt.Appendf(nil, "jianbiao/bid-file/1\x00%s\x00%s\x00%s\x00%d", b.LotID, b.Digest, section, position))
	id, err := uuid.FromBytes(d[:16])
	if err != nil {
		panic("opening: sixteen bytes are a UUID: " + err.Error())
	}
	return id.String()
}
