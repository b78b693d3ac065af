package rule_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/rule"
	"jianbiao/internal/workday"
)

// at reads a date or a date with a time of day, Beijing time.
func at(t testing.TB, s string) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04"} {
		if v, err := time.ParseInLocation(layout, s, workday.Beijing); err == nil {
			return v
		}
	}
	t.Fatalf("%q is no date", s)
	return time.Time{}
}

func spans(t testing.TB, texts ...string) []workday.Span {
	t.Helper()
	var out []workday.Span
	for _, s := range texts {
		span, err := rule.ParseSpan(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, span)
	}
	return out
}

// TestCompute_vectors holds the code to dates worked out by hand on the official
// calendar of 2026.
func TestCompute_vectors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/deadline_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			ID, Desc, Start, Expected string
			Kind                      rule.Kind
			Unit                      rule.Unit
			N                         int
			Mode                      rule.Mode
			Exclude                   [][2]workday.Day
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 12 {
		t.Fatalf("only %d vectors", len(file.Vectors))
	}
	for _, v := range file.Vectors {
		q := rule.Query{Kind: v.Kind, Unit: v.Unit, N: v.N, From: at(t, v.Start), Mode: v.Mode}
		for _, e := range v.Exclude {
			q.Exclude = append(q.Exclude, workday.Span{From: e[0], To: e[1]})
		}
		res, err := rule.Compute(workday.Default(), q)
		if err != nil || res.Date.String() != v.Expected {
			t.Errorf("%s %s: got %s, want %s (%v)", v.ID, v.Desc, res.Date, v.Expected, err)
		}
	}
}

// TestCompute_fromTheLaw are cases the statutes decide and the vectors leave out.
func TestCompute_fromTheLaw(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what    string
		q       rule.Query
		from    string
		exclude []string
		date    string
		at      string
	}{
		{"a period of working days that starts on a Saturday counts from Monday",
			rule.Query{Kind: "MAX", Unit: "WD", N: 3}, "2026-03-07", nil, "2026-03-11", "2026-03-12 00:00"},
		{"a make-up working day is a day to end on",
			rule.Query{Kind: "MAX", Unit: "WD", N: 1}, "2026-05-08", nil, "2026-05-09", "2026-05-10 00:00"},
		{"the time of day of a period in days does not matter",
			rule.Query{Kind: "MAX", Unit: "WD", N: 3}, "2026-03-06 23:59", nil, "2026-03-11", "2026-03-12 00:00"},
		{"a maximum in days rolls off National Day",
			rule.Query{Kind: "MAX", Unit: "CD", N: 5}, "2026-09-28", nil, "2026-10-08", "2026-10-09 00:00"},
		{"zero days is the day itself, rolled",
			rule.Query{Kind: "MAX", Unit: "CD", N: 0}, "2026-03-07", nil, "2026-03-09", "2026-03-10 00:00"},
		{"a maximum rolls whatever the mode",
			rule.Query{Kind: "MAX", Unit: "CD", N: 2, Mode: "HOURS"}, "2026-03-06 10:00", nil, "2026-03-09", "2026-03-10 00:00"},
		{"a minimum in days is not rolled",
			rule.Query{Kind: "MIN", Unit: "CD", N: 1}, "2026-03-06", nil, "2026-03-07", "2026-03-07 00:00"},
		{"a minimum in working days ends on a working day",
			rule.Query{Kind: "MIN", Unit: "WD", N: 5}, "2026-03-06", nil, "2026-03-13", "2026-03-13 00:00"},
		{"strictly, the day after the fifth working day",
			rule.Query{Kind: "MIN", Unit: "WD", N: 5, Mode: "CALENDAR_STRICT"}, "2026-03-06", nil, "2026-03-14", "2026-03-14 00:00"},
		{"twenty times 24 hours",
			rule.Query{Kind: "MIN", Unit: "CD", N: 20, Mode: "HOURS"}, "2026-03-02 09:30", nil, "2026-03-22", "2026-03-22 09:30"},
		{"working days by the clock keep the time of day",
			rule.Query{Kind: "MIN", Unit: "WD", N: 3, Mode: "HOURS"}, "2026-03-06 09:30", nil, "2026-03-11", "2026-03-11 09:30"},
		{"a publicity period in working days needs no rolling",
			rule.Query{Kind: "MIN", Unit: "WD", N: 5, Mode: "PUBLICITY"}, "2026-04-28", nil, "2026-05-08", "2026-05-09 00:00"},
		{"a publicity period whose last day falls in a long holiday",
			rule.Query{Kind: "MIN", Unit: "CD", N: 3, Mode: "PUBLICITY"}, "2026-09-28", nil, "2026-10-08", "2026-10-09 00:00"},
		{"two days before a deadline",
			rule.Query{Kind: "MIN_BEFORE", Unit: "CD", N: 2}, "2026-03-16", nil, "2026-03-14", "2026-03-15 00:00"},
		{"two working days before a Tuesday",
			rule.Query{Kind: "MIN_BEFORE", Unit: "WD", N: 2}, "2026-03-10", nil, "2026-03-06", "2026-03-07 00:00"},
		{"the draw no earlier than two working days before a Monday",
			rule.Query{Kind: "MAX_BEFORE", Unit: "WD", N: 2}, "2026-03-09", nil, "2026-03-05", "2026-03-05 00:00"},
		{"two working days before the first day after a holiday",
			rule.Query{Kind: "MAX_BEFORE", Unit: "WD", N: 2}, "2026-05-06", nil, "2026-04-29", "2026-04-29 00:00"},
		{"ten days before by the clock",
			rule.Query{Kind: "MIN_BEFORE", Unit: "CD", N: 10, Mode: "HOURS"}, "2026-03-25 09:00", nil, "2026-03-15", "2026-03-15 09:00"},
		{"hours run across midnight and the weekend",
			rule.Query{Kind: "MAX", Unit: "H", N: 12}, "2026-03-06 18:00", nil, "2026-03-07", "2026-03-07 06:00"},
		{"24 hours before an opening",
			rule.Query{Kind: "MAX_BEFORE", Unit: "H", N: 24}, "2026-03-09 09:30", nil, "2026-03-08", "2026-03-08 09:30"},
		{"minutes across midnight",
			rule.Query{Kind: "MIN", Unit: "MIN", N: 30}, "2026-12-31 23:45", nil, "2027-01-01", "2027-01-01 00:15"},
		{"hours stand still on an excluded day",
			rule.Query{Kind: "MAX", Unit: "H", N: 12}, "2026-03-06 18:00", []string{"2026-03-07..2026-03-08"}, "2026-03-09", "2026-03-09 06:00"},
		{"hours that begin on an excluded day run from its end",
			rule.Query{Kind: "MAX", Unit: "H", N: 2}, "2026-03-06 18:00", []string{"2026-03-06"}, "2026-03-07", "2026-03-07 02:00"},
		{"hours counted back stand still on an excluded day",
			rule.Query{Kind: "MAX_BEFORE", Unit: "H", N: 12}, "2026-03-09 06:00", []string{"2026-03-08"}, "2026-03-07", "2026-03-07 18:00"},
		{"an exclusion that covers the last day pushes it behind",
			rule.Query{Kind: "MAX", Unit: "WD", N: 3}, "2026-03-06", []string{"2026-03-11..2026-03-13"}, "2026-03-16", "2026-03-17 00:00"},
		{"an exclusion after the last day changes nothing",
			rule.Query{Kind: "MAX", Unit: "WD", N: 3}, "2026-03-06", []string{"2026-03-12..2026-03-13"}, "2026-03-11", "2026-03-12 00:00"},
		{"an exclusion of the start alone changes nothing, for the start does not count",
			rule.Query{Kind: "MAX", Unit: "WD", N: 3}, "2026-03-06", []string{"2026-03-06"}, "2026-03-11", "2026-03-12 00:00"},
		{"a start inside an exclusion counts from its end",
			rule.Query{Kind: "MAX", Unit: "CD", N: 3}, "2026-03-18", []string{"2026-03-16..2026-03-27"}, "2026-03-30", "2026-03-31 00:00"},
		{"overlapping and touching exclusions are one",
			rule.Query{Kind: "MAX", Unit: "WD", N: 30}, "2026-03-02", []string{"2026-03-20..2026-03-27", "2026-03-16..2026-03-19", "2026-03-18..2026-03-22"}, "2026-04-28", "2026-04-29 00:00"},
		{"an excluded day off is not taken away twice",
			rule.Query{Kind: "MAX", Unit: "WD", N: 3}, "2026-03-06", []string{"2026-03-07..2026-03-08"}, "2026-03-11", "2026-03-12 00:00"},
		{"a period cannot roll onto an excluded day",
			rule.Query{Kind: "MAX", Unit: "CD", N: 2}, "2026-03-06", []string{"2026-03-09..2026-03-10"}, "2026-03-11", "2026-03-12 00:00"},
		{"calendar days around an exclusion",
			rule.Query{Kind: "MAX", Unit: "CD", N: 10}, "2026-03-02", []string{"2026-03-10..2026-03-13"}, "2026-03-16", "2026-03-17 00:00"},
		{"counting back over an exclusion",
			rule.Query{Kind: "MIN_BEFORE", Unit: "CD", N: 3}, "2026-03-25", []string{"2026-03-23..2026-03-24"}, "2026-03-20", "2026-03-21 00:00"},
		{"the turn of the year",
			rule.Query{Kind: "MAX", Unit: "WD", N: 1}, "2025-12-31", nil, "2026-01-04", "2026-01-05 00:00"},
		{"a year without a notice: weekends and fixed holidays",
			rule.Query{Kind: "MAX", Unit: "WD", N: 1}, "2027-04-30", nil, "2027-05-03", "2027-05-04 00:00"},
		{"a hint is computed like a maximum",
			rule.Query{Kind: "INFO", Unit: "CD", N: 60}, "2026-03-02", nil, "2026-05-06", "2026-05-07 00:00"},
	} {
		q := c.q
		q.From, q.Exclude = at(t, c.from), spans(t, c.exclude...)
		res, err := rule.Compute(workday.Default(), q)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if res.Date.String() != c.date || !res.At.Equal(at(t, c.at)) {
			t.Errorf("%s: %s, %s; want %s, %s", c.what, res.Date, res.At.In(workday.Beijing).Format("2006-01-02 15:04"), c.date, c.at)
		}
	}
}

func TestCompute_explains(t *testing.T) {
	t.Parallel()
	q := rule.Query{Kind: "MAX", Unit: "CD", N: 3, From: at(t, "2026-04-29")}
	res, err := rule.Compute(workday.Default(), q)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, d := range res.Days {
		mark := "-"
		if d.Counted {
			mark = "+"
		}
		lines = append(lines, mark+d.Date.String()+" "+d.Why)
	}
	want := `-2026-04-29 起算当日，不计入（民法典第二百零一条）
+2026-04-30 第1日
+2026-05-01 第2日（劳动节放假，照常计入）
+2026-05-02 第3日（劳动节放假，照常计入）
-2026-05-03 劳动节放假，继续顺延
-2026-05-04 劳动节放假，继续顺延
-2026-05-05 劳动节放假，继续顺延
-2026-05-06 顺延至本日届满（民法典第二百零三条）`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if res.Bound != "最迟2026年5月6日24时" {
		t.Errorf("the bound is %s", res.Bound)
	}
	if len(res.Remarks) != 1 || !strings.Contains(res.Remarks[0], "顺延至2026年5月6日") {
		t.Errorf("remarks %q", res.Remarks)
	}
}

func TestCompute_remarks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		q       rule.Query
		from    string
		exclude []string
		says    string
	}{
		{rule.Query{Kind: "MAX", Unit: "WD", N: 3}, "2027-02-01", nil, "2027年放假安排尚未公布"},
		{rule.Query{Kind: "MAX", Unit: "WD", N: 3}, "2026-12-25", nil, "2027年元旦的放假安排尚未公布"},
		{rule.Query{Kind: "MAX", Unit: "WD", N: 3}, "2026-03-07", nil, "2026年3月7日为休假日（周六）"},
		{rule.Query{Kind: "MAX", Unit: "WD", N: 3}, "2026-03-18", []string{"2026-03-16..2026-03-20"}, "在不计入期间内"},
		{rule.Query{Kind: "MAX", Unit: "CD", N: 3, Mode: "CALENDAR_STRICT"}, "2026-03-02", nil, "判法参数不影响结果"},
		{rule.Query{Kind: "MIN", Unit: "H", N: 3, Mode: "PUBLICITY"}, "2026-03-02", nil, "判法参数不影响结果"},
		{rule.Query{Kind: "MIN_BEFORE", Unit: "CD", N: 3, Mode: "PUBLICITY"}, "2026-03-12", nil, "只用于最短期间"},
		{rule.Query{Kind: "MIN_BEFORE", Unit: "CD", N: 10}, "2026-03-25 09:00", nil, "按钟点倒推为2026年3月15日09时00分"},
	} {
		c.q.From, c.q.Exclude = at(t, c.from), spans(t, c.exclude...)
		res, err := rule.Compute(workday.Default(), c.q)
		if err != nil || !strings.Contains(strings.Join(res.Remarks, "\n"), c.says) {
			t.Errorf("%+v: remarks %q do not say %q (%v)", c.q, res.Remarks, c.says, err)
		}
	}
}

func TestCompute_refusals(t *testing.T) {
	t.Parallel()
	good := func() rule.Query { return rule.Query{Kind: "MAX", Unit: "WD", N: 3, From: at(t, "2026-03-06")} }
	for code, changes := range map[string][]func(*rule.Query){
		"rule.bad_kind":   {func(q *rule.Query) { q.Kind = "" }, func(q *rule.Query) { q.Kind = "LATEST" }},
		"rule.no_period":  {func(q *rule.Query) { q.Kind = rule.Gate }, func(q *rule.Query) { q.Kind = rule.RatioMax }, func(q *rule.Query) { q.Unit = rule.NoUnit }},
		"rule.bad_unit":   {func(q *rule.Query) { q.Unit = "" }, func(q *rule.Query) { q.Unit = "YEAR" }, func(q *rule.Query) { q.Unit = rule.Percent }},
		"rule.bad_mode":   {func(q *rule.Query) { q.Mode = "LOOSE" }},
		"rule.bad_number": {func(q *rule.Query) { q.N = -1 }, func(q *rule.Query) { q.N = rule.MaxN + 1 }},
		"rule.bad_start":  {func(q *rule.Query) { q.From = time.Time{} }},
		"rule.bad_exclusion": {
			func(q *rule.Query) { q.Exclude = spans(t, "2026-03-27..2026-03-16") },
			func(q *rule.Query) { q.Exclude = slices.Repeat(spans(t, "2026-03-27"), 201) },
		},
		"workday.out_of_range": {
			func(q *rule.Query) { q.From = at(t, "1999-03-06") },
			func(q *rule.Query) { q.From = at(t, "2050-03-06") },
			func(q *rule.Query) { q.N = rule.MaxN },
			func(q *rule.Query) { q.Exclude = spans(t, "2026-03-27..2099-01-01") },
			func(q *rule.Query) { q.Exclude = spans(t, "2026-03-01..2036-12-31") },
			func(q *rule.Query) { q.Kind, q.N = "MIN_BEFORE", rule.MaxN*2/3; q.From = at(t, "2008-03-06") },
			func(q *rule.Query) {
				q.Kind, q.Unit, q.Mode, q.N, q.From = "MIN", "CD", rule.CalendarStrict, 0, at(t, "2036-12-31")
			},
			func(q *rule.Query) { q.Kind, q.Unit, q.N, q.From = "MAX", "H", 24, at(t, "2036-12-31") },
		},
	} {
		for i, change := range changes {
			q := good()
			change(&q)
			_, err := rule.Compute(workday.Default(), q)
			e, ok := apperr.From(err)
			if !ok || e.Code != code || e.Kind != apperr.Invalid || !chinese(e.Detail) {
				t.Errorf("%s, change %d: %v", code, i, err)
			}
		}
	}
}

func chinese(s string) bool { return strings.ContainsFunc(s, func(r rune) bool { return r >= 0x4e00 }) }

func TestParseSpan(t *testing.T) {
	t.Parallel()
	want := workday.Span{From: workday.Date(2026, 3, 16), To: workday.Date(2026, 3, 27)}
	if got, err := rule.ParseSpan(" 2026-03-16 .. 2026-03-27 "); got != want || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, s := range []string{"", "..", "2026-03-16..", "2026-03-16...2026-03-27", "2026-03-32", "a..b"} {
		if _, err := rule.ParseSpan(s); apperr.CodeOf(err) != "rule.bad_exclusion" {
			t.Errorf("%q gives %v", s, err)
		}
	}
}

// sample makes the n-th random question, the same on every run.
func sample(r *rand.Rand, cal *workday.Calendar) rule.Query {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	q := rule.Query{
		Kind: rule.Kind(pick("MAX", "MIN", "MIN_BEFORE", "MAX_BEFORE", "INFO")),
		Unit: rule.Unit(pick("CD", "WD", "H", "MIN")),
		N:    r.IntN(60),
		Mode: rule.Mode(pick("", "DATE_DIFF", "CALENDAR_STRICT", "HOURS", "PUBLICITY")),
		From: (workday.Date(2015, 1, 1) + workday.Day(r.IntN(365*14))).Start().Add(time.Duration(r.IntN(24*60)) * time.Minute),
	}
	for range r.IntN(4) {
		from := workday.DayOf(q.From) - 40 + workday.Day(r.IntN(80))
		q.Exclude = append(q.Exclude, workday.Span{From: from, To: from + workday.Day(r.IntN(12))})
	}
	return q
}

// TestCompute_properties holds for every question what the law promises of any.
func TestCompute_properties(t *testing.T) {
	t.Parallel()
	cal, r := workday.Default(), rand.New(rand.NewPCG(20260302, 1))
	for range 6000 {
		q := sample(r, cal)
		res, err := rule.Compute(cal, q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		longer, plain := q, q
		longer.N++
		plain.Exclude = nil
		next, err := rule.Compute(cal, longer)
		if err != nil {
			t.Fatalf("%+v: %v", longer, err)
		}
		bare, err := rule.Compute(cal, plain)
		if err != nil {
			t.Fatalf("%+v: %v", plain, err)
		}
		back := q.Kind == rule.MinBefore || q.Kind == rule.MaxBefore
		if !back && next.At.Before(res.At) || back && next.At.After(res.At) {
			t.Fatalf("%+v: one more unit moves %s to %s", q, res.At, next.At)
		}
		if !back && res.At.Before(bare.At) || back && res.At.After(bare.At) {
			t.Fatalf("%+v: an exclusion shortens the period from %s to %s", q, bare.At, res.At)
		}
		checkDays(t, cal, q, res)
	}
}

// checkDays recounts a result from its explained days.
func checkDays(t *testing.T, cal *workday.Calendar, q rule.Query, res rule.Result) {
	t.Helper()
	days := q.Unit == rule.CalendarDay || q.Unit == rule.Workday
	if days && (q.Kind == rule.Max || q.Kind == rule.Info) {
		if !cal.IsWorkday(res.Date) {
			t.Fatalf("%+v ends on %s, a day off", q, res.Date)
		}
		for _, s := range q.Exclude {
			if s.Has(res.Date) {
				t.Fatalf("%+v ends on %s, an excluded day", q, res.Date)
			}
		}
	}
	counted, last := 0, workday.Day(0)
	for i, d := range res.Days {
		if i > 0 && d.Date != last+1 {
			t.Fatalf("%+v: %s follows %s", q, d.Date, last)
		}
		last = d.Date
		if d.Why == "" || d.Workday != cal.IsWorkday(d.Date) {
			t.Fatalf("%+v: %s is unexplained", q, d.Date)
		}
		if !d.Counted {
			continue
		}
		counted++
		if q.Unit == rule.Workday && !d.Workday {
			t.Fatalf("%+v counts %s, a day off", q, d.Date)
		}
		for _, s := range q.Exclude {
			if s.Has(d.Date) {
				t.Fatalf("%+v counts %s, an excluded day", q, d.Date)
			}
		}
	}
	byClock := q.Unit == rule.CalendarDay && q.Mode == rule.Hours && q.Kind != rule.Max && q.Kind != rule.Info
	if days && !byClock && counted != q.N {
		t.Fatalf("%+v counts %d days", q, counted)
	}
	if first := res.Days[0].Date; first != min(res.Date, workday.DayOf(q.From)) && days && !byClock {
		t.Fatalf("%+v: the days begin at %s", q, first)
	}
}
