package lot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

// columns of a lot with its project, for every read.
const columns = `
	l.id, l.project_id, l.code, l.name, l.state, l.version, l.estimate, l.price_ceiling, l.document_version,
	l.published_at, l.sale_end, l.bid_deadline, l.suspended_since, l.suspended_reason,
	l.cutoff_key, l.opening_key, l.vrf_key, l.created_at, l.updated_at, l.attempt, l.predecessor_id,
	EXISTS (SELECT FROM suspension s WHERE s.lot_id = l.id AND s.cause = 'host' AND s.until_at IS NULL) AS host_holds,
	EXISTS (SELECT FROM suspension s WHERE s.lot_id = l.id AND s.cause = 'authority' AND s.until_at IS NULL) AS order_stands,
	(SELECT count(*) FROM document_objection d WHERE d.lot_id = l.id AND d.answer IS NULL) AS open_objections,
	EXISTS (SELECT FROM lot n WHERE n.predecessor_id = l.id) AS has_successor,
	p.id AS "project.id", p.code AS "project.code", p.name AS "project.name", p.kind AS "project.kind",
	p.compulsory AS "project.compulsory", p.region AS "project.region", p.buyer_id AS "project.buyer_id",
	b.name AS "project.buyer", p.agency_id AS "project.agency_id", a.name AS "project.agency",
	p.approval_number AS "project.approval_number", p.approval_authority AS "project.approval_authority",
	p.method AS "project.method", p.method_basis AS "project.method_basis", p.plan_filing AS "project.plan_filing",
	p.intention_at AS "project.intention_at", p.created_at AS "project.created_at"`

const from = ` FROM lot l JOIN project p ON p.id = l.project_id
	JOIN organisation b ON b.id = p.buyer_id LEFT JOIN organisation a ON a.id = p.agency_id `

// ErrNotFound is the answer for a lot that is not there, or not to be seen.
func ErrNotFound() error {
	return apperr.New(apperr.NotFound, "lot.not_found", "没有找到这个标段：请核对链接，或回到公告列表查找。")
}

// get reads a lot; lock is "", "FOR SHARE OF l" or "FOR UPDATE OF l".
func get(ctx context.Context, q sqlx.QueryerContext, id, lock string) (*Lot, error) {
	if _, err := uuid.Parse(id); err != nil {
		return nil, ErrNotFound()
	}
	var l Lot
	err := sqlx.GetContext(ctx, q, &l, `SELECT `+columns+from+` WHERE l.id = $1 `+lock, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound()
	}
	if err != nil {
		return nil, fmt.Errorf("read lot %s: %w", id, err)
	}
	return &l, nil
}

// Lock reads the lot for a command that changes it, and the legal time again
// after the wait.
func Lock(ctx context.Context, tx *evidence.Tx, id string) (*Lot, error) {
	l, err := get(ctx, tx, id, "FOR UPDATE OF l")
	if err != nil {
		return nil, err
	}
	return l, tx.Reread(ctx)
}

// Share reads the lot for a submission: submissions do not wait for each other,
// and the cut-off, which takes Lock, waits for all that came before it.
func Share(ctx context.Context, tx *evidence.Tx, id string) (*Lot, error) {
	l, err := get(ctx, tx, id, "FOR SHARE OF l")
	if err != nil {
		return nil, err
	}
	return l, tx.Reread(ctx)
}

// Move takes a locked lot along its table for a command of the opening and
// records the row's event. The caller owns the transaction.
func Move(ctx context.Context, tx *evidence.Tx, who actor.Actor, l *Lot, command string, fields map[string]any) error {
	row, err := Table.Next(l.State, command, who.Role, facts(l, who, tx.Now()))
	if err != nil {
		return err
	}
	if err := move(ctx, tx, l, row.To); err != nil {
		return err
	}
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: row.Emit, Actor: who, Fields: with(fields, "state", string(row.To))})
	return nil
}

func with(fields map[string]any, name string, v any) map[string]any {
	out := map[string]any{name: v}
	for k, f := range fields {
		out[k] = f
	}
	return out
}

func move(ctx context.Context, tx *evidence.Tx, l *Lot, to State) error {
	res, err := tx.ExecContext(ctx, `UPDATE lot SET state = $1, version = version + 1, updated_at = $2
		WHERE id = $3 AND state = $4 AND version = $5`, to, tx.Now(), l.ID, l.State, l.Version)
	if err != nil {
		return fmt.Errorf("move lot %s: %w", l.ID, err)
	}
	if err := ExpectOne(res); err != nil {
		return err
	}
	l.State, l.Version = to, l.Version+1
	return nil
}

// ExpectOne refuses an update whose premises no longer hold.
func ExpectOne(res sql.Result) error {
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("rows affected: %w", err)
	}
	if n != 1 {
		return apperr.New(apperr.Conflict, "lot.changed", "这个标段刚刚有了变化：请刷新后再看一次。")
	}
	return nil
}

// Read reads a lot outside a command.
func Read(ctx context.Context, q sqlx.QueryerContext, id string) (*Lot, error) {
	return get(ctx, q, id, "")
}

// ExtendWindows gives every window of the hall that was running at since the
// time d that a pause, an outage or a suspension took.
func ExtendWindows(ctx context.Context, tx *evidence.Tx, lotID string, since time.Time, d time.Duration) error {
	if _, err := tx.ExecContext(ctx, `UPDATE opening SET
		seal_check_until = seal_check_until + CASE WHEN seal_check_until > $2 THEN CAST($3 AS interval) ELSE '0' END,
		decrypt_until    = decrypt_until    + CASE WHEN decrypt_until    > $2 THEN CAST($3 AS interval) ELSE '0' END,
		objection_until  = objection_until  + CASE WHEN objection_until  > $2 THEN CAST($3 AS interval) ELSE '0' END,
		confirm_until    = confirm_until    + CASE WHEN confirm_until    > $2 THEN CAST($3 AS interval) ELSE '0' END
		WHERE lot_id = $1`, lotID, since, fmt.Sprintf("%d microseconds", d.Microseconds())); err != nil {
		return fmt.Errorf("extend the windows of the opening: %w", err)
	}
	return nil
}
