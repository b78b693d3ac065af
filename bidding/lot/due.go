package lot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"jianbiao/internal/rule"
	"jianbiao/internal/workday"
)

// Due is a statutory date of a lot, as the rules and a calendar give it now.
// It is never stored: what was decided by it stands in the evidence.
type Due struct {
	Lot    *Lot
	Rule   rule.Rule
	From   time.Time // the instant the period runs from, or is counted back from
	Result rule.Result
	// Provisional (暂按周末推算): the period touches a year whose holiday notice is
	// not out, so the date may still move.
	Provisional bool
	// Set is the date that the host has set for the rule's end, nil where there is
	// none; Refusal says why it is not lawful, nil when it is.
	Set     *time.Time
	Refusal error
}

// Key tells the same due date under two calendars.
func (d Due) Key() string {
	return d.Lot.ID + " " + d.Rule.Code + " " + d.From.UTC().Format(time.RFC3339Nano)
}

// Live lists the published lots, whatever has become of them since.
func (s *Service) Live(ctx context.Context) ([]Lot, error) {
	lots := []Lot{}
	if err := s.store.DB().SelectContext(ctx, &lots, `SELECT `+columns+from+` WHERE l.published_at IS NOT NULL ORDER BY l.code`); err != nil {
		return nil, fmt.Errorf("list published lots: %w", err)
	}
	return lots, nil
}

// course is what has happened to a lot, by the names of the catalogue's
// dictionary: each name with its times, in order.
type course map[string][]time.Time

// Dues computes the statutory dates of lots that have periods in days: maximum
// periods that run, publicity periods and minimums against the dates that were
// set, and the last days before a date. Rules whose end has come, and rules that
// do not bind the lot, are left out.
func (s *Service) Dues(ctx context.Context, lots []Lot, cal *workday.Calendar) ([]Due, error) {
	rules := dayRules()
	courses, err := s.courses(ctx, lots, rules)
	if err != nil {
		return nil, err
	}
	var out []Due
	for i := range lots {
		l := &lots[i]
		seen := map[string]bool{} // two rules may say the same of one act, at two stages
		for _, r := range rules {
			if !binds(r, l) {
				continue
			}
			for _, d := range duesOf(cal, l, r, courses[l.ID]) {
				same := strings.Join([]string{r.From, r.Until, d.From.String(), d.Result.At.String()}, " ")
				if !seen[same] {
					seen[same], out = true, append(out, d)
				}
			}
		}
	}
	return out, nil
}

// dayRules are the rules of the catalogue that a calendar can move.
func dayRules() []rule.Rule {
	return slices.DeleteFunc(rule.Default().Rules(), func(r rule.Rule) bool {
		return !r.HasPeriod() || r.Unit != rule.CalendarDay && r.Unit != rule.Workday
	})
}

// resultObjection is the matter of objections to the result (过程、结果类异议),
// whose rules run between the same events as those of objections to the document.
const resultObjection = "M33"

// binds says whether a rule is one for this lot. Of the minimum periods those of
// the table terms are its own; a tender that is over has no dates to prepare for.
func binds(r rule.Rule, l *Lot) bool {
	over := l.State == Terminated || l.State == Failed
	if r.Domain != rule.All && string(r.Domain) != l.Project.Kind || r.Matter == resultObjection || over && r.Kind != rule.Max {
		return false
	}
	for _, list := range terms {
		if slices.ContainsFunc(list, func(t term) bool { return t.rule == r.Code }) {
			return slices.ContainsFunc(termsOf(l), func(t term) bool { return t.rule == r.Code })
		}
	}
	return true
}

// duesOf are the due dates of one rule: one for each beginning that has not yet
// come to its end.
func duesOf(cal *workday.Calendar, l *Lot, r rule.Rule, c course) []Due {
	begun, ended := c[r.From], c[r.Until]
	if r.Kind == rule.MinBefore || r.Kind == rule.MaxBefore {
		begun, ended = c[r.Until], nil
	}
	if r.Kind == rule.Max || r.Kind == rule.Info { // what was answered is done; answers come in the order of the questions
		begun, ended = begun[min(len(ended), len(begun)):], nil
	}
	var out []Due
	for _, at := range begun {
		if !r.InForce(workday.DayOf(at)) {
			continue
		}
		res, err := rule.Compute(cal, r.Query(at))
		if err != nil {
			continue // beyond the calendar: there is no date to show
		}
		d := Due{Lot: l, Rule: r, From: at, Result: res, Provisional: unnoticed(cal, at, res)}
		if r.Kind == rule.Min && len(ended) > 0 {
			d.Set = &ended[len(ended)-1]
			d.Refusal = rule.CheckMin(cal, r, at, *d.Set)
		}
		out = append(out, d)
	}
	return out
}

// unnoticed says whether a result rests on days whose holiday notice is not out.
func unnoticed(cal *workday.Calendar, from time.Time, res rule.Result) bool {
	a, b := workday.DayOf(from), res.Date
	return len(cal.Remarks(a, b)) > 0
}

// courses reads what has happened to the lots.
func (s *Service) courses(ctx context.Context, lots []Lot, rules []rule.Rule) (map[string]course, error) {
	out, streams := map[string]course{}, []string{}
	for i := range lots {
		l := &lots[i]
		streams = append(streams, l.Stream())
		c := course{}
		for name, at := range map[string]*time.Time{"tender.sale_ended": l.SaleEnd, "bid.deadline": l.BidDeadline} {
			if at != nil {
				c[name] = []time.Time{*at}
			}
		}
		out[l.ID] = c
	}
	names := map[string]bool{}
	for _, r := range rules {
		names[r.From], names[r.Until] = true, true
	}
	var wanted []string
	for name := range names {
		wanted = append(wanted, name)
	}
	var rows []struct {
		Stream string    `db:"stream"`
		Kind   string    `db:"kind"`
		At     time.Time `db:"at"`
	}
	if err := s.store.DB().SelectContext(ctx, &rows, `SELECT stream, kind, at FROM event WHERE stream = ANY ($1) AND kind = ANY ($2)
		AND NOT (kind = 'tender.clarified' AND EXISTS (SELECT FROM event_opening o WHERE o.event_id = event.id AND o.name = 'affectsPreparation' AND o.value = 'false'))
		ORDER BY stream, seq`,
		pq.Array(streams), pq.Array(wanted)); err != nil {
		return nil, fmt.Errorf("read the course of lots: %w", err)
	}
	for _, r := range rows {
		c := out[strings.TrimPrefix(r.Stream, "lot/")]
		c[r.Kind] = append(c[r.Kind], r.At)
	}
	return out, s.periodEnds(ctx, lots, out)
}

// periodEnds adds the ends of notice periods (公告期限) that notices name.
func (s *Service) periodEnds(ctx context.Context, lots []Lot, courses map[string]course) error {
	ids := make([]string, len(lots))
	for i := range lots {
		ids[i] = lots[i].ID
	}
	var rows []struct {
		Lot string    `db:"lot_id"`
		End time.Time `db:"period_end"`
	}
	if err := s.store.DB().SelectContext(ctx, &rows, `SELECT lot_id, period_end FROM notice WHERE CAST(lot_id AS text) = ANY ($1)
		AND kind = $2 AND period_end IS NOT NULL ORDER BY lot_id, number`, pq.Array(ids), TenderNotice); err != nil {
		return fmt.Errorf("read the ends of notice periods: %w", err)
	}
	for _, r := range rows {
		courses[r.Lot]["notice.period_ended"] = append(courses[r.Lot]["notice.period_ended"], r.End)
	}
	return nil
}

// Upcoming are the dates of one lot that a person must keep, not yet passed, the
// next one first: maximum and publicity periods and last days before a date.
func (s *Service) Upcoming(ctx context.Context, l *Lot, now time.Time) ([]Due, error) {
	dues, err := s.Dues(ctx, []Lot{*l}, s.periods.Calendar())
	dues = slices.DeleteFunc(dues, func(d Due) bool {
		return !d.Result.At.After(now) || d.Rule.Kind == rule.Min && d.Rule.ReadMode() != rule.Publicity || d.Rule.Kind == rule.MaxBefore
	})
	slices.SortStableFunc(dues, func(a, b Due) int { return a.Result.At.Compare(b.Result.At) })
	return dues, err
}
