package rule

import (
	"fmt"
	"slices"
	"time"

	"jianbiao/internal/workday"
)

// ExplainedDay is one day the computation looked at, and why it did or did not count.
type ExplainedDay struct {
	Date    workday.Day
	Workday bool
	Counted bool   // it is one of the n
	Why     string // in Chinese
}

// Result is the answer to a Query.
type Result struct {
	// Date is the last lawful date of a MAX and a MIN_BEFORE, the first lawful one
	// of a MIN and a MAX_BEFORE.
	Date workday.Day
	// At is the same bound as an instant: 24:00 of Date for MAX, MIN_BEFORE and
	// PUBLICITY, 0:00 of Date for MIN and MAX_BEFORE, the exact instant where hours
	// or minutes count. What happens exactly at At is in time.
	At time.Time
	// Bound says the bound in Chinese: 最迟2026年3月11日24时.
	Bound string
	// Days are the days from the start to Date, in order of time.
	Days []ExplainedDay
	// Remarks are Chinese sentences the reader of the date must see.
	Remarks []string
}

// Compute answers when a period ends, by 民法典 201 to 203:
//
//   - counted in days, the day of the start does not count; in hours, the period
//     runs from the instant, through nights and holidays;
//   - a MAX in calendar days whose last day is off ends on the next working day;
//     a MIN does so only in mode PUBLICITY;
//   - MIN_BEFORE and MAX_BEFORE count back from From in the same way and are not
//     rolled; in working days they end on a working day;
//   - an excluded day neither counts nor can be the day a MAX or a publicity
//     period ends on; excluding the day of the start changes nothing.
//
// Its refusals are *apperr.Error of kind Invalid: rule.bad_kind, rule.no_period,
// rule.bad_unit, rule.bad_mode, rule.bad_number, rule.bad_start,
// rule.bad_exclusion and workday.out_of_range.
func Compute(cal *workday.Calendar, q Query) (Result, error) {
	q, err := q.check(cal)
	if err != nil {
		return Result{}, err
	}
	c := &counter{cal: cal, q: q, dir: workday.Day(periods[q.Kind]), from: workday.DayOf(q.From)}
	var res Result
	switch {
	case q.Unit == Hour || q.Unit == Minute || (q.Unit == CalendarDay && q.Mode == Hours && c.takesHours()):
		res, err = c.byClock()
	default:
		res, err = c.byDay()
	}
	if err != nil {
		return Result{}, err
	}
	if c.dir < 0 {
		slices.Reverse(c.days)
	}
	res.Days = c.days
	c.remark(&res)
	return res, nil
}

// counter walks the calendar day by day and notes what it sees.
type counter struct {
	cal     *workday.Calendar
	q       Query
	dir     workday.Day // +1 forward, -1 back
	from    workday.Day
	days    []ExplainedDay
	remarks []string
}

// takesHours says whether mode HOURS means something for the kind: a maximum
// ends at 24:00 whatever practice says of minimums.
func (c *counter) takesHours() bool { return c.q.Kind != Max && c.q.Kind != Info }

func (c *counter) excluded(d workday.Day) bool {
	for _, s := range c.q.Exclude {
		if s.Has(d) {
			return true
		}
	}
	return false
}

func (c *counter) note(d workday.Day, counted bool, why string) {
	c.days = append(c.days, ExplainedDay{Date: d, Workday: c.cal.IsWorkday(d), Counted: counted, Why: why})
}

// byDay answers in calendar or working days.
func (c *counter) byDay() (Result, error) {
	d, err := c.count()
	if err != nil {
		return Result{}, err
	}
	switch {
	case c.q.Kind == Max || c.q.Kind == Info:
		if d, err = c.roll(d); err != nil {
			return Result{}, err
		}
		return Result{Date: d, At: d.End(), Bound: "最迟" + d.Chinese() + "24时"}, nil
	case c.q.Kind == MinBefore && c.q.Mode != Hours:
		return Result{Date: d, At: d.End(), Bound: "最迟" + d.Chinese() + "24时"}, nil
	case c.q.Mode == Hours: // working days: the same time of day
		at := d.Start().Add(c.q.From.Sub(c.from.Start()))
		return Result{Date: d, At: at, Bound: c.instant(at)}, nil
	case c.q.Kind == Min && c.q.Mode == Publicity:
		if d, err = c.roll(d); err != nil {
			return Result{}, err
		}
		return Result{Date: d, At: d.End(), Bound: "最早" + d.Chinese() + "24时届满"}, nil
	case c.q.Kind == Min && c.q.Mode == CalendarStrict:
		d++
		if err := c.cal.Check(d); err != nil {
			return Result{}, err
		}
		c.note(d, false, fmt.Sprintf("满%d%s后的次日", c.q.N, unitNames[c.q.Unit]))
	}
	return Result{Date: d, At: d.Start(), Bound: "最早" + d.Chinese()}, nil
}

// count goes n counted days on from the start, whose own day does not count.
func (c *counter) count() (workday.Day, error) {
	d := c.from
	start := "起算当日，不计入（民法典第二百零一条）"
	if c.dir < 0 {
		start = "倒推起点当日，不计入"
	}
	c.note(d, false, start)
	for k := 0; k < c.q.N; {
		d += c.dir
		if err := c.cal.Check(d); err != nil {
			return 0, err
		}
		off := c.cal.WhyOff(d)
		switch {
		case c.excluded(d):
			c.note(d, false, "不计入期间")
		case c.q.Unit == Workday && off != "":
			c.note(d, false, off+"，不是工作日")
		default:
			k++
			c.note(d, true, c.nth(k, d, off))
		}
	}
	return d, nil
}

// nth words the k-th counted day.
func (c *counter) nth(k int, d workday.Day, off string) string {
	why := fmt.Sprintf("第%d%s", k, unitNames[c.q.Unit])
	if worked := c.cal.WhyWorked(d); worked != "" {
		return why + "（" + worked + "）"
	}
	if off != "" {
		return why + "（" + off + "，照常计入）"
	}
	return why
}

// roll moves the end of a period off holidays (民法典 203) and off excluded days.
func (c *counter) roll(d workday.Day) (workday.Day, error) {
	last, off := d, c.cal.WhyOff(d)
	for !c.cal.IsWorkday(d) || c.excluded(d) {
		d++
		if err := c.cal.Check(d); err != nil {
			return 0, err
		}
		switch why := c.cal.WhyOff(d); {
		case c.excluded(d):
			c.note(d, false, "不计入期间，继续顺延")
		case why != "":
			c.note(d, false, why+"，继续顺延")
		default:
			c.note(d, false, "顺延至本日届满（民法典第二百零三条）")
		}
	}
	if d != last && off != "" {
		c.remarks = append(c.remarks, fmt.Sprintf("末日%s为休假日（%s），依《中华人民共和国民法典》第二百零三条顺延至%s", last.Chinese(), off, d.Chinese()))
	}
	return d, nil
}

// byClock answers in hours, minutes, or days of 24 hours.
func (c *counter) byClock() (Result, error) {
	unit := map[Unit]time.Duration{Hour: time.Hour, Minute: time.Minute, CalendarDay: 24 * time.Hour}[c.q.Unit]
	at, err := c.run(time.Duration(c.q.N) * unit)
	if err != nil {
		return Result{}, err
	}
	d := workday.DayOf(at)
	if n := len(c.days); n == 0 || c.days[n-1].Date != d {
		c.note(d, false, "恰在本日0时，即前一日24时")
	}
	return Result{Date: d, At: at, Bound: c.instant(at)}, nil
}

// run moves the start by an amount of time that stands still on excluded days.
func (c *counter) run(left time.Duration) (time.Time, error) {
	at := c.q.From.In(workday.Beijing)
	for left > 0 {
		d := workday.DayOf(at)
		var edge time.Time
		if c.dir > 0 {
			edge = d.End()
		} else {
			d = workday.DayOf(at.Add(-time.Nanosecond))
			edge = d.Start()
		}
		if err := c.cal.Check(d); err != nil {
			return time.Time{}, err
		}
		if c.excluded(d) {
			c.note(d, false, "不计入期间")
			at = edge
			continue
		}
		c.note(d, true, "按时刻连续计算，休假日照常计入（民法典第二百零一条第二款）")
		part := edge.Sub(at).Abs()
		if left <= part {
			at = at.Add(left * time.Duration(c.dir))
			break
		}
		left, at = left-part, edge
	}
	return at, c.cal.Check(workday.DayOf(at))
}

// instant words a bound that is an instant.
func (c *counter) instant(at time.Time) string {
	word := "最早"
	if c.q.Kind == Max || c.q.Kind == Info || c.q.Kind == MinBefore {
		word = "最迟"
	}
	return word + moment(at)
}

// moment is an instant in Chinese, with seconds only where there are any.
func moment(at time.Time) string {
	at = at.In(workday.Beijing)
	s := workday.DayOf(at).Chinese() + at.Format("15时04分")
	if at.Second() != 0 {
		s += at.Format("05秒")
	}
	return s
}
