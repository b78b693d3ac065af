package rule

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"jianbiao/internal/apperr"
	"jianbiao/internal/workday"
)

// CheckMin refuses a date that cuts a minimum period short, at the moment an
// agency sets it: until is too early for from. The refusal is a Precondition,
// "rule.min_period", names the first lawful date and stands on the rule's article.
//
// A publicity period (公示) must last to the end of its last day, so one that ends
// at 0:00 ended the day before.
func CheckMin(cal *workday.Calendar, r Rule, from, until time.Time, exclude ...workday.Span) error {
	res, err := r.bound(cal, Min, from, exclude)
	if err != nil {
		return err
	}
	if r.ReadMode() == Publicity && r.byDate() {
		if workday.DayOf(until.Add(-time.Nanosecond)) >= res.Date {
			return nil
		}
	} else if r.notBefore(until, res) {
		return nil
	}
	return r.refuse("rule.min_period", "“%s”自%s起不得少于%s，%s，现定于%s。", r.Name, r.say(from), r.length(), res.Bound, r.say(until))
}

// CheckMax refuses an act that comes after a maximum period ended
// (Precondition, "rule.max_period").
func CheckMax(cal *workday.Calendar, r Rule, from, until time.Time, exclude ...workday.Span) error {
	res, err := r.bound(cal, Max, from, exclude)
	if err != nil {
		return err
	}
	if !until.After(res.At) {
		return nil
	}
	return r.refuse("rule.max_period", "“%s”应自%s起%s内完成，%s，已经超过。", r.Name, r.say(from), r.length(), res.Bound)
}

// CheckMinBefore refuses an act that comes too late before a date: from must lie
// at least n before until (Precondition, "rule.min_before").
func CheckMinBefore(cal *workday.Calendar, r Rule, from, until time.Time, exclude ...workday.Span) error {
	res, err := r.bound(cal, MinBefore, until, exclude)
	if err != nil {
		return err
	}
	if r.notAfter(from, res) {
		return nil
	}
	return r.refuse("rule.min_before", "“%s”应在%s至少%s前进行，%s，已经超过。", r.Name, r.say(until), r.length(), res.Bound)
}

// CheckMaxBefore refuses an act that comes too early before a date: from must
// lie at most n before until (Precondition, "rule.max_before").
func CheckMaxBefore(cal *workday.Calendar, r Rule, from, until time.Time, exclude ...workday.Span) error {
	res, err := r.bound(cal, MaxBefore, until, exclude)
	if err != nil {
		return err
	}
	if r.notBefore(from, res) {
		return nil
	}
	return r.refuse("rule.max_before", "“%s”不得早于%s之前%s，%s。", r.Name, r.say(until), r.length(), res.Bound)
}

// CheckRatio refuses an amount above n percent of another (Precondition,
// "rule.ratio_max"); a base that is not positive, or a negative amount, is
// Invalid, "rule.bad_amount". Amounts are in 元.
func CheckRatio(r Rule, part, whole decimal.Decimal) error {
	if err := r.want(RatioMax); err != nil {
		return err
	}
	if !whole.IsPositive() || part.IsNegative() {
		return apperr.New(apperr.Invalid, "rule.bad_amount", "%s应大于零，%s不能小于零。", r.Whole, r.Part)
	}
	limit := whole.Mul(decimal.New(int64(r.N), -2)) // exact: no division
	if !part.GreaterThan(limit) {
		return nil
	}
	return r.refuse("rule.ratio_max", "%s不得超过%s的%d%%：最高%s元，现为%s元。", r.Part, r.Whole, r.N, limit.RoundFloor(2).String(), part.String())
}

// Tally is what a COUNT_MIN rule looks at.
type Tally struct {
	Total   int
	Experts int // members from the expert pool; only where the rule names a share
}

// CheckCount refuses a number below the least (Precondition, "rule.count_min"),
// one that should be odd and is not ("rule.count_odd"), and too small a share of
// experts ("rule.expert_share").
func CheckCount(r Rule, t Tally) error {
	if err := r.want(CountMin); err != nil {
		return err
	}
	if t.Total < 0 || t.Experts < 0 || t.Experts > t.Total {
		return apperr.New(apperr.Invalid, "rule.bad_count", "%s的数量不正确。", r.Counted)
	}
	if t.Total < r.N {
		return r.refuse("rule.count_min", "%s不得少于%d个，现为%d个。", r.Counted, r.N, t.Total)
	}
	if r.Odd && t.Total%2 == 0 {
		return r.refuse("rule.count_odd", "%s应为单数，现为%d人。", r.Counted, t.Total)
	}
	if share := shareForm.FindStringSubmatch(r.ExpertShare); share != nil {
		of, whole := int(share[1][0]-'0'), int(share[2][0]-'0')
		if t.Experts*whole < t.Total*of {
			return r.refuse("rule.expert_share", "%s中的专家不得少于%d分之%d，现为%d人中的%d人。", r.Counted, whole, of, t.Total, t.Experts)
		}
	}
	return nil
}

// bound computes the rule's bound from an instant, after making sure that the
// caller asked a rule of the kind he thinks it is.
func (r Rule) bound(cal *workday.Calendar, kind Kind, at time.Time, exclude []workday.Span) (Result, error) {
	if err := r.want(kind); err != nil {
		return Result{}, err
	}
	return Compute(cal, r.Query(at, exclude...))
}

// want is a fault of ours, not of the person: the code asked the wrong rule.
func (r Rule) want(kind Kind) error {
	if r.Kind != kind {
		return apperr.New(apperr.Internal, "rule.wrong_kind", "规则 %s 的类型是 %s，不能按 %s 校验。", r.Code, r.Kind, kind)
	}
	return nil
}

// byDate says whether the rule compares dates, not instants.
func (r Rule) byDate() bool {
	return (r.Unit == CalendarDay || r.Unit == Workday) && r.ReadMode() != Hours
}

func (r Rule) notBefore(t time.Time, res Result) bool {
	if r.byDate() {
		return workday.DayOf(t) >= res.Date
	}
	return !t.Before(res.At)
}

func (r Rule) notAfter(t time.Time, res Result) bool {
	if r.byDate() {
		return workday.DayOf(t) <= res.Date
	}
	return !t.After(res.At)
}

// length is the rule's number with its unit: 20日.
func (r Rule) length() string { return fmt.Sprintf("%d%s", r.N, unitNames[r.Unit]) }

// say is an instant with the precision the rule looks at.
func (r Rule) say(t time.Time) string {
	if r.byDate() {
		return workday.DayOf(t).Chinese()
	}
	return moment(t)
}

func (r Rule) refuse(code, format string, args ...any) error {
	return apperr.New(apperr.Precondition, code, format, args...).By(r.Article())
}
