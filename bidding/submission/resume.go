package submission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/blob"
	"jianbiao/internal/evidence"
	"jianbiao/internal/seal"
	"jianbiao/internal/upload"
)

// SetUploads gives the store of envelopes that come in chunks.
func (s *Service) SetUploads(u *upload.Store) { s.uploads = u }

// Announce begins a chunked upload of an envelope of size bytes and gives its
// id. Neither owner nor lot is known or kept. Errors: bid.not_certified,
// bid.too_large, and those of upload.Store.Create.
func (s *Service) Announce(who actor.Actor, size int64, digest string) (string, error) {
	switch {
	case !who.In(actor.Bidder) || !who.Certified:
		return "", errNotFirm
	case size > MaxSize:
		return "", errTooLarge
	}
	return s.uploads.Create(who.PersonID, upload.Bid, size, digest)
}

// Begin judges a bid that comes in chunks as soon as its header is here; before
// that, and when it was judged already, it does nothing. The legal time at which
// the header was here is kept, so that also after a restart a bid begun in time
// is told from one begun late (电子招标投标办法第二十六条、第二十七条). A refused
// upload is removed. Errors: those of Submit that need no more than the header.
func (s *Service) Begin(ctx context.Context, id string) error {
	return s.uploads.Hold(ctx, id, func(h *upload.Held) error {
		if h.State.Purpose != upload.Bid || h.State.Answer != nil {
			return nil
		}
		if h.Over() {
			return errUnfinished // on the record since the cut-off
		}
		if h.State.Judged || h.State.Offset < int64(seal.PrefixSize) {
			return nil
		}
		return s.dropRefused(h, s.begin(ctx, h))
	})
}

func (s *Service) begin(ctx context.Context, h *upload.Held) error {
	f, err := h.Open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	prefix := make([]byte, seal.PrefixSize)
	if _, err := f.ReadAt(prefix, 0); err != nil {
		return fmt.Errorf("read the prefix: %w", err)
	}
	switch head, err := seal.HeadSize(prefix); {
	case err != nil:
		return errMalformed.Because(err)
	case h.State.Offset < head:
		return nil
	}
	if err := s.stamp(ctx, h); err != nil {
		return err
	}
	in, err := s.readHeader(ctx, f)
	if err != nil {
		return err
	}
	if err := s.judgeBegun(ctx, in, *h.State.Begun); err != nil {
		return err
	}
	in.whole = seal.CheckStructure(in.header, h.State.Size) == nil
	st := h.State
	st.Judged = true
	if err := h.Save(st); err != nil {
		return err
	}
	s.remember(h, in)
	return nil
}

// remember keeps a judged header until its bid is received, or many others came.
func (s *Service) remember(h *upload.Held, in *incoming) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.judged) >= keepRecent {
		clear(s.judged)
	}
	s.judged[h.ID()] = in
}

// recall gives what was remembered, and reads it again after a restart.
func (s *Service) recall(ctx context.Context, h *upload.Held, f io.Reader) (*incoming, error) {
	s.mu.Lock()
	in, ok := s.judged[h.ID()]
	delete(s.judged, h.ID())
	s.mu.Unlock()
	if ok {
		return in, nil
	}
	return s.readHeader(ctx, f)
}

// stamp keeps the legal time at which the header was first here.
func (s *Service) stamp(ctx context.Context, h *upload.Held) error {
	if h.State.Begun != nil {
		return nil
	}
	var now time.Time
	if err := s.store.DB().GetContext(ctx, &now, `SELECT legal_now()`); err != nil {
		return fmt.Errorf("read the legal time: %w", err)
	}
	st := h.State
	st.Begun = &now
	return h.Save(st)
}

func (s *Service) judgeBegun(ctx context.Context, in *incoming, begun time.Time) error {
	switch {
	case !begun.Before(*in.lot.BidDeadline):
		return s.reject(ctx, in.lot.ID, "late", errLate)
	case in.lot.State != lot.Published:
		return s.judgeEnd(ctx, in, errUnfinished)
	}
	return judgeHeader(in.lot, in.header)
}

// dropRefused removes an upload that was refused for good. What failed for want
// of database, disk or line stays, and so does a bid for a suspended lot.
func (s *Service) dropRefused(h *upload.Held, err error) error {
	kind := apperr.KindOf(err)
	if err == nil || kind == apperr.Internal || kind == apperr.Unavailable || apperr.CodeOf(err) == "bid.suspended" {
		return err
	}
	if gone := h.Remove(); gone != nil {
		return errors.Join(err, gone)
	}
	return err
}

// SubmitUpload is Submit for an envelope that came in chunks. Asked again, it
// gives the same receipt. Errors: those of Submit, upload.unknown,
// upload.incomplete, upload.file_digest_mismatch, upload.purpose.
func (s *Service) SubmitUpload(ctx context.Context, who actor.Actor, id string) (seal.Receipt, error) {
	if !who.In(actor.Bidder) || !who.Certified {
		return seal.Receipt{}, errNotFirm
	}
	if err := s.count(who.PersonID); err != nil {
		return seal.Receipt{}, err
	}
	var receipt seal.Receipt
	err := s.uploads.Hold(ctx, id, func(h *upload.Held) error {
		switch {
		case h.State.Purpose != upload.Bid:
			return errMalformed
		case h.State.Answer != nil:
			return json.Unmarshal(h.State.Answer, &receipt)
		case h.Over():
			return errUnfinished
		}
		var err error
		if receipt, err = s.finishUpload(ctx, h); err != nil {
			return err
		}
		answer, err := json.Marshal(receipt)
		if err != nil {
			return fmt.Errorf("encode the receipt: %w", err)
		}
		_ = h.Finish(answer) // the bid is received; without this an answer that is lost cannot be given again
		return nil
	})
	return receipt, err
}

func (s *Service) finishUpload(ctx context.Context, h *upload.Held) (seal.Receipt, error) {
	f, err := h.Open()
	if err != nil {
		_, err = h.Complete()
		return seal.Receipt{}, err
	}
	defer func() { _ = f.Close() }()
	digest, incomplete := h.Complete()
	if h.State.Begun == nil && incomplete != nil {
		return seal.Receipt{}, incomplete
	}
	in, err := s.recall(ctx, h, f)
	if err != nil {
		return seal.Receipt{}, s.dropRefused(h, err)
	}
	in.digest, in.size = digest, h.State.Size
	if incomplete != nil {
		if err := s.judgeEnd(ctx, in, incomplete); apperr.CodeOf(err) != "upload.incomplete" {
			return seal.Receipt{}, s.dropRefused(h, err)
		}
		return seal.Receipt{}, incomplete
	}
	receipt, err := s.takeUpload(ctx, h, in, f)
	return receipt, s.dropRefused(h, err)
}

func (s *Service) takeUpload(ctx context.Context, h *upload.Held, in *incoming, f namedReader) (seal.Receipt, error) {
	if !h.State.Judged {
		if err := s.stamp(ctx, h); err != nil {
			return seal.Receipt{}, err
		}
		if err := s.judgeBegun(ctx, in, *h.State.Begun); err != nil {
			return seal.Receipt{}, err
		}
	}
	if !in.whole {
		if err := seal.CheckStructure(in.header, in.size); err != nil {
			return seal.Receipt{}, s.judgeEnd(ctx, in, errMalformed.Because(err))
		}
	}
	id := uuid.NewString()
	if err := s.adopt(ctx, id, f); err != nil {
		return seal.Receipt{}, err
	}
	in.over = h.Over
	return s.conclude(ctx, in, id)
}

// namedReader is an *os.File.
type namedReader interface {
	io.ReadSeeker
	Name() string
}

func (s *Service) adopt(ctx context.Context, id string, f namedReader) error {
	if a, ok := s.files.(blob.Adopter); ok {
		return a.Adopt(ctx, id, f.Name())
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read an upload: %w", err)
	}
	_, err := s.files.Put(ctx, id, f)
	return err
}

// withdrawUnfinished puts on the record, in the transaction of the cut-off, each
// bid for the lot that was begun and is not complete: 视为撤回. Who sends the rest
// of it later is told so, and it is not recorded twice. A disk that fails here
// does not hold up the cut-off.
func (s *Service) withdrawUnfinished(tx *evidence.Tx, lotID string, key seal.PrivateKey) {
	if s.uploads == nil {
		return
	}
	n, _ := s.uploads.Unfinished(seal.PrefixSize, func(prefix []byte) (int64, bool) {
		head, err := seal.HeadSize(prefix)
		return head, err == nil && seal.Mine(prefix, key)
	})
	for range n {
		tx.Record(rejection(lotID, "unfinished"))
	}
}
