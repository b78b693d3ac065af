package rule

import (
	"time"

	"jianbiao/internal/workday"
)

// Bound is the row of a code in force on the day of from, with the date that it
// gives. Errors: those of Catalogue.RuleOn and of Compute.
func (p Periods) Bound(code string, from time.Time) (Rule, Result, error) {
	r, err := p.catalogue.RuleOn(code, workday.DayOf(from))
	if err != nil {
		return Rule{}, Result{}, err
	}
	res, err := Compute(p.source(), r.Query(from))
	return r, res, err
}

// BoundIn is Bound by another reading (判法) than the rule's own.
func (p Periods) BoundIn(code string, mode Mode, from time.Time) (Result, error) {
	r, err := p.catalogue.RuleOn(code, workday.DayOf(from))
	if err != nil {
		return Result{}, err
	}
	q := r.Query(from)
	q.Mode = mode
	return Compute(p.source(), q)
}

// Row is the row of a code in force on the day of at. Errors: rule.unknown,
// rule.not_in_force.
func (p Periods) Row(code string, at time.Time) (Rule, error) {
	return p.catalogue.RuleOn(code, workday.DayOf(at))
}

// Calendar is the working calendar that dates are counted in.
func (p Periods) Calendar() *workday.Calendar { return p.source() }

// Length is the rule's number with its unit: 20日.
func (r Rule) Length() string { return r.length() }
