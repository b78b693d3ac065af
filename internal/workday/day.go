// Package workday is the civil calendar (工作日历) that statutory periods run
// on: days without a time zone, the State Council's holiday notices (放假安排)
// as data, and the count of working days between two days.
//
// It refuses to guess. For a year whose notice is not out, weekends and the
// holidays with a fixed date count, and Remarks says so in Chinese; for a year
// far from any notice it gives no answer at all.
package workday

import (
	"database/sql/driver"
	"fmt"
	"time"

	"jianbiao/internal/apperr"
)

// Beijing is legal time (北京时间) in China, a fixed UTC+8: the country has had
// no summer time since 1991 and the first holiday notice held here is of 2007.
// A fixed zone needs no zone database on the machine.
var Beijing = time.FixedZone("UTC+8", 8*60*60)

// Day is a civil date without a time zone: the number of days since
// 1970-01-01. Days compare and subtract as integers do.
type Day int

// Date makes a Day; a month or day out of range is normalised as time.Date does.
func Date(year int, month time.Month, day int) Day {
	return Day(floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), 24*60*60))
}

// DayOf is the day of an instant in Beijing.
func DayOf(t time.Time) Day {
	y, m, d := t.In(Beijing).Date()
	return Date(y, m, d)
}

// ParseDay reads an ISO date, 2026-03-06, and nothing else. Its refusal is an
// *apperr.Error of kind Invalid, code "workday.bad_date".
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, apperr.New(apperr.Invalid, "workday.bad_date",
			"日期“%s”不正确：请按“年-月-日”填写实际存在的日期，如 2026-03-06。", shorten(s)).Because(err)
	}
	y, m, d := t.Date()
	return Date(y, m, d), nil
}

// Start is 0:00 of the day in Beijing.
func (d Day) Start() time.Time {
	return time.Unix(int64(d)*24*60*60, 0).In(time.UTC).Add(-8 * time.Hour).In(Beijing)
}

// End is 24:00 of the day in Beijing, the same instant as 0:00 of the next one.
func (d Day) End() time.Time { return (d + 1).Start() }

// Weekday is the day of the week.
func (d Day) Weekday() time.Weekday { return d.Start().Weekday() }

// Year is the civil year.
func (d Day) Year() int { return d.Start().Year() }

// String is the ISO date.
func (d Day) String() string { return d.Start().Format(time.DateOnly) }

// Chinese is the date as a person reads it: 2026年3月6日.
func (d Day) Chinese() string {
	y, m, day := d.Start().Date()
	return fmt.Sprintf("%d年%d月%d日", y, int(m), day)
}

// ChineseWeekday is 周一 to 周日.
func (d Day) ChineseWeekday() string {
	return [...]string{"周日", "周一", "周二", "周三", "周四", "周五", "周六"}[d.Weekday()]
}

// MarshalText gives the ISO date, for JSON.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the ISO date, from JSON.
func (d *Day) UnmarshalText(text []byte) error {
	parsed, err := ParseDay(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// Value stores the day in a column of type date.
func (d Day) Value() (driver.Value, error) { return d.String(), nil }

// Scan reads a column of type date.
func (d *Day) Scan(src any) error {
	switch v := src.(type) {
	case time.Time: // the driver gives a date as midnight of a zone that means nothing
		y, m, day := v.Date()
		*d = Date(y, m, day)
		return nil
	case string:
		return d.UnmarshalText([]byte(v))
	case []byte:
		return d.UnmarshalText(v)
	}
	return fmt.Errorf("workday: cannot scan %T into a Day", src)
}

// Span is a run of days, both ends included.
type Span struct {
	From Day `json:"from"`
	To   Day `json:"to"`
}

// Has says whether the day lies in the span.
func (s Span) Has(d Day) bool { return s.From <= d && d <= s.To }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// shorten keeps what a person typed recognisable in a message, and the message short.
func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
