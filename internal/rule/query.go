package rule

import (
	"slices"
	"sort"
	"strings"
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/workday"
)

const (
	// MaxN is the largest number of units a period may have: ten years of days.
	MaxN = 3660
	// maxExclusions bounds the exclusion intervals of one question.
	maxExclusions = 200
)

// Query asks for the date of one period.
type Query struct {
	Kind Kind // MAX, MIN, MIN_BEFORE, MAX_BEFORE; INFO is computed like MAX
	Unit Unit // CD, WD, H or MIN
	N    int  // 0 to MaxN
	// From is the instant the period runs from; for MIN_BEFORE and MAX_BEFORE the
	// one it is counted back from. For CD and WD only its date in Beijing matters,
	// save in mode HOURS.
	From    time.Time
	Mode    Mode           // empty: DATE_DIFF
	Exclude []workday.Span // days that do not count (不计入时间), in any order, overlapping or not
}

// Query is the question a rule asks of a start, in the rule's own mode.
func (r Rule) Query(from time.Time, exclude ...workday.Span) Query {
	return Query{Kind: r.Kind, Unit: r.Unit, N: r.N, From: from, Mode: r.Mode, Exclude: exclude}
}

// check refuses what cannot be computed and fills in the default mode.
func (q Query) check(cal *workday.Calendar) (Query, error) {
	if q.Mode == "" {
		q.Mode = DateDiff
	}
	switch {
	case unitsOf[q.Kind] == nil:
		return q, apperr.New(apperr.Invalid, "rule.bad_kind",
			"期限类型“%s”不正确：应为 MAX（最长时限）、MIN（最短期间）、MIN_BEFORE（至少提前）或 MAX_BEFORE（至多提前）。", brief(string(q.Kind)))
	case periods[q.Kind] == 0:
		return q, apperr.New(apperr.Invalid, "rule.no_period", "%s 类规则不是期限，不能计算日期。", q.Kind)
	case q.Unit == NoUnit:
		return q, apperr.New(apperr.Invalid, "rule.no_period", "该规则的期限由文件或公告载明，没有法定天数，不能计算日期。")
	case !slices.Contains(unitsOf[Min], q.Unit):
		return q, apperr.New(apperr.Invalid, "rule.bad_unit",
			"单位“%s”不正确：应为 CD（日）、WD（工作日）、H（小时）或 MIN（分钟）。", brief(string(q.Unit)))
	case !modes[q.Mode]:
		return q, apperr.New(apperr.Invalid, "rule.bad_mode",
			"判法“%s”不正确：应为 DATE_DIFF、CALENDAR_STRICT、HOURS 或 PUBLICITY。", brief(string(q.Mode)))
	case q.N < 0 || q.N > MaxN:
		return q, apperr.New(apperr.Invalid, "rule.bad_number", "期限的数字 %d 不正确：应在 0 至 %d 之间。", q.N, MaxN)
	case q.From.IsZero():
		return q, apperr.New(apperr.Invalid, "rule.bad_start", "缺少起算日期。")
	}
	if err := cal.Check(workday.DayOf(q.From)); err != nil {
		return q, err
	}
	spans, err := merge(cal, q.Exclude)
	q.Exclude = spans
	return q, err
}

// merge sorts the exclusion intervals and joins those that overlap or touch.
func merge(cal *workday.Calendar, spans []workday.Span) ([]workday.Span, error) {
	if len(spans) > maxExclusions {
		return nil, apperr.New(apperr.Invalid, "rule.bad_exclusion", "不计入期间最多填写 %d 段。", maxExclusions)
	}
	sorted := append([]workday.Span(nil), spans...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].From < sorted[j].From })
	var out []workday.Span
	for _, s := range sorted {
		if s.To < s.From {
			return nil, apperr.New(apperr.Invalid, "rule.bad_exclusion",
				"不计入期间“%s..%s”前后颠倒：开始日期不能晚于结束日期。", s.From, s.To)
		}
		for _, d := range []workday.Day{s.From, s.To} {
			if err := cal.Check(d); err != nil {
				return nil, err
			}
		}
		if n := len(out); n > 0 && s.From <= out[n-1].To+1 {
			out[n-1].To = max(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out, nil
}

// ParseSpan reads an exclusion interval as people type it: 2026-03-16..2026-03-27,
// both ends included, or a single date. The order of the ends is Compute's to judge.
func ParseSpan(s string) (workday.Span, error) {
	from, to, two := strings.Cut(strings.TrimSpace(s), "..")
	a, err := workday.ParseDay(strings.TrimSpace(from))
	if err != nil {
		return workday.Span{}, badSpan(s).Because(err)
	}
	if !two {
		return workday.Span{From: a, To: a}, nil
	}
	b, err := workday.ParseDay(strings.TrimSpace(to))
	if err != nil {
		return workday.Span{}, badSpan(s).Because(err)
	}
	return workday.Span{From: a, To: b}, nil
}

func badSpan(s string) *apperr.Error {
	return apperr.New(apperr.Invalid, "rule.bad_exclusion",
		"不计入期间“%s”不正确：请写成“开始日期..结束日期”，如 2026-03-16..2026-03-27，两端都不计入。", brief(s))
}
