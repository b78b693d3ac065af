package opening

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/canon"
	"jianbiao/internal/evidence"
	"jianbiao/internal/seal"
)

// Reasons are the reason codes of a failed decryption attempt, with the Chinese
// names that a bidder chooses from.
var Reasons = map[string]string{
	"wrong_passphrase":    "口令不对",
	"key_missing":         "本机没有这份文件的私钥",
	"key_damaged":         "保险箱损坏，读不出私钥",
	"browser_unsupported": "浏览器不支持",
	"envelope_unreadable": "收到的文件信息读不出来",
	"network":             "网络故障",
	"part_mismatch":       "解密份额与回执中的承诺不符",
	"other":               "其他原因",
}

// Signed is what every command of a bidder carries: the digest of his bid, and
// a signature by the bid's one-time key over the command (SignedMessage). It is
// the key that speaks, not the session: before the roster the platform does not
// know whose it is.
type Signed struct {
	Digest    string `json:"digest"`
	Signature string `json:"signature"`
}

// Tag separates the signatures of one command from those of every other.
func Tag(command string) string { return "jianbiao/" + command + "/v1" }

// SignedMessage is the canonical JSON that a bidder signs: the input without the
// signature, and the lot.
func SignedMessage(lotID, digest string, more map[string]any) ([]byte, error) {
	m := map[string]any{"lot": lotID, "digest": digest}
	for k, v := range more {
		m[k] = v
	}
	return canon.Marshal(m)
}

var (
	errNoBid = apperr.New(apperr.NotFound, "opening.bid_not_found", "截止记录里没有这份投标文件：如果您有它的回执，请点“报告回执缺失”。")
	errSign  = apperr.New(apperr.Forbidden, "opening.bad_signature", "签名没有通过核验：请用提交这份投标文件的保险箱再试一次。")
)

// own finds the bid and checks that its key signed the command.
func (h *hall) own(command string, in Signed, more map[string]any) (*Bid, error) {
	b := h.bid(in.Digest)
	if b == nil {
		return nil, errNoBid
	}
	key, err := seal.ParsePublicKey(b.OneTimeKey)
	if err != nil {
		return nil, fmt.Errorf("one-time key of bid %s: %w", b.Digest, err)
	}
	msg, err := SignedMessage(h.lot.ID, in.Digest, more)
	if err != nil {
		return nil, err
	}
	if err := seal.VerifyOneTime(key, Tag(command), msg, in.Signature); err != nil {
		return nil, errSign.Because(err)
	}
	return b, nil
}

// CheckSeal is 密封检查: the bidder's client found its own digest in the cut-off
// record and says so.
func (s *Service) CheckSeal(ctx context.Context, who actor.Actor, lotID string, in Signed) error {
	return s.command(ctx, who, lotID, "check_seal", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		b, err := h.own("check_seal", in, nil)
		if err != nil {
			return nil, err
		}
		if h.out(b) {
			return nil, errOut
		}
		if b.SealCheckedAt != nil {
			return nil, apperr.New(apperr.Conflict, "opening.seal_checked", "密封检查已经确认过了，不需要再做。")
		}
		return map[string]any{"digest": b.Digest}, exec(ctx, tx, "check seal",
			`UPDATE bid SET sealed_checked_at = $1 WHERE lot_id = $2 AND digest = $3`, tx.Now(), lotID, b.Digest)
	})
}

// ReportMissing shows a receipt whose envelope is not in the cut-off record. A
// receipt that the platform signed and that nothing newer replaced stops the
// opening until the session is postponed and the matter cleared.
func (s *Service) ReportMissing(ctx context.Context, who actor.Actor, lotID string, receipt seal.Receipt) error {
	return s.command(ctx, who, lotID, "report_missing", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		if err := s.checkMissing(ctx, h, receipt); err != nil {
			return nil, err
		}
		return map[string]any{"digest": receipt.Digest, "receivedAt": receipt.ReceivedAt}, exec(ctx, tx, "report missing receipt",
			`UPDATE opening SET missing_receipts = missing_receipts + 1 WHERE lot_id = $1`, lotID)
	})
}

func (s *Service) checkMissing(ctx context.Context, h *hall, receipt seal.Receipt) error {
	p := s.platform.Platform()
	pub, err := edPublic(p.Ed25519)
	if err != nil {
		return err
	}
	if err := seal.VerifyReceipt(receipt, pub, p.SM2.Public()); err != nil || receipt.Lot != h.lot.ID {
		return apperr.New(apperr.Forbidden, "opening.receipt_false", "这份回执不是本平台为本标段出具的，不能作为依据。").Because(err)
	}
	notMissing := apperr.New(apperr.Precondition, "opening.receipt_not_missing", "这份回执对应的文件在截止记录中，或已被更新的一版替换、撤回，没有缺失。")
	if h.bid(receipt.Digest) != nil {
		return notMissing
	}
	records, err := s.store.OfKind(ctx, h.lot.Stream(), "cutoff.recorded")
	if err != nil {
		return err
	}
	for i := range records {
		var superseded []string
		if _, err := records[i].Get("superseded", &superseded); err != nil {
			return fmt.Errorf("read cut-off record: %w", err)
		}
		if slices.Contains(superseded, receipt.Digest) {
			return notMissing
		}
	}
	return nil
}

// ReleaseInput carries the bidder's part of each section key, base64url.
type ReleaseInput struct {
	Signed
	Parts map[string]string `json:"parts"`
}

// ReleasePart is the first half of a bid's decryption: the client unwrapped its
// parts on its own machine and sends them. They are judged by the commitments
// of the sealed header and open nothing now. A part that does not match is an
// attempt on the record, and may be tried again within the window.
func (s *Service) ReleasePart(ctx context.Context, who actor.Actor, lotID string, in ReleaseInput) error {
	var mismatch error
	err := s.command(ctx, who, lotID, "release_part", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		b, err := h.own("release_part", in.Signed, map[string]any{"parts": in.Parts})
		if err != nil {
			return nil, err
		}
		if h.out(b) {
			return nil, errOut
		}
		if b.PartState == PartReleased {
			return nil, apperr.New(apperr.Conflict, "opening.part_released", "您的解密份额已经收到，不需要重复提交。")
		}
		if err := h.thisSession(in.Parts); err != nil {
			return nil, err
		}
		if mismatch = h.checkParts(b, in.Parts); mismatch != nil {
			return nil, mismatch
		}
		raw, err := canon.Marshal(in.Parts)
		if err != nil {
			return nil, err
		}
		return map[string]any{"digest": b.Digest, "attempt": b.Attempts + 1, "parts": in.Parts}, exec(ctx, tx, "release part",
			`UPDATE bid SET part_state = $1, parts = $2, released_at = $3, attempts = attempts + 1, failure_reason = NULL
			 WHERE lot_id = $4 AND digest = $5`, PartReleased, raw, tx.Now(), lotID, b.Digest)
	})
	if mismatch == nil || !errors.Is(err, mismatch) {
		return err
	}
	// The refusal is evidence: it decides who is to blame if nothing better comes.
	if err := s.fail(ctx, who, lotID, in.Digest, "part_mismatch", ""); err != nil {
		return err
	}
	return mismatch
}

// thisSession refuses parts of the other envelope (双信封). They are not kept,
// nor noted as an attempt: the part of a second envelope stays with its bidder.
func (h *hall) thisSession(parts map[string]string) error {
	for name := range parts {
		if !h.now(name) {
			return apperr.New(apperr.Precondition, "opening.other_session", "提交的解密份额里有不在本次开标开启的部分，没有接受：请刷新页面，只提交本次开标的份额。")
		}
	}
	return nil
}

func (h *hall) checkParts(b *Bid, parts map[string]string) error {
	head, err := b.Header()
	if err != nil {
		return err
	}
	wrong := apperr.New(apperr.Precondition, "opening.part_mismatch", "解密份额与回执中的承诺不一致，没有接受：请确认用的是提交这份文件的保险箱，再试一次。")
	needed := 0
	for _, sec := range head.Sections {
		if sec.Parts != seal.PartsBoth || !h.now(sec.Name) {
			continue
		}
		needed++
		part, err := base64.RawURLEncoding.DecodeString(parts[sec.Name])
		if err != nil || !head.CheckPart(sec.Name, seal.RoleBidder, part) {
			return wrong.Because(err)
		}
	}
	if len(parts) != needed {
		return wrong
	}
	return nil
}

// FailureInput is what a client says about an attempt that failed on its side.
type FailureInput struct {
	Signed
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// ReportFailure records an attempt that failed on the bidder's machine, with its
// reason. It is not signed: who lost his key cannot sign; so it decides
// nothing, and the next release may succeed.
func (s *Service) ReportFailure(ctx context.Context, who actor.Actor, lotID string, in FailureInput) error {
	if _, ok := Reasons[in.Reason]; !ok {
		return apperr.New(apperr.Invalid, "opening.reason", "请选择失败的原因。").With("reason", "请选择。")
	}
	if len([]rune(in.Detail)) > 500 {
		return apperr.New(apperr.Invalid, "opening.text", "说明不超过 500 个字。").With("detail", "太长了。")
	}
	return s.fail(ctx, who, lotID, in.Digest, in.Reason, in.Detail)
}

func (s *Service) fail(ctx context.Context, who actor.Actor, lotID, digest, reason, detail string) error {
	return s.command(ctx, who, lotID, "report_failure", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		b := h.bid(digest)
		if b == nil {
			return nil, errNoBid
		}
		if b.OrganisationID == nil || *b.OrganisationID != who.OrganisationID {
			return nil, apperr.New(apperr.Forbidden, "opening.not_your_bid", "这不是贵单位的投标文件。")
		}
		if h.out(b) {
			return nil, errOut
		}
		if b.PartState == PartReleased {
			return nil, apperr.New(apperr.Conflict, "opening.part_released", "您的解密份额已经收到，不需要再报告失败。")
		}
		return map[string]any{"digest": digest, "attempt": b.Attempts + 1, "reason": reason, "detail": detail}, exec(ctx, tx, "report failure",
			`UPDATE bid SET part_state = $1, attempts = attempts + 1, failure_reason = $2 WHERE lot_id = $3 AND digest = $4`,
			PartFailed, reason, lotID, digest)
	})
}

// ObjectionInput is an objection raised on the spot (实施条例 44).
type ObjectionInput struct {
	Signed
	Text string `json:"text"`
}

// RaiseObjection puts an objection on the record; the opening cannot end before
// it is answered.
func (s *Service) RaiseObjection(ctx context.Context, who actor.Actor, lotID string, in ObjectionInput) (string, error) {
	text, err := checkText("text", in.Text, 3000)
	if err != nil {
		return "", err
	}
	id := uuid.NewString()
	err = s.command(ctx, who, lotID, "raise_objection", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		b, err := h.own("raise_objection", in.Signed, map[string]any{"text": in.Text})
		if err != nil {
			return nil, err
		}
		return map[string]any{"objection": id, "digest": b.Digest, "text": text}, errors.Join(
			exec(ctx, tx, "raise objection", `INSERT INTO opening_objection (id, lot_id, digest, text, raised_at, session) VALUES ($1, $2, $3, $4, $5, $6)`,
				id, lotID, b.Digest, text, tx.Now(), h.o.Session),
			exec(ctx, tx, "raise objection", `UPDATE bid SET no_objection_at = NULL WHERE lot_id = $1 AND digest = $2`, lotID, b.Digest))
	})
	return id, err
}

// NoObjection says that the bidder has no (further) objection.
func (s *Service) NoObjection(ctx context.Context, who actor.Actor, lotID string, in Signed) error {
	return s.command(ctx, who, lotID, "no_objection", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		b, err := h.own("no_objection", in, nil)
		if err != nil {
			return nil, err
		}
		if b.NoObjectionAt != nil {
			return nil, apperr.New(apperr.Conflict, "opening.waived", "您已经确认无异议。")
		}
		return map[string]any{"digest": b.Digest}, exec(ctx, tx, "no objection",
			`UPDATE bid SET no_objection_at = $1 WHERE lot_id = $2 AND digest = $3`, tx.Now(), lotID, b.Digest)
	})
}

// ConfirmInput is a signature over the frozen record.
type ConfirmInput struct {
	Signed
	RecordDigest string `json:"recordDigest"`
}

// ConfirmRecord confirms the opening record (开标记录) with the bid's key.
func (s *Service) ConfirmRecord(ctx context.Context, who actor.Actor, lotID string, in ConfirmInput) error {
	return s.command(ctx, who, lotID, "confirm_record", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		b, err := h.own("confirm_record", in.Signed, map[string]any{"recordDigest": in.RecordDigest})
		if err != nil {
			return nil, err
		}
		if h.o.RecordDigest == nil || in.RecordDigest != *h.o.RecordDigest {
			return nil, apperr.New(apperr.Conflict, "opening.other_record", "您签的不是现在这份开标记录：请刷新后重新确认。")
		}
		if b.ConfirmedAt != nil {
			return nil, apperr.New(apperr.Conflict, "opening.confirmed", "您已经确认过开标记录。")
		}
		return map[string]any{"digest": b.Digest, "recordDigest": in.RecordDigest, "signature": in.Signature}, exec(ctx, tx, "confirm record",
			`UPDATE bid SET confirmed_at = $1, confirmation = $2 WHERE lot_id = $3 AND digest = $4`, tx.Now(), in.Signature, lotID, b.Digest)
	})
}
