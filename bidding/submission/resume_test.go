package submission_test

import (
	"bytes"
	"encoding/hex"
	"path/filepath"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/submission"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/seal"
	"jianbiao/internal/upload"
)

// put sends bytes [from, to) of an envelope and lets the header be judged.
func put(c *biddingtest.City, id string, envelope []byte, from, to int) error {
	piece := envelope[from:to]
	sum := sm3.Sum(piece)
	if _, err := c.Uploads.Append(ctx, id, int64(from), "sm3:"+hex.EncodeToString(sum[:]), bytes.NewReader(piece)); err != nil {
		return err
	}
	return c.Submissions.Begin(ctx, id)
}

func announce(c *biddingtest.City, f *biddingtest.Firm, envelope []byte) string {
	c.T.Helper()
	id, err := c.Submissions.Announce(f.Actor, int64(len(envelope)), "")
	c.Must(err)
	return id
}

// restart is the server started again: nothing is in memory.
func restart(c *biddingtest.City) {
	c.T.Helper()
	var err error
	c.Uploads, err = upload.Open(filepath.Join(c.Dir, "uploads"))
	c.Must(err)
	c.Submissions = submission.NewService(c.Store, c.Keys, c.Files)
	c.Submissions.SetUploads(c.Uploads)
}

func uploads(c *biddingtest.City) int {
	left, err := filepath.Glob(filepath.Join(c.Dir, "uploads", "*.data"))
	c.Must(err)
	return len(left)
}

// The line breaks and the server is started again after every chunk, also
// within the header; the receipt covers the envelope that was sealed.
func TestUpload_InterruptedAtEveryChunkIsTheSameBid(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
	envelope := c.Seal(f, l, seal.KindBid, price, capital)
	id := announce(c, f, envelope)
	at := 0
	for _, size := range []int{1, 100, seal.PrefixSize, 1 << 13, 1 << 14, 1 << 16, 1 << 18} {
		end := min(at+size, len(envelope))
		c.Must(put(c, id, envelope, at, end))
		at = end
		restart(c)
		if at < len(envelope) {
			_, err := c.Submissions.SubmitUpload(ctx, f.Actor, id)
			code(t, err, "upload.incomplete")
		}
	}
	if at < len(envelope) {
		c.Must(put(c, id, envelope, at, len(envelope)))
	}
	r, err := c.Submissions.SubmitUpload(ctx, f.Actor, id)
	c.Must(err)
	c.Must(r.Covers(f.Sealed.Header, f.Sealed.Digest, f.Sealed.Size))
	restart(c)
	again, err := c.Submissions.SubmitUpload(ctx, f.Actor, id)
	if err != nil || again.SignatureSM2 != r.SignatureSM2 {
		t.Errorf("an answer that was lost is not given again after a restart: %v", err)
	}
	if uploads(c) != 0 || files(t, c) != 1 {
		t.Error("the bytes lie twice, or not at all")
	}
	c.To(l, nil, "lobby_open")
	c.At(biddingtest.Deadline)
	c.Must(c.Openings.RecordCutoff(ctx, actor.System(), l.ID))
	record, err := c.Openings.Cutoff(ctx, l.ID)
	c.Must(err)
	if record.Count != 1 || record.Rows[0].Digest != f.Sealed.Digest {
		t.Errorf("%+v", record)
	}
	if rejected(t, c, l, "unfinished") != 0 {
		t.Error("a received bid is on the record as unfinished")
	}
}

// Who begins after the deadline is told so with the first chunk that has the
// header, not after the last.
func TestUpload_BegunAfterTheDeadlineIsRefusedWithItsHeader(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
	envelope := c.Seal(f, l, seal.KindBid, price, capital)
	id := announce(c, f, envelope)
	c.Must(put(c, id, envelope, 0, 1000)) // before the deadline, but without the header nothing is begun
	c.At(biddingtest.Deadline)
	code(t, put(c, id, envelope, 1000, 1<<16), "bid.late")
	if rejected(t, c, l, "late") != 1 || uploads(c) != 0 || files(t, c) != 0 {
		t.Error("the late bid left no record, or bytes")
	}
	_, err := c.Uploads.Stat(id)
	code(t, err, "upload.unknown")
}

// A bid begun in time and unfinished at the deadline is withdrawn, by the
// cut-off when nobody comes back, and recorded once.
func TestUpload_UnfinishedAtTheDeadlineIsWithdrawn(t *testing.T) {
	t.Parallel()
	finish := map[string]func(c *biddingtest.City, f *biddingtest.Firm, id string, envelope []byte) error{
		"before the cut-off is recorded, incomplete": func(c *biddingtest.City, f *biddingtest.Firm, id string, _ []byte) error {
			_, err := c.Submissions.SubmitUpload(ctx, f.Actor, id)
			return err
		},
		"before the cut-off is recorded, completed late": func(c *biddingtest.City, f *biddingtest.Firm, id string, envelope []byte) error {
			c.Must(put(c, id, envelope, 1<<16, len(envelope)))
			_, err := c.Submissions.SubmitUpload(ctx, f.Actor, id)
			return err
		},
		"after the cut-off, going on": func(c *biddingtest.City, _ *biddingtest.Firm, id string, envelope []byte) error {
			c.Must(c.Openings.RecordCutoff(ctx, actor.System(), lotOf(c)))
			return put(c, id, envelope, 1<<16, len(envelope))
		},
		"after the cut-off, finishing": func(c *biddingtest.City, f *biddingtest.Firm, id string, _ []byte) error {
			c.Must(c.Openings.RecordCutoff(ctx, actor.System(), lotOf(c)))
			_, err := c.Submissions.SubmitUpload(ctx, f.Actor, id)
			return err
		},
	}
	for name, do := range finish {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := biddingtest.New(t)
			l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
			envelope := c.Seal(f, l, seal.KindBid, price, capital)
			id := announce(c, f, envelope)
			c.To(l, nil, "lobby_open")
			c.At(biddingtest.Deadline.Add(-time.Second))
			c.Must(put(c, id, envelope, 0, 1<<16))
			restart(c)
			c.At(biddingtest.Deadline)
			code(t, do(c, f, id, envelope), "bid.unfinished")
			if rejected(t, c, l, "unfinished") != 1 || files(t, c) != 0 {
				t.Errorf("%d records of the withdrawal, %d files", rejected(t, c, l, "unfinished"), files(t, c))
			}
		})
	}
}

// lotOf is the only lot of the city.
func lotOf(c *biddingtest.City) string {
	var id string
	c.Must(c.Store.DB().GetContext(ctx, &id, `SELECT id FROM lot`))
	return id
}

func TestUpload_Refusals(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
	envelope := c.Seal(f, l, seal.KindBid, price, capital)
	_, err := c.Submissions.Announce(c.Agency, 1, "")
	code(t, err, "bid.not_certified")
	_, err = c.Submissions.Announce(f.Actor, submission.MaxSize+1, "")
	code(t, err, "bid.too_large")
	noise := bytes.Repeat([]byte("x"), 1<<16)
	code(t, put(c, announce(c, f, noise), noise, 0, 1<<16), "bid.malformed")
	foreign := append([]byte{}, envelope...)
	foreign[seal.PrefixSize-1] ^= 1 // the capsule is nobody's
	code(t, put(c, announce(c, f, foreign), foreign, 0, 1<<16), "bid.no_such_lot")
	torn := append([]byte{}, envelope...)
	torn[seal.PrefixSize+5] ^= 1
	code(t, put(c, announce(c, f, torn), torn, 0, 1<<16), "bid.malformed")
	short := envelope[:len(envelope)-1]
	id := announce(c, f, short)
	c.Must(put(c, id, short, 0, len(short)))
	_, err = c.Submissions.SubmitUpload(ctx, f.Actor, id)
	code(t, err, "bid.malformed")
	if uploads(c) != 0 || files(t, c) != 0 {
		t.Errorf("%d uploads and %d files of refused bids are left", uploads(c), files(t, c))
	}
	// A suspended lot takes the bid when it goes on.
	id = announce(c, f, envelope)
	c.Must(put(c, id, envelope, 0, len(envelope)))
	c.Must(c.Lots.Suspend(ctx, c.Agency, l.ID, lot.SuspendInput{Reason: "异议尚未答复"}))
	_, err = c.Submissions.SubmitUpload(ctx, f.Actor, id)
	code(t, err, "bid.suspended")
	c.Must(c.Lots.Resume(ctx, c.Agency, l.ID))
	_, err = c.Submissions.SubmitUpload(ctx, f.Actor, id)
	c.Must(err)
	// The same envelope by the other way.
	_, err = c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(envelope))
	c.Must(err)
	id = announce(c, f, envelope)
	c.Must(put(c, id, envelope, 0, len(envelope)))
	_, err = c.Submissions.SubmitUpload(ctx, f.Actor, id)
	c.Must(err)
	if files(t, c) != 1 {
		t.Errorf("%d files of one bid", files(t, c))
	}
}

// A replaced file after the deadline: the newer version is refused, the older
// one stands.
func TestUpload_ReplacementAfterTheDeadlineLeavesTheOldOne(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
	c.Bid(f, l, price, capital)
	old := f.Sealed.Digest
	c.To(l, nil, "lobby_open")
	c.At(biddingtest.Deadline)
	newer := c.Seal(f, l, seal.KindBid, "44000000.00", "肆仟肆佰万元整")
	id := announce(c, f, newer)
	code(t, put(c, id, newer, 0, 1<<16), "bid.late")
	_, err := c.Submissions.Submit(ctx, f.Actor, bytes.NewReader(newer))
	code(t, err, "bid.late")
	c.Must(c.Openings.RecordCutoff(ctx, actor.System(), l.ID))
	record, err := c.Openings.Cutoff(ctx, l.ID)
	c.Must(err)
	if record.Count != 1 || record.Rows[0].Digest != old || rejected(t, c, l, "late") != 2 {
		t.Errorf("%+v", record)
	}
}

// The database goes away when everything has been received: nobody knows what
// became of the last transaction, so neither the stored file nor the upload is
// thrown away.
func TestUpload_DatabaseGoneAtTheEndLosesNothing(t *testing.T) {
	t.Parallel()
	c := biddingtest.New(t)
	l, f := c.Published(), c.NewFirm("苏北建设集团有限公司")
	envelope := c.Seal(f, l, seal.KindBid, price, capital)
	id := announce(c, f, envelope)
	c.Must(put(c, id, envelope, 0, len(envelope)))
	gone := &crossing{r: bytes.NewReader(envelope), left: len(envelope), cross: func() { c.Must(c.Store.DB().Close()) }}
	_, err := c.Submissions.Submit(ctx, f.Actor, gone)
	if err == nil || apperr.KindOf(err) != apperr.Internal {
		t.Fatalf("got %v", err)
	}
	if files(t, c) != 1 {
		t.Errorf("%d files", files(t, c))
	}
	if _, err := c.Submissions.SubmitUpload(ctx, f.Actor, id); err == nil {
		t.Error("received without a database")
	}
	if st, err := c.Uploads.Stat(id); err != nil || st.Offset != int64(len(envelope)) {
		t.Errorf("the upload: %+v %v", st, err)
	}
}
