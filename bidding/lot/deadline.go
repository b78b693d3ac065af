package lot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

// PostponeDeadline moves the deadline, and with it the opening, to a later time,
// and publishes that. Bids that are sealed already stay valid. Errors:
// lot.reason_missing, lot.not_later, lot.state.
func (s *Service) PostponeDeadline(ctx context.Context, who actor.Actor, id string, to time.Time, reason string) error {
	reason = strings.TrimSpace(reason)
	if reason == "" || len([]rune(reason)) > 2000 {
		return apperr.New(apperr.Invalid, "lot.reason_missing", "请写明推迟的原因，它会公布。").With("reason", "必填，不超过 2000 字。")
	}
	return s.store.Change(ctx, func(tx *evidence.Tx) error {
		l, _, err := s.lock(ctx, tx, who, id, "postpone_deadline")
		if err != nil {
			return err
		}
		from := *l.BidDeadline
		if err := s.mayMove(tx, l, to); err != nil {
			return err
		}
		notice, err := s.PublishNotice(ctx, tx, l, NoticeText{Kind: noticePostponement, Title: fmt.Sprintf("%s %s延期公告", l.Project.Name, l.Name),
			Body: fmt.Sprintf("投标截止时间和开标时间由%s推迟到%s。\n原因：%s", spoken(from), spoken(*l.BidDeadline), reason)})
		if err != nil {
			return err
		}
		if err := postpone(ctx, tx, who, l, from, reason, notice); err != nil {
			return err
		}
		return s.recheck(ctx, tx, l, "postpone_deadline")
	})
}

// mayMove judges a new deadline of a locked lot and sets it in l, not yet in
// the database: notices name the dates that hold from now on.
func (s *Service) mayMove(tx *evidence.Tx, l *Lot, to time.Time) error {
	to = to.Truncate(time.Second)
	if !to.After(*l.BidDeadline) || !to.After(tx.Now()) {
		return errNotLater()
	}
	if err := s.lawful(l, &Plan{IssuedAt: *l.PublishedAt, SaleEnd: l.SaleEnd, BidDeadline: &to}); err != nil {
		return field(err, "to")
	}
	l.BidDeadline = &to
	return nil
}

func errNotLater() error {
	return apperr.New(apperr.Invalid, "lot.not_later", "新的截止时间应晚于现在，也晚于原来的截止时间。").With("to", "请选择更晚的时间。")
}

// postpone stores the deadline that mayMove has set, with the opening. A
// suspension that lasted only until that was done ends.
func postpone(ctx context.Context, tx *evidence.Tx, who actor.Actor, l *Lot, from time.Time, reason string, notice *Notice) error {
	if _, err := tx.ExecContext(ctx, `UPDATE lot SET bid_deadline = $1, updated_at = $2 WHERE id = $3`, l.BidDeadline, tx.Now(), l.ID); err != nil {
		return fmt.Errorf("postpone deadline: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE opening SET scheduled_at = $1 WHERE lot_id = $2`, l.BidDeadline, l.ID); err != nil {
		return fmt.Errorf("postpone opening: %w", err)
	}
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: "lot.deadline_postponed", Actor: who, Fields: map[string]any{
		"from": stamp(from), "to": stamp(*l.BidDeadline), "reason": reason, "number": notice.Number, "digest": notice.Digest}})
	return lift(ctx, tx, who, l, causeDeadline, "cause = $2", causeDeadline)
}

// Terminate ends the tender (终止招标) with a reason. If it was public, so is its
// end, in the same moment (招标投标法实施条例 31; R15-1).
func (s *Service) Terminate(ctx context.Context, who actor.Actor, id, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" || len([]rune(reason)) > 2000 {
		return apperr.New(apperr.Invalid, "lot.reason_missing", "请写明终止的原因，它会公布。").With("reason", "必填，不超过 2000 字。")
	}
	return s.store.Change(ctx, func(tx *evidence.Tx) error {
		l, row, err := s.lock(ctx, tx, who, id, "terminate")
		if err != nil {
			return err
		}
		if err := move(ctx, tx, l, row.To); err != nil {
			return err
		}
		tx.Record(evidence.Draft{Stream: l.Stream(), Kind: row.Emit, Actor: who, Fields: map[string]any{"reason": reason}})
		if l.PublishedAt == nil {
			return nil
		}
		notice, err := s.PublishNotice(ctx, tx, l, NoticeText{Kind: noticeTermination, Title: fmt.Sprintf("%s %s终止公告", l.Project.Name, l.Name),
			Body: fmt.Sprintf("本次招标终止。\n原因：%s\n已收取投标保证金的，退还保证金及银行同期存款利息。", reason)})
		if err != nil {
			return err
		}
		tx.Record(evidence.Draft{Stream: l.Stream(), Kind: "termination.published", Actor: who, Fields: map[string]any{
			"number": notice.Number, "title": notice.Title, "digest": notice.Digest}})
		c, err := s.checkPeriod(l.law().End, tx.Now(), notice.PublishedAt)
		if err != nil {
			return err
		}
		return keepChecks(ctx, tx, l, "terminate", c)
	})
}

var weekdays = [...]string{"日", "一", "二", "三", "四", "五", "六"}

// spoken is an instant as a notice says it: 2026年3月24日（星期二）09:30.
func spoken(t time.Time) string {
	t = t.In(evidence.Beijing)
	return fmt.Sprintf("%d年%d月%d日（星期%s）%s", t.Year(), t.Month(), t.Day(), weekdays[t.Weekday()], t.Format("15:04"))
}
