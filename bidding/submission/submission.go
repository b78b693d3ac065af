// Package submission takes in sealed bids (密封投标文件) until the cut-off, and at
// the cut-off finds which of them are a lot's.
//
// Until then nothing that is stored says whose a bid is, for which lot, or how
// many a lot has: an envelope stands under a random id with its day and its
// size class; its header is read in memory with the lot's cut-off key and
// forgotten; its events keep commitments only, whose values are in the receipt
// (docs/spec/bid-envelope.md says what an attacker with everything but the key
// store can see).
package submission

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/blob"
	"jianbiao/internal/database"
	"jianbiao/internal/evidence"
	"jianbiao/internal/keystore"
	"jianbiao/internal/seal"
	"jianbiao/internal/upload"
)

// MaxSize is the largest envelope, in bytes.
const MaxSize = 4 << 30

// dayLimit is how many envelopes one person may send in a day. The counter
// lives in memory and does not outlive the day: in a table it would say who bids.
const dayLimit = 200

// Service takes in envelopes. It is the only writer of table envelope.
type Service struct {
	store *evidence.Store
	keys  *keystore.Store
	files blob.Store

	uploads *upload.Store // nil: envelopes come in one piece only

	mu     sync.Mutex
	day    time.Time
	counts map[string]int
	recent map[string]seal.Receipt // by digest, for an answer that was lost on its way
	judged map[string]*incoming    // by upload id: headers that were read and judged, and need not be read again
}

// keepRecent is how many receipts, and how many judged headers, are remembered,
// in memory only.
const keepRecent = 4096

// NewService wires the package.
func NewService(store *evidence.Store, keys *keystore.Store, files blob.Store) *Service {
	return &Service{store: store, keys: keys, files: files, counts: map[string]int{}, recent: map[string]seal.Receipt{}, judged: map[string]*incoming{}}
}

// Kinds are the events of this package.
func Kinds() []evidence.Kind {
	return []evidence.Kind{
		{Name: "bid.receipt_issued", Label: "已收到密封文件并出具回执", Class: evidence.Nobody},
		{Name: "bid.reject_recorded", Label: "拒收投标文件", Class: evidence.Public, Text: func(v evidence.View) string {
			if v.Field("reason") == "unfinished" {
				return "一份投标文件在截止时间没有传输完成，视为撤回"
			}
			return "一份投标文件在截止时间之后才开始传输，已拒收"
		}},
		{Name: "organisation.key_registered", Label: "登记单位签名公钥", Class: evidence.Public},
	}
}

func refuse(code, format string, args ...any) *apperr.Error {
	return apperr.New(apperr.Precondition, code, format, args...)
}

var (
	errLate = refuse("bid.late", "投标截止时间已过，这份文件在截止之后才开始传输，已拒收并记入证据。").
		By("招标投标法第二十八条；电子招标投标办法第二十六条")
	errUnfinished = refuse("bid.unfinished", "到投标截止时间文件还没有传输完成，视为撤回，已记入证据；投标保证金按撤回退还。").
			By("电子招标投标办法第二十七条")
	errMalformed = apperr.New(apperr.Invalid, "bid.malformed", "这不是一份完整的加密投标文件：请用本平台的投标工具重新加密后再提交。")
	errNotOpen   = refuse("bid.no_such_lot", "没有标段接收这份文件：它可能是给别的标段、旧的招标文件，或者标段还没有发布。请核对标段后重新加密。")
	errBroken    = apperr.New(apperr.Invalid, "bid.interrupted", "上传中断了，文件没有收到：请重新提交，截止时间之前都有效。")
	errAlready   = refuse("bid.already_received", "这份文件已经收到过了，回执在您的保险箱里，不需要再次提交。")
	errTooLarge  = apperr.New(apperr.TooLarge, "bid.too_large", "加密后的投标文件超过 %d GB：请压缩图片或拆分附件后重新制作。", int64(MaxSize)>>30)
	errNotFirm   = apperr.New(apperr.Forbidden, "bid.not_certified", "只有经过核验的单位可以提交投标文件：请先完成单位核验。")
)

// Submit takes in one envelope. It reads the header first and judges the lot;
// the deadline is judged at the beginning (late: refused), and again by the
// database's clock when everything is stored (unfinished: 撤回). The receipt is
// signed when the transaction has committed.
//
// Errors: bid.not_certified, bid.too_many, bid.malformed, bid.no_such_lot,
// bid.late, bid.unfinished, bid.interrupted, bid.suspended, bid.not_current_document,
// bid.bad_replacement, bid.not_newest.
func (s *Service) Submit(ctx context.Context, who actor.Actor, body io.Reader) (seal.Receipt, error) {
	if !who.In(actor.Bidder) || !who.Certified {
		return seal.Receipt{}, errNotFirm
	}
	if err := s.count(who.PersonID); err != nil {
		return seal.Receipt{}, err
	}
	in, err := s.readHeader(ctx, body)
	if err != nil {
		return seal.Receipt{}, err
	}
	if err := s.judgeStart(ctx, in); err != nil {
		return seal.Receipt{}, err
	}
	id := uuid.NewString()
	if err := s.receive(ctx, in, id, body); err != nil {
		return seal.Receipt{}, err
	}
	return s.conclude(ctx, in, id)
}

// conclude takes a stored file as a bid, or removes it.
func (s *Service) conclude(ctx context.Context, in *incoming, id string) (seal.Receipt, error) {
	receipt, err := s.accept(ctx, in, id)
	if err != nil {
		if !s.perhapsReceived(ctx, id, err) {
			_ = s.files.Delete(context.WithoutCancel(ctx), id)
		}
		if known, ok := s.again(in, err); ok {
			return known, nil
		}
		return seal.Receipt{}, s.judgeEnd(ctx, in, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.recent) >= keepRecent {
		clear(s.recent)
	}
	s.recent[receipt.Digest] = receipt
	return receipt, nil
}

// perhapsReceived says whether a transaction that failed may be committed all
// the same, because its answer was lost with the database. Then the file stays:
// one too many is harmless, a received bid without its file is not.
func (s *Service) perhapsReceived(ctx context.Context, id string, failure error) bool {
	if apperr.KindOf(failure) != apperr.Internal {
		return false
	}
	events, err := s.store.Since(context.WithoutCancel(ctx), "bid/"+id, 0, 1)
	return err != nil || len(events) > 0
}

// again answers an envelope that came a second time with the receipt of the
// first: whoever has all its bytes made it or was sent it.
func (s *Service) again(in *incoming, failure error) (seal.Receipt, bool) {
	if !errors.Is(failure, errAlready) {
		return seal.Receipt{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.recent[in.digest]
	return r, ok
}

// incoming is an envelope on its way, known only in memory.
type incoming struct {
	head   []byte // what was read to get the header
	header seal.Header
	lot    *lot.Lot
	digest string
	size   int64
	whole  bool        // the header fits the size, as was found when it came
	over   func() bool // says that the cut-off put it on the record as unfinished; nil: it cannot have
}

// ForgetDay begins the day's counters anew, for programs that play many people.
func (s *Service) ForgetDay() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.counts)
}

// count limits what one person sends in a day of the machine's clock.
func (s *Service) count(person string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if day := evidence.Day(time.Now()); !day.Equal(s.day) {
		s.day, s.counts = day, map[string]int{}
	}
	if s.counts[person]++; s.counts[person] > dayLimit {
		return apperr.New(apperr.TooMany, "bid.too_many", "今天提交的次数太多（超过 %d 次）：请明天再试，或联系交易中心。", dayLimit)
	}
	return nil
}

// readHeader finds the lot whose cut-off key opens the header.
func (s *Service) readHeader(ctx context.Context, body io.Reader) (*incoming, error) {
	prefix := make([]byte, seal.PrefixSize)
	if _, err := io.ReadFull(body, prefix); err != nil {
		return nil, errMalformed.Because(err)
	}
	ids, err := s.candidates(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		key, err := s.keys.CutoffKey(id)
		if err != nil {
			return nil, err
		}
		if !seal.Mine(prefix, key) {
			continue
		}
		var head bytes.Buffer
		header, err := seal.ReadHeader(io.TeeReader(io.MultiReader(bytes.NewReader(prefix), body), &head), key)
		if err != nil {
			return nil, errMalformed.Because(err)
		}
		if header.Lot != id {
			return nil, errMalformed
		}
		l, err := lot.Read(ctx, s.store.DB(), id)
		return &incoming{head: head.Bytes(), header: header, lot: l}, err
	}
	return nil, errNotOpen
}

// candidates are the lots that receive bids, and those whose deadline passed
// not long ago, so that a late bid is told so.
func (s *Service) candidates(ctx context.Context) ([]string, error) {
	var ids []string
	err := s.store.DB().SelectContext(ctx, &ids, `SELECT id FROM lot
		WHERE state IN ('published', 'cut_off', 'opened', 'failed') AND bid_deadline > legal_now() - INTERVAL '7 days'
		ORDER BY bid_deadline`)
	if err != nil {
		return nil, fmt.Errorf("list lots that receive bids: %w", err)
	}
	return ids, nil
}

// judgeStart refuses what is begun too late or can never be accepted, before
// the rest is read.
func (s *Service) judgeStart(ctx context.Context, in *incoming) error {
	late, err := s.late(ctx, in.lot)
	if err != nil {
		return err
	}
	if late {
		return s.reject(ctx, in.lot.ID, "late", errLate)
	}
	return judgeHeader(in.lot, in.header)
}

func judgeHeader(l *lot.Lot, h seal.Header) error {
	if l.SuspendedSince != nil {
		return refuse("bid.suspended", "这个标段的招标投标活动已暂停，恢复之前不接收投标文件。")
	}
	if h.DocumentVersion != strconv.Itoa(l.DocumentVersion) || h.OpeningKey.Text() != *l.OpeningKey {
		return refuse("bid.not_current_document", "这份文件不是按现行招标文件（第 %d 版）制作的：请下载现行文件后重新制作。", l.DocumentVersion)
	}
	if d, err := h.DeadlineTime(); err != nil || d.After(*l.BidDeadline) {
		return refuse("bid.wrong_deadline", "这份文件里写的截止时间与公告不一致：请刷新标段页面后重新加密。").Because(err)
	}
	return nil
}

func (s *Service) late(ctx context.Context, l *lot.Lot) (bool, error) {
	var late bool
	err := s.store.DB().GetContext(ctx, &late, `SELECT bid_deadline <= legal_now() FROM lot WHERE id = $1`, l.ID)
	if err != nil {
		return false, fmt.Errorf("judge the deadline: %w", err)
	}
	return late || l.State != lot.Published, nil
}

// rejection is a refusal at the deadline, without a name.
func rejection(lotID, reason string) evidence.Draft {
	return evidence.Draft{Stream: "lot/" + lotID, Kind: "bid.reject_recorded", Actor: actor.Actor{Role: actor.Bidder},
		Fields: map[string]any{"reason": reason}}
}

// reject puts a refusal at the deadline on the lot's record, without a name.
func (s *Service) reject(ctx context.Context, lotID, reason string, refusal error) error {
	err := s.store.Change(context.WithoutCancel(ctx), func(tx *evidence.Tx) error {
		tx.Record(rejection(lotID, reason))
		return nil
	})
	if err != nil {
		return err
	}
	return refusal
}

// receive stores the file. When the line breaks, the deadline decides whether
// that was a 撤回.
func (s *Service) receive(ctx context.Context, in *incoming, id string, body io.Reader) error {
	digest := seal.NewDigest()
	r := &blob.Capped{R: io.MultiReader(bytes.NewReader(in.head), body), Left: MaxSize, Refusal: errTooLarge}
	n, err := s.files.Put(ctx, id, io.TeeReader(r, digest))
	if err != nil {
		return s.judgeEnd(ctx, in, s.whyBroken(err))
	}
	in.digest, in.size = digest.Sum(), n
	if err := seal.CheckStructure(in.header, n); err != nil {
		_ = s.files.Delete(context.WithoutCancel(ctx), id)
		return s.judgeEnd(ctx, in, errMalformed.Because(err))
	}
	return nil
}

func (s *Service) whyBroken(err error) error {
	if _, ours := apperr.From(err); ours {
		return err
	}
	return errBroken.Because(err)
}

// judgeEnd turns any failure after the deadline into 撤回, on the record; the
// line may be gone, the record is made all the same.
func (s *Service) judgeEnd(ctx context.Context, in *incoming, failure error) error {
	late, err := s.late(context.WithoutCancel(ctx), in.lot)
	if err != nil {
		return errors.Join(failure, err)
	}
	if late && in.over != nil && in.over() {
		return errUnfinished
	}
	if late || errors.Is(failure, errUnfinished) {
		return s.reject(ctx, in.lot.ID, "unfinished", errUnfinished)
	}
	return failure
}

// accept is the final transaction: the lot is shared-locked, so that the
// cut-off waits for it, and the deadline is judged by the database's clock
// after the lock.
func (s *Service) accept(ctx context.Context, in *incoming, id string) (seal.Receipt, error) {
	var event *evidence.Event
	var at time.Time
	err := s.store.Change(ctx, func(tx *evidence.Tx) error {
		l, err := lot.Share(ctx, tx, in.lot.ID)
		if err != nil {
			return err
		}
		if l.State != lot.Published || !tx.Now().Before(*l.BidDeadline) {
			return errUnfinished
		}
		if err := judgeHeader(l, in.header); err != nil {
			return err
		}
		tag, err := s.place(ctx, tx, in)
		if err != nil {
			return err
		}
		if err := insert(ctx, tx, in, id, tag); err != nil {
			return err
		}
		at = tx.Now()
		event = tx.Record(evidence.Draft{Stream: "bid/" + id, Kind: "bid.receipt_issued", Secret: true, Fields: map[string]any{
			"lot": in.lot.ID, "digest": in.digest, "size": in.size, "kind": string(in.header.Kind), "number": in.header.Number,
			"receivedAt": at.In(evidence.Beijing).Format(time.RFC3339Nano)}})
		return nil
	})
	if err != nil {
		return seal.Receipt{}, err
	}
	return s.sign(in, at, event)
}

func insert(ctx context.Context, tx *evidence.Tx, in *incoming, id string, tag []byte) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO envelope (id, stored_on, size_class, digest, prefix, tag)
		VALUES ($1, $2, $3, $4, $5, $6)`, id, evidence.Day(tx.Now()).In(evidence.Beijing).Format(time.DateOnly), in.size,
		in.digest, in.head, tag)
	switch {
	case database.Violates(err, "envelope_tag_unique"):
		return refuse("bid.not_newest", "这份投标文件已经有了第 %d 版：请在最新的一版上替换或撤回。", in.header.Number)
	case database.Violates(err, "envelope_digest_unique"):
		return errAlready
	case err != nil:
		return fmt.Errorf("store envelope: %w", err)
	}
	return nil
}

func tagInput(key seal.PublicKey, number int) []byte {
	return []byte(key.Text() + "/" + strconv.Itoa(number))
}

// place finds the envelope that this one replaces and checks the one-time key's
// signature over it. The tag refuses a second envelope of the same number.
func (s *Service) place(ctx context.Context, tx *evidence.Tx, in *incoming) ([]byte, error) {
	h := in.header
	if h.Number > 1 {
		bad := refuse("bid.bad_replacement", "替换或撤回没有通过核验：它应当由原投标文件的密钥签名，并指明所替换的最新一版。")
		var head []byte
		err := tx.GetContext(ctx, &head, `SELECT prefix FROM envelope WHERE digest = $1`, h.Replaces)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, bad
		}
		if err != nil {
			return nil, fmt.Errorf("find the replaced envelope: %w", err)
		}
		old, err := s.header(in.lot.ID, head)
		if err != nil {
			return nil, bad.Because(err)
		}
		if err := seal.CheckReplacement(old, h.Replaces, h); err != nil {
			return nil, bad.Because(err)
		}
	}
	return s.keys.Tag(in.lot.ID, tagInput(h.OneTimeKey, h.Number))
}

// header reads the header of a stored envelope with the lot's key.
func (s *Service) header(lotID string, head []byte) (seal.Header, error) {
	key, err := s.keys.CutoffKey(lotID)
	if err != nil {
		return seal.Header{}, err
	}
	return seal.ReadHeader(bytes.NewReader(head), key)
}

func (s *Service) sign(in *incoming, at time.Time, e *evidence.Event) (seal.Receipt, error) {
	openings := map[string]map[string]string{}
	for _, f := range e.Fields {
		openings[f.Name] = map[string]string{"value": string(f.Value), "salt": fmt.Sprintf("%x", f.Salt)}
	}
	raw, err := json.Marshal(openings)
	if err != nil {
		return seal.Receipt{}, fmt.Errorf("encode openings: %w", err)
	}
	r, err := seal.NewReceipt(in.header, in.digest, in.size, at, seal.ReceiptEvent{Stream: e.Stream, ID: e.ID, Seq: e.Seq, Openings: raw})
	if err != nil {
		return seal.Receipt{}, err
	}
	p := s.keys.Platform()
	return seal.SignReceipt(r, p.Ed25519, p.SM2)
}
