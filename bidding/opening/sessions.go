package opening

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

// A tender of two envelopes (双信封) is opened in two sessions (docs/adr/0014-two-sessions.md).
// The second goes through the same rows as the first, over the sections of the
// second envelope, for the bids that passed the review of the first. What the
// first left is kept frozen in opening_session.

// What the review of the first envelope (第一信封评审) found of a bid.
const (
	ReviewPassed = "passed"
	ReviewFailed = "failed"
)

func (b *Bid) passed() bool { return b.Review != nil && *b.Review == ReviewPassed }

func (h *hall) second() bool { return h.o.Session == lot.SecondSession }

// out says that a bid takes no part in the session: it did not pass the review,
// or did not open in the first. Its second envelope stays sealed.
func (h *hall) out(b *Bid) bool { return h.second() && !b.passed() }

// final says that contents read now are the last: prices are known, and the
// random coefficient may be drawn.
func (h *hall) final() bool { return !h.params.TwoSessions() || h.second() }

// now says whether a section of a bid is opened in this session.
func (h *hall) now(section string) bool { return h.params.SessionOf(section) == h.o.Session }

var errOut = apperr.New(apperr.Precondition, "opening.not_in_session", "这份投标文件没有进入第二次开标，它的第二信封保持密封。")

// CloseFirst ends the first session of two: the second envelopes stay sealed
// until the first were reviewed. Hall and record are frozen as they are.
func (s *Service) CloseFirst(ctx context.Context, who actor.Actor, lotID string) error {
	return s.command(ctx, who, lotID, "close_first", func(tx *evidence.Tx, h *hall, row step) (map[string]any, error) {
		if err := exec(ctx, tx, "close first session", `UPDATE opening SET closed_at = $1 WHERE lot_id = $2`, tx.Now(), lotID); err != nil {
			return nil, err
		}
		silent := count(h.bids, func(b *Bid) bool { return b.opened() && b.ConfirmedAt == nil })
		return map[string]any{"recordDigest": *h.o.RecordDigest, "unconfirmed": silent, "session": lot.FirstSession}, keepSession(ctx, tx, h, row.To)
	})
}

// keepSession puts the session that is over away as everybody saw it.
func keepSession(ctx context.Context, tx *evidence.Tx, h *hall, to State) error {
	snap, err := readSnapshot(ctx, tx, h.lot.ID)
	if err != nil {
		return err
	}
	snap.State, snap.StateLabel, snap.Step = to, Table.Labels[to], Step(to)
	raw, err := json.Marshal(snap)
	if err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	return exec(ctx, tx, "keep session", `INSERT INTO opening_session (lot_id, session, scheduled_at, closed_at, record, record_digest, hall)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, h.lot.ID, h.o.Session, h.o.ScheduledAt, tx.Now(), h.o.Record, *h.o.RecordDigest, raw)
}

// FailedReview is a bid that did not pass, and why.
type FailedReview struct {
	Digest string `json:"digest"`
	Reason string `json:"reason"`
}

// ReviewInput is the result of the review of the first envelope. Report is the
// number of the evaluation's report; ReportDigest its digest, "" for none.
type ReviewInput struct {
	Pass         []string       `json:"pass"`
	Failed       []FailedReview `json:"failed"`
	Report       string         `json:"report"`
	ReportDigest string         `json:"reportDigest"`
}

var digestForm = regexp.MustCompile(`^(sm3:[0-9a-f]{64})?$`)

// ReviewedBid is one bid in the event of the review.
type ReviewedBid struct {
	Digest       string `json:"digest"`
	Organisation string `json:"organisation"`
	Reason       string `json:"reason"`
}

// Review records which bids passed the review of the first envelope. It may be
// corrected until the second session is announced; each correction is on the
// record. Errors: opening.review_incomplete, opening.review_unknown_bid,
// opening.text, opening.report_digest.
func (s *Service) Review(ctx context.Context, who actor.Actor, lotID string, in ReviewInput) error {
	report, err := checkText("report", in.Report, 100)
	if err != nil {
		return err
	}
	if !digestForm.MatchString(in.ReportDigest) {
		return apperr.New(apperr.Invalid, "opening.report_digest", "评审报告的摘要应为 sm3: 加 64 位十六进制数，没有可以不填。").With("reportDigest", "格式不对。")
	}
	return s.command(ctx, who, lotID, "review", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		found, err := h.judgeReview(in)
		if err != nil {
			return nil, err
		}
		lists := map[string][]ReviewedBid{ReviewPassed: {}, ReviewFailed: {}}
		for i := range h.bids {
			b := &h.bids[i]
			reason, ok := found[b.Digest]
			if !ok {
				continue
			}
			result := ReviewPassed
			if reason != "" {
				result = ReviewFailed
			}
			lists[result] = append(lists[result], ReviewedBid{Digest: b.Digest, Organisation: text(b.Organisation), Reason: reason})
			if err := exec(ctx, tx, "review bid", `UPDATE bid SET review = $1, review_reason = NULLIF($2, '') WHERE lot_id = $3 AND digest = $4`,
				result, reason, lotID, b.Digest); err != nil {
				return nil, err
			}
		}
		return map[string]any{"passed": lists[ReviewPassed], "failed": lists[ReviewFailed], "count": len(lists[ReviewPassed]), "of": len(found),
				"report": report, "reportDigest": in.ReportDigest}, exec(ctx, tx, "record review",
				`UPDATE opening SET reviewed_at = $1, review_report = $2, review_digest = NULLIF($3, '') WHERE lot_id = $4`, tx.Now(), report, in.ReportDigest, lotID)
	})
}

// judgeReview answers for each bid that opened why it failed, "" for one that
// passed: every one of them once, and no other.
func (h *hall) judgeReview(in ReviewInput) (map[string]string, error) {
	found := map[string]string{}
	all := make([]FailedReview, 0, len(in.Pass)+len(in.Failed))
	for _, digest := range in.Pass {
		all = append(all, FailedReview{Digest: digest})
	}
	for _, f := range in.Failed {
		reason, err := checkText("failed", f.Reason, 1000)
		if err != nil {
			return nil, apperr.New(apperr.Invalid, "opening.review_reason", "请写明每一家未通过评审的理由，不超过 1000 个字。").With("failed", "必填。")
		}
		all = append(all, FailedReview{Digest: f.Digest, Reason: reason})
	}
	for _, f := range all {
		b := h.bid(f.Digest)
		if _, twice := found[f.Digest]; b == nil || !b.opened() || twice {
			return nil, apperr.New(apperr.Invalid, "opening.review_unknown_bid", "评审结果里有一份投标文件不在第一次开标已打开的文件之中，或出现了两次。").With("pass", "请核对。")
		}
		found[f.Digest] = f.Reason
	}
	if n := count(h.bids, (*Bid).opened); len(found) != n {
		return nil, apperr.New(apperr.Invalid, "opening.review_incomplete", "第一次开标打开了 %d 份投标文件，每一份都要有评审结果。", n).With("pass", "请逐一选择。")
	}
	return found, nil
}

// ScheduleSecond announces when the second session is held; it may be announced
// anew until its hall opens. Fewer than three bids left do not stop it: whether
// there is still competition is for the evaluation committee to say.
func (s *Service) ScheduleSecond(ctx context.Context, who actor.Actor, lotID string, at time.Time) error {
	at = at.Truncate(time.Second)
	return s.command(ctx, who, lotID, "schedule_second", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		if !at.After(tx.Now()) {
			return nil, apperr.New(apperr.Invalid, "opening.second_past", "第二次开标时间应晚于现在。").With("at", "请选择更晚的时间。")
		}
		passed := count(h.bids, (*Bid).passed)
		title := h.lot.Name + "第二信封开标通知"
		body := fmt.Sprintf("%s（标段编号 %s）第一信封（商务及技术文件）的评审已经结束，%d 家投标人通过评审（评审报告：%s）。第二信封（报价文件）定于 %s 在本平台不见面开标大厅开启，请通过评审的投标人准时进入大厅，用投标保险箱释放第二信封的解密份额。未通过评审的投标人的第二信封不予开启。",
			h.lot.Name, h.lot.Code, passed, text(h.o.ReviewReport), spoken(stamp(at)))
		number, digest, err := lot.AddNotice(ctx, tx, h.lot, "second_session", title, body)
		if err != nil {
			return nil, err
		}
		return map[string]any{"at": stamp(at), "passed": passed, "number": number, "title": title, "digest": digest}, exec(ctx, tx, "schedule second session",
			`UPDATE opening SET scheduled_at = $1, second_noticed_at = $2 WHERE lot_id = $3`, at, tx.Now(), lotID)
	})
}

// CancelSecond ends the tender when no bid passed the review: the second
// envelopes stay sealed for good, and the lot has failed.
func (s *Service) CancelSecond(ctx context.Context, who actor.Actor, lotID, reason string) error {
	reason, err := checkText("reason", reason, 1000)
	if err != nil {
		return err
	}
	return s.command(ctx, who, lotID, "cancel_second", func(tx *evidence.Tx, h *hall, _ step) (map[string]any, error) {
		return map[string]any{"reason": reason}, errors.Join(
			lot.Move(ctx, tx, actor.System(), h.lot, "fail", map[string]any{"reason": "none_passed"}))
	})
}

// enterSecond makes the opening ready for its second session: what the first
// left is in opening_session, and the bids wait again. The forms of the first
// envelope stay.
func enterSecond(ctx context.Context, tx *evidence.Tx, lotID string) error {
	return errors.Join(
		exec(ctx, tx, "enter second session", `UPDATE opening SET session = 2, started_at = NULL, seal_check_until = NULL, decrypt_from = NULL,
			decrypt_until = NULL, closed_window_at = NULL, objection_from = NULL, objection_until = NULL, confirm_from = NULL, confirm_until = NULL,
			closed_at = NULL, paused_since = NULL, pause_reason = NULL, missing_receipts = 0, postponed_reason = NULL, host_confirmed_at = NULL,
			record = NULL, record_digest = NULL, files_checked_at = NULL WHERE lot_id = $1`, lotID),
		exec(ctx, tx, "enter second session", `UPDATE bid SET part_state = 'waiting', parts = NULL, released_at = NULL, attempts = 0, failure_reason = NULL,
			sealed_checked_at = NULL, no_objection_at = NULL, confirmed_at = NULL, confirmation = NULL,
			outcome_reason = CASE review WHEN 'passed' THEN NULL WHEN 'failed' THEN review_reason ELSE outcome_reason END,
			outcome = CASE review WHEN 'passed' THEN NULL WHEN 'failed' THEN 'rejected' ELSE outcome END WHERE lot_id = $1`, lotID))
}

// publishPassed announces in the second session whose second envelopes are
// opened; nothing is opened for it.
func (s *Service) publishPassed(ctx context.Context, tx *evidence.Tx, h *hall) (map[string]any, error) {
	entries := []RosterEntry{}
	for i := range h.bids {
		if b := &h.bids[i]; b.passed() {
			entries = append(entries, RosterEntry{No: b.RowNo, Digest: b.Digest, Organisation: text(b.Organisation), USCC: text(b.USCC)})
		}
	}
	return map[string]any{"bidders": entries, "session": lot.SecondSession},
		exec(ctx, tx, "publish who passed", `UPDATE opening SET roster_at = $1 WHERE lot_id = $2`, tx.Now(), h.lot.ID)
}

// Past is a session that is over, as it was frozen.
type Past struct {
	Session      int       `db:"session" json:"session"`
	ScheduledAt  time.Time `db:"scheduled_at" json:"scheduledAt"`
	ClosedAt     time.Time `db:"closed_at" json:"closedAt"`
	RecordDigest string    `db:"record_digest" json:"recordDigest"`
}

// SessionSnapshot is the hall of a session that is over: as it was frozen, or as
// it stands. 0 asks for the last one that is over, and for the present one while
// none is. Error: opening.no_session.
func (s *Service) SessionSnapshot(ctx context.Context, lotID string, session int) (*Snapshot, error) {
	snap, err := s.Snapshot(ctx, lotID)
	if err != nil {
		return nil, err
	}
	last := len(snap.Past)
	if session == 0 && snap.State != Closed && last > 0 {
		session = snap.Past[last-1].Session
	}
	frozen := slices.ContainsFunc(snap.Past, func(p Past) bool { return p.Session == session })
	if !frozen && (session == 0 || session == snap.Session) {
		return snap, nil
	}
	var raw [][]byte
	if err := s.store.DB().SelectContext(ctx, &raw, `SELECT hall FROM opening_session WHERE lot_id = $1 AND session = $2`, snap.Lot.ID, session); err != nil {
		return nil, fmt.Errorf("read session %d: %w", session, err)
	}
	if len(raw) == 0 {
		return nil, apperr.New(apperr.NotFound, "opening.no_session", "没有这一次开标的记录：它还没有结束，或这个项目只有一次开标。")
	}
	then := &Snapshot{}
	if err := json.Unmarshal(raw[0], then); err != nil {
		return nil, fmt.Errorf("decode session %d: %w", session, err)
	}
	return then, nil
}
