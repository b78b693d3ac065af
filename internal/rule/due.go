package rule

import (
	"time"

	"jianbiao/internal/workday"
)

// Due is where a rule's period ends, for those who keep the date or show it.
type Due struct {
	Rule    Rule
	Date    workday.Day // the last lawful date of a maximum, the first of a minimum
	At      time.Time   // the same bound as an instant
	Bound   string      // in Chinese: 最迟2026年3月11日24时
	Remarks []string
}

// First is the first lawful instant of a minimum period that has the time of
// day of like: deadlines keep their hour when they move.
func (d Due) First(like time.Time) time.Time {
	first := d.Date.Start().Add(like.Sub(workday.DayOf(like).Start()))
	if !d.Rule.byDate() && first.Before(d.At) {
		return (d.Date + 1).Start().Add(like.Sub(workday.DayOf(like).Start()))
	}
	return first
}

// Due computes the bound of a rule from an instant (for MIN_BEFORE and
// MAX_BEFORE the one that is counted back from), with the row of the code in
// force on its day. Errors: rule.unknown, rule.not_in_force and those of Compute.
func (p Periods) Due(code string, from time.Time) (Due, error) {
	r, err := p.catalogue.RuleOn(code, workday.DayOf(from))
	if err != nil {
		return Due{}, err
	}
	res, err := Compute(p.source(), r.Query(from))
	return Due{Rule: r, Date: res.Date, At: res.At, Bound: res.Bound, Remarks: res.Remarks}, err
}
