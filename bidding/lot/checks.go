package lot

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"jianbiao/internal/evidence"
	"jianbiao/internal/rule"
)

// Dates is the part of the rule catalogue that dates are computed with.
type Dates interface {
	// Due is the bound of a rule's period from an instant.
	Due(code string, from time.Time) (rule.Due, error)
	// CheckMax refuses an until that comes after from plus the rule's period.
	CheckMax(code string, from, until time.Time) error
	// CheckMinBefore refuses a from that comes later than the rule's period
	// before until.
	CheckMinBefore(code string, from, until time.Time) error
}

// law names the rules of a kind of project before its deadline, "" where the
// law has none.
type law struct {
	Clarify string // 澄清、修改 → 投标截止
	Raise   string // 异议、质疑的提出期
	Answer  string // 异议、质疑的答复期
	Ask     string // 询问的答复期
	End     string // 终止公告
}

var laws = map[string]law{
	string(rule.Engineering): {Clarify: "R11-1", Raise: "R12-2", Answer: "R12-3", End: "R15-1"},
	string(rule.Procurement): {Clarify: "R11-2", Raise: "R12-5", Answer: "R12-6", Ask: "R12-4", End: "R15-2"},
}

func (l *Lot) law() law { return laws[l.Project.Kind] }

// PeriodCheck is one check of a statutory period (时限校验记录), as it was found when
// the dates were set. Later checks stand beside it.
type PeriodCheck struct {
	Rule    string    `db:"rule" json:"rule"`
	Name    string    `db:"name" json:"name"`
	Basis   string    `db:"basis" json:"basis"`
	From    time.Time `db:"from_at" json:"from"`
	Until   time.Time `db:"until_at" json:"until"`
	Bound   string    `db:"bound" json:"bound"` // the bound in Chinese: 最早2026年3月22日
	OK      bool      `db:"ok" json:"ok"`
	Version int       `db:"version" json:"version"` // of the document
	Cause   string    `db:"cause" json:"cause"`     // the command after which it was made
	At      time.Time `db:"checked_at" json:"at"`
}

// checkPeriod judges one period by its rule, which may be a minimum or a maximum.
func (s *Service) checkPeriod(code string, from, until time.Time) (PeriodCheck, error) {
	due, err := s.periods.Due(code, from)
	if err != nil {
		return PeriodCheck{}, err
	}
	judge := s.periods.CheckMin
	if due.Rule.Kind == rule.Max {
		judge = s.periods.CheckMax
	}
	return PeriodCheck{Rule: code, Name: due.Rule.Name, Basis: due.Rule.Article(), From: from, Until: until, Bound: due.Bound,
		OK: judge(code, from, until) == nil}, nil
}

// minimums checks every minimum period that depends on a published lot's dates:
// the terms of its kind, and the one after each version of the document that
// affects the preparation of bids.
func (s *Service) minimums(ctx context.Context, q getter, l *Lot, affecting []time.Time) ([]PeriodCheck, error) {
	plan := &Plan{IssuedAt: *l.PublishedAt, SaleEnd: l.SaleEnd, BidDeadline: l.BidDeadline}
	if err := q.GetContext(ctx, &plan.NoticeEnd, `SELECT period_end FROM notice WHERE lot_id = $1 AND number = 1`, l.ID); err != nil {
		return nil, fmt.Errorf("read the end of the notice's period: %w", err)
	}
	type span struct {
		rule        string
		from, until *time.Time
	}
	var spans []span
	for _, t := range termsOf(l) {
		spans = append(spans, span{t.rule, plan.at(l, t.from), plan.at(l, t.until)})
	}
	for _, t := range affecting {
		spans = append(spans, span{l.law().Clarify, &t, l.BidDeadline})
	}
	out := []PeriodCheck{}
	for _, sp := range spans {
		if sp.from == nil || sp.until == nil {
			continue
		}
		c, err := s.checkPeriod(sp.rule, *sp.from, *sp.until)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// recheck looks at every minimum period again after a date was set, and keeps
// what it finds beside the older checks.
func (s *Service) recheck(ctx context.Context, tx *evidence.Tx, l *Lot, cause string) error {
	var affecting []time.Time
	if err := tx.SelectContext(ctx, &affecting, `SELECT issued_at FROM document WHERE lot_id = $1 AND affects_preparation ORDER BY version`, l.ID); err != nil {
		return fmt.Errorf("read versions that affect bids: %w", err)
	}
	list, err := s.minimums(ctx, tx, l, affecting)
	if err != nil {
		return err
	}
	return keepChecks(ctx, tx, l, cause, list...)
}

// keepChecks adds checks to the lot's record.
func keepChecks(ctx context.Context, tx *evidence.Tx, l *Lot, cause string, list ...PeriodCheck) error {
	fields := make([]map[string]any, 0, len(list))
	for _, c := range list {
		if _, err := tx.ExecContext(ctx, `INSERT INTO period_check (id, lot_id, place, rule, name, basis, from_at, until_at, bound, ok, version, cause, checked_at)
			SELECT $1, $2, COALESCE(max(place), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM period_check WHERE lot_id = $2`,
			uuid.NewString(), l.ID, c.Rule, c.Name, c.Basis, c.From, c.Until, c.Bound, c.OK, l.DocumentVersion, cause, tx.Now()); err != nil {
			return fmt.Errorf("keep check of %s: %w", c.Rule, err)
		}
		fields = append(fields, map[string]any{"rule": c.Rule, "from": stamp(c.From), "until": stamp(c.Until), "bound": c.Bound, "ok": c.OK})
	}
	if len(list) > 0 {
		tx.Record(evidence.Draft{Stream: l.Stream(), Kind: "period.checked", Fields: map[string]any{"cause": cause, "version": l.DocumentVersion, "checks": fields}})
	}
	return nil
}

// Checks are all checks of the lot's periods, the newest first.
func (s *Service) Checks(ctx context.Context, lotID string) ([]PeriodCheck, error) {
	out := []PeriodCheck{}
	err := s.store.DB().SelectContext(ctx, &out, `SELECT rule, name, basis, from_at, until_at, bound, ok, version, cause, checked_at
		FROM period_check WHERE lot_id = $1 ORDER BY checked_at DESC, place`, lotID)
	if err != nil {
		return nil, fmt.Errorf("read checks of periods: %w", err)
	}
	return out, nil
}
