package workday

import (
	"time"

	"jianbiao/internal/apperr"
)

// Office are the working hours (工作时段) of a working day, in minutes after
// midnight, in order and apart from each other.
type Office []struct{ From, To int }

// DefaultOffice is eight hours: 9:00 to 12:00 and 13:00 to 18:00.
var DefaultOffice = Office{{9 * 60, 12 * 60}, {13 * 60, 18 * 60}}

// Minutes is the length of one working day in minutes, 480 by default.
func (o Office) Minutes() int {
	sum := 0
	for _, s := range o {
		sum += s.To - s.From
	}
	return sum
}

// OfficeMinutes is the decimal count of working days (小数工作日) in its exact
// form: the working minutes between two instants, outside the excluded days.
// Divide by Minutes for days; a sum or a mean is taken over the minutes and
// rounded once. It refuses hours that are out of order ("workday.bad_office")
// and instants beyond the calendar.
func (c *Calendar) OfficeMinutes(from, until time.Time, office Office, exclude ...Span) (int, error) {
	if until.Before(from) {
		n, err := c.OfficeMinutes(until, from, office, exclude...)
		return -n, err
	}
	at := 0
	for _, s := range office {
		if s.From < at || s.To <= s.From || s.To > 24*60 {
			return 0, apperr.New(apperr.Invalid, "workday.bad_office", "工作时段不正确：各时段应先后排列、互不重叠，且在0时至24时之间。")
		}
		at = s.To
	}
	first, last := DayOf(from), DayOf(until)
	for _, d := range []Day{first, last} {
		if err := c.Check(d); err != nil {
			return 0, err
		}
	}
	var sum time.Duration
	for d := first; d <= last; d++ {
		if !c.IsWorkday(d) || excluded(exclude, d) {
			continue
		}
		for _, s := range office {
			begin, end := d.Start().Add(time.Duration(s.From)*time.Minute), d.Start().Add(time.Duration(s.To)*time.Minute)
			begin, end = later(begin, from), earlier(end, until)
			if begin.Before(end) {
				sum += end.Sub(begin)
			}
		}
	}
	return int(sum / time.Minute), nil
}

func excluded(spans []Span, d Day) bool {
	for _, s := range spans {
		if s.Has(d) {
			return true
		}
	}
	return false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
