package lot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

// The causes of a suspension (暂停); a lot goes on when none of them stands.
const (
	causeObjection = "objection" // 异议未答复 (招标投标法实施条例 22)
	causeAuthority = "authority" // 行政监督部门责令暂停 (招标投标法实施条例 62)
	causeHost      = "host"      // 招标人暂停
	causeDeadline  = "deadline"  // the deadline passed in a suspension and is to be postponed first
)

// SuspensionCauses are the Chinese names of the causes.
var SuspensionCauses = map[string]string{causeObjection: "异议尚未答复", causeAuthority: "行政监督部门责令暂停", causeHost: "招标人暂停",
	causeDeadline: "投标截止时间在暂停期间届满，等待推迟"}

// Suspension is one cause, from its beginning to its end.
type Suspension struct {
	ID          string     `db:"id" json:"id"`
	Cause       string     `db:"cause" json:"cause"`
	Label       string     `db:"-" json:"label"`
	Reason      string     `db:"reason" json:"reason"`
	OrderNumber *string    `db:"order_number" json:"orderNumber,omitempty"` // 文号
	By          string     `db:"by_name" json:"by,omitempty"`
	From        time.Time  `db:"from_at" json:"from"`
	Until       *time.Time `db:"until_at" json:"until,omitempty"`
}

// Suspensions are the lot's suspensions in order.
func (s *Service) Suspensions(ctx context.Context, lotID string) ([]Suspension, error) {
	out := []Suspension{}
	if err := s.store.DB().SelectContext(ctx, &out, `SELECT id, cause, reason, order_number, by_name, from_at, until_at
		FROM suspension WHERE lot_id = $1 ORDER BY from_at, id`, lotID); err != nil {
		return nil, fmt.Errorf("read suspensions: %w", err)
	}
	for i := range out {
		out[i].Label = SuspensionCauses[out[i].Cause]
	}
	return out, nil
}

// SuspendInput is why a lot is suspended. An authority names the number of its
// order (文号), which is published.
type SuspendInput struct {
	Reason string
	Order  string
}

func (in *SuspendInput) check(who actor.Actor) error {
	in.Reason, in.Order = strings.TrimSpace(in.Reason), strings.TrimSpace(in.Order)
	if in.Reason == "" || len([]rune(in.Reason)) > 2000 {
		return apperr.New(apperr.Invalid, "lot.reason_missing", "请写明暂停的原因，它会公布。").With("reason", "必填，不超过 2000 字。")
	}
	if who.In(actor.Supervisor) && (in.Order == "" || len([]rune(in.Order)) > 100) {
		return apperr.New(apperr.Invalid, "lot.order_number", "责令暂停应当有书面决定：请填写决定书的文号。").
			With("order", "必填，不超过 100 字。").By("招标投标法实施条例第六十二条")
	}
	return nil
}

// Suspend stops the clockwork of a lot: no cut-off and no opening while a cause
// stands (招标投标法实施条例 22, 62). Errors: lot.reason_missing,
// lot.order_number, lot.suspended, lot.state.
func (s *Service) Suspend(ctx context.Context, who actor.Actor, id string, in SuspendInput) error {
	if err := in.check(who); err != nil {
		return err
	}
	return s.store.Change(ctx, func(tx *evidence.Tx) error {
		l, row, err := s.lock(ctx, tx, who, id, "suspend")
		if err != nil {
			return err
		}
		cause := Suspension{Cause: causeHost, Reason: in.Reason, By: who.OrganisationName}
		if !l.HostedBy(who) {
			cause.Cause, cause.OrderNumber = causeAuthority, &in.Order
			var stands bool
			if err := tx.GetContext(ctx, &stands, `SELECT EXISTS (SELECT FROM suspension WHERE lot_id = $1 AND order_number = $2 AND until_at IS NULL)`, l.ID, in.Order); err != nil {
				return fmt.Errorf("look for the order: %w", err)
			}
			if stands {
				return apperr.New(apperr.Precondition, "lot.suspended", "“%s”的暂停已经生效，不需要再次暂停。", in.Order)
			}
		}
		return s.hold(ctx, tx, who, l, row.Emit, cause, nil)
	})
}

// hold adds a cause to a locked lot and records that it is suspended.
func (s *Service) hold(ctx context.Context, tx *evidence.Tx, who actor.Actor, l *Lot, kind string, c Suspension, objection *string) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO suspension (id, lot_id, cause, reason, order_number, objection_id, by_name, from_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, uuid.NewString(), l.ID, c.Cause, c.Reason, c.OrderNumber, objection, c.By, tx.Now()); err != nil {
		return fmt.Errorf("suspend lot: %w", err)
	}
	fields := map[string]any{"cause": c.Cause, "reason": c.Reason}
	if c.OrderNumber != nil {
		fields["orderNumber"] = *c.OrderNumber
	}
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: kind, Actor: who, Fields: fields})
	return settle(ctx, tx, who, l)
}

// halt is the suspension that the law brings about by itself.
func (s *Service) halt(ctx context.Context, tx *evidence.Tx, l *Lot, c Suspension, objection *string) error {
	clock := actor.System()
	row, err := Table.Next(l.State, "halt", clock.Role, facts(l, clock, tx.Now()))
	if err != nil {
		return err
	}
	return s.hold(ctx, tx, clock, l, row.Emit, c, objection)
}

// Resume ends the suspension that the actor's side made; the lot goes on when
// no other cause stands. A deadline that passed meanwhile must have been
// postponed first. Errors: lot.not_suspended, lot.after_deadline, lot.order_stands.
func (s *Service) Resume(ctx context.Context, who actor.Actor, id string) error {
	return s.store.Change(ctx, func(tx *evidence.Tx) error {
		l, _, err := s.lock(ctx, tx, who, id, "resume_lot")
		if err != nil {
			return err
		}
		cause := causeAuthority
		if l.HostedBy(who) {
			cause = causeHost
		}
		return lift(ctx, tx, who, l, cause, "cause = $2", cause)
	})
}

// lift ends the open causes that where selects ($2 is arg) and settles the lot.
func lift(ctx context.Context, tx *evidence.Tx, who actor.Actor, l *Lot, cause, where string, arg any) error {
	res, err := tx.ExecContext(ctx, `UPDATE suspension SET until_at = $3 WHERE lot_id = $1 AND until_at IS NULL AND `+where, l.ID, arg, tx.Now())
	if err != nil {
		return fmt.Errorf("lift suspension: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: "suspension.lifted", Actor: who, Fields: map[string]any{"cause": cause}})
	return settle(ctx, tx, who, l)
}

// settle derives from the open causes whether the lot is suspended. When the
// last one is gone the windows of the hall get back the time that was lost.
func settle(ctx context.Context, tx *evidence.Tx, who actor.Actor, l *Lot) error {
	var now struct {
		Since  *time.Time `db:"since"`
		Reason *string    `db:"reason"`
	}
	if err := tx.GetContext(ctx, &now, `SELECT min(from_at) AS since, string_agg(reason, '；' ORDER BY from_at, id) AS reason
		FROM suspension WHERE lot_id = $1 AND until_at IS NULL`, l.ID); err != nil {
		return fmt.Errorf("read open causes: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE lot SET suspended_since = $1, suspended_reason = $2, updated_at = $3 WHERE id = $4`,
		now.Since, now.Reason, tx.Now(), l.ID); err != nil {
		return fmt.Errorf("settle suspension: %w", err)
	}
	before := l.SuspendedSince
	l.SuspendedSince, l.SuspendedReason = now.Since, now.Reason
	if before == nil || now.Since != nil {
		return nil
	}
	if err := ExtendWindows(ctx, tx, l.ID, *before, tx.Now().Sub(*before)); err != nil {
		return err
	}
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: "lot.resumed", Actor: who, Fields: map[string]any{}})
	return nil
}
