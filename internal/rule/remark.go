package rule

import (
	"fmt"
	"time"

	"jianbiao/internal/workday"
)

// remark adds what the reader of the date must know beside it.
func (c *counter) remark(res *Result) {
	q := c.q
	add := func(format string, args ...any) { res.Remarks = append(res.Remarks, fmt.Sprintf(format, args...)) }
	if off := c.cal.WhyOff(c.from); off != "" && q.Unit == Workday {
		add("%s为休假日（%s），不是工作日，不计入；自相邻的工作日起计算", c.from.Chinese(), off)
	}
	if c.excluded(c.from) && (q.Unit == CalendarDay || q.Unit == Workday) {
		add("起点%s在不计入期间内，期间结束后继续计算", c.from.Chinese())
	}
	res.Remarks = append(res.Remarks, c.remarks...)
	if why := q.idleMode(); why != "" {
		add("%s", why)
	}
	if at, ok := c.byHours(); ok {
		add("按钟点倒推为%s，按日期计算为当日24时；其间提出的，按对当事人有利者受理并提示", moment(at))
	}
	res.Remarks = append(res.Remarks, c.cal.Remarks(c.from, res.Date)...)
}

// idleMode says in Chinese that a mode was asked for which the kind or the unit
// has no use for; the date is that of DATE_DIFF.
func (q Query) idleMode() string {
	switch {
	case q.Mode == DateDiff:
		return ""
	case q.Unit == Hour || q.Unit == Minute:
		return "按小时、分钟计算的期限自起算时刻连续计算，判法参数不影响结果"
	case q.Kind == Max || q.Kind == Info:
		return "最长时限依民法典第二百零三条至末日24时届满，判法参数不影响结果"
	case q.Kind != Min && q.Mode != Hours:
		return "该判法只用于最短期间，本次按日期倒推"
	}
	return ""
}

// byHours is the other reading of a MIN_BEFORE in days from a deadline with a
// time of day: the hours counted back. It differs from the end of the day, and the
// party gets the better of the two.
func (c *counter) byHours() (time.Time, bool) {
	q := c.q
	if q.Kind != MinBefore || q.Unit != CalendarDay || q.Mode == Hours || len(q.Exclude) > 0 ||
		q.From.Equal(workday.DayOf(q.From).Start()) {
		return time.Time{}, false
	}
	return q.From.Add(-time.Duration(q.N) * 24 * time.Hour), true
}
