package workday

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
	"time"

	"jianbiao/internal/apperr"
)

// horizon is how many years beyond the last notice the calendar still answers
// for, with a remark: long enough for a period that begins now, too short to
// pretend to know the law of another generation.
const horizon = 10

// fixed are the holidays with a fixed civil date (全国年节及纪念日放假办法,
// 2024年修订, 第二条). Spring Festival, Qingming, Dragon Boat and Mid-Autumn follow
// the lunar and solar terms and are unknown without a notice.
var fixed = map[monthDay]string{
	{time.January, 1}: "元旦",
	{time.May, 1}:     "劳动节", {time.May, 2}: "劳动节",
	{time.October, 1}: "国庆节", {time.October, 2}: "国庆节", {time.October, 3}: "国庆节",
}

type monthDay struct {
	month time.Month
	day   int
}

type moved struct {
	name string
	off  bool
}

// Calendar says which days are working days. It is immutable and safe for
// concurrent use; Digest names its exact content.
type Calendar struct {
	days        map[Day]moved // keyed by date over all files, not by file
	papers      map[int][]string
	noticed     map[int]bool
	first, last int // first and last year with a notice
	digest      string
}

// New merges notices. Two files that say opposite things of one day are
// refused, as is a set without any notice (Invalid, "workday.bad_file").
func New(files ...File) (*Calendar, error) {
	c := &Calendar{days: map[Day]moved{}, papers: map[int][]string{}, noticed: map[int]bool{}}
	for _, f := range files {
		if len(f.Days) == 0 {
			continue // an empty year file is no notice
		}
		if c.noticed[f.Year] {
			return nil, badFile("%d 年有两份放假安排，请只保留一份。", f.Year)
		}
		c.noticed[f.Year], c.papers[f.Year] = true, f.Papers
		if c.first == 0 || f.Year < c.first {
			c.first = f.Year
		}
		c.last = max(c.last, f.Year)
		for _, n := range f.Days {
			if n.Off == nil {
				return nil, badFile("%s 没有写明是放假还是上班。", n.Date)
			}
			if old, ok := c.days[n.Date]; ok && old.off != *n.Off {
				return nil, badFile("两份放假安排对 %s 的说法相反。", n.Date)
			}
			c.days[n.Date] = moved{name: n.Name, off: *n.Off}
		}
	}
	if c.first == 0 {
		return nil, badFile("没有一份有内容的放假安排，无法建立工作日历。")
	}
	c.digest = c.sum()
	return c, nil
}

// Digest is "sha256:…" over the calendar's content; results that are kept carry
// it, so that it stays known which notices they were computed with.
func (c *Calendar) Digest() string { return c.digest }

func (c *Calendar) sum() string {
	var lines []string
	for d, m := range c.days {
		lines = append(lines, fmt.Sprintf("day %s %t %s", d, m.off, m.name))
	}
	for y := range c.noticed {
		lines = append(lines, fmt.Sprintf("notice %d", y))
	}
	for md, name := range fixed {
		lines = append(lines, fmt.Sprintf("fixed %02d-%02d %s", md.month, md.day, name))
	}
	sort.Strings(lines)
	h := sha256.Sum256([]byte("jianbiao/workday/1\n" + strings.Join(lines, "\n")))
	return "sha256:" + hex.EncodeToString(h[:])
}

// Years are the first and the last year the calendar answers for.
func (c *Calendar) Years() (first, last int) { return c.first, c.last + horizon }

// Noticed says whether the holiday notice of a year is known.
func (c *Calendar) Noticed(year int) bool { return c.noticed[year] }

// Papers are the addresses of the notice of a year.
func (c *Calendar) Papers(year int) []string { return append([]string(nil), c.papers[year]...) }

// Check refuses a day the calendar has no business judging: before its first
// notice, or more than ten years after its last (Invalid, "workday.out_of_range").
func (c *Calendar) Check(d Day) error {
	first, last := c.Years()
	if y := d.Year(); y < first || y > last {
		return apperr.New(apperr.Invalid, "workday.out_of_range",
			"日期超出工作日历的范围：工作日历只有 %d 年至 %d 年（放假通知到 %d 年为止）。", first, last, c.last)
	}
	return nil
}

// IsWorkday says whether the day is a working day (工作日): what the notices say
// of it, else Monday to Friday, less the fixed holidays where no notice is out.
func (c *Calendar) IsWorkday(d Day) bool { return c.WhyOff(d) == "" }

// WhyOff says in Chinese why a day is off; it is empty for a working day.
func (c *Calendar) WhyOff(d Day) string {
	if m, ok := c.days[d]; ok {
		if m.off {
			return m.name + "放假"
		}
		return ""
	}
	if !c.noticed[d.Year()] {
		if name := fixedName(d); name != "" {
			return name + "（日期固定的节日）"
		}
	}
	if weekend(d) {
		return d.ChineseWeekday()
	}
	return ""
}

// WhyWorked says in Chinese why a weekend day is worked (调休上班); it is empty otherwise.
func (c *Calendar) WhyWorked(d Day) string {
	if m, ok := c.days[d]; ok && !m.off && weekend(d) {
		return m.name + "调休上班"
	}
	return ""
}

// Next is the first working day on or after d. It looks no further than the
// longest holiday could last.
func (c *Calendar) Next(d Day) Day { return c.step(d, 1) }

// Previous is the last working day on or before d.
func (c *Calendar) Previous(d Day) Day { return c.step(d, -1) }

func (c *Calendar) step(d, by Day) Day {
	for !c.IsWorkday(d) {
		d += by // ends: between two notices there are ordinary weeks
	}
	return d
}

// WorkdaysBetween is wd_elapsed: the number of working days after a, up to and
// including b. It is negative, counted the other way round, when b is before a.
func (c *Calendar) WorkdaysBetween(a, b Day) int {
	if b < a {
		return -c.WorkdaysBetween(b, a)
	}
	n := 0
	for d := a + 1; d <= b; d++ {
		if c.IsWorkday(d) {
			n++
		}
	}
	return n
}

// Remarks are the Chinese sentences a result owes its reader when it rests on
// the days from a to b: years without a notice, and the turn of a year whose
// next notice may still move the last days of December.
func (c *Calendar) Remarks(a, b Day) []string {
	if b < a {
		a, b = b, a
	}
	var out []string
	for y := a.Year(); y <= b.Year(); y++ {
		if !c.noticed[y] {
			out = append(out, fmt.Sprintf("%d年放假安排尚未公布：本次按周末和日期固定的节日（元旦1月1日、劳动节5月1日至2日、国庆节10月1日至3日）计算；"+
				"春节、清明、端午、中秋的放假日期和各节的调休上班日、补假日未知，通知公布后结果可能改变", y))
		}
	}
	for y := a.Year(); y <= b.Year(); y++ {
		turn := Span{From: Date(y, time.December, 25), To: Date(y, time.December, 31)}
		if c.noticed[y] && !c.noticed[y+1] && a <= turn.To && turn.From <= b {
			out = append(out, fmt.Sprintf("%d年元旦的放假安排尚未公布，可能调整%d年12月末的上班和放假日", y+1, y))
		}
	}
	return out
}

func weekend(d Day) bool {
	w := d.Weekday()
	return w == time.Saturday || w == time.Sunday
}

func fixedName(d Day) string {
	_, m, day := d.Start().Date()
	return fixed[monthDay{m, day}]
}
