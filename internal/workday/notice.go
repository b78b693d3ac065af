package workday

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxNotice bounds the text of a notice, in bytes; a real one has 2 KB.
const MaxNotice = 64 << 10

// Paper is what was read out of a holiday notice (放假通知).
type Paper struct {
	File   File
	Title  string // 国务院办公厅关于2026年部分节假日安排的通知
	Number string // 发文字号: 国办发明电〔2025〕7号
	// Faults are sentences that could not be read or that contradict themselves;
	// a notice with one is not fit to be used. Warnings are for people to look at.
	Faults   []Fault
	Warnings []string
}

// Fault is one sentence of a notice and what is wrong with it.
type Fault struct {
	Sentence int    `json:"sentence"` // from 1; the line of a table
	Text     string `json:"text"`
	Message  string `json:"message"` // in Chinese
}

var (
	titleForm  = regexp.MustCompile(`国务院办公厅关于(\d{4})年部分节假日安排的通知`)
	numberForm = regexp.MustCompile(`国办发(?:明电)?〔\d{4}〕\d+号`)
	itemForm   = regexp.MustCompile(`^(?:[一二三四五六七八九十]+、)?([^：，。\d]{2,20})：(.*)$`)
	dateForm   = regexp.MustCompile(`^(?:(\d{4})年)?(?:(\d{1,2})月)?(\d{1,2})日(?:（([^（）]*)）)?`)
	weekForm   = regexp.MustCompile(`(?:周|星期)([一二三四五六日天])`)
	totalForm  = regexp.MustCompile(`^(?:调休)?(?:，?共|，)?(\d{1,2})天`)
	datedForm  = regexp.MustCompile(`\d日|上班|天`)
	signedForm = regexp.MustCompile(`^\d{4}年\d{1,2}月\d{1,2}日$`) // the date under the notice
	folding    = strings.NewReplacer("(", "（", ")", "）", ":", "：", ",", "，", ";", "；", "[", "〔", "]", "〕", "［", "〔", "］", "〕", "【", "〔", "】", "〕",
		"到", "至", "—", "至", "～", "至", "~", "至", "\u00a0", "", " ", "", "\t", "", "\u3000", "", "\ufeff", "", "\r", "",
		"０", "0", "１", "1", "２", "2", "３", "3", "４", "4", "５", "5", "６", "6", "７", "7", "８", "8", "９", "9")
)

// statutory are the holidays of 全国年节及纪念日放假办法 第二条.
var statutory = []string{"元旦", "春节", "清明", "劳动", "端午", "中秋", "国庆"}

// ParsePaper reads the text of the State Council's yearly notice as it is
// published: “一、元旦：1月1日（周四）至3日（周六）放假调休，共3天。1月4日（周日）上班。”
// Weekdays and totals in the text are checked against the dates. It never fails:
// what it cannot read is in Faults.
func ParsePaper(text string) Paper {
	p := &paper{off: map[Day]bool{}}
	if len(text) > MaxNotice || !utf8.ValidString(text) {
		p.fault(1, "", "通知正文过长，或者不是文字。")
		return p.Paper
	}
	text = folding.Replace(text)
	joined := strings.ReplaceAll(text, "\n", "")
	if m := titleForm.FindStringSubmatch(joined); m != nil {
		p.Title, p.File.Year = m[0], atoi(m[1])
	} else {
		p.fault(1, "", "没有找到标题“国务院办公厅关于××××年部分节假日安排的通知”，不能确定是哪一年。")
		return p.Paper
	}
	if y := p.File.Year; y < 2008 || y > 2199 {
		p.fault(1, p.Title, "标题里的年份不正确。")
		return p.Paper
	}
	if m := numberForm.FindString(joined); m != "" {
		p.Number, p.File.Papers = m, []string{m}
	}
	p.items(text)
	p.finish()
	return p.Paper
}

// paper is a Paper in the making.
type paper struct {
	Paper
	off   map[Day]bool
	index int
}

func (p *paper) fault(n int, text, format string, args ...any) {
	p.Faults = append(p.Faults, Fault{Sentence: n, Text: shorten(text), Message: fmt.Sprintf(format, args...)})
}

func (p *paper) warn(format string, args ...any) {
	p.Warnings = append(p.Warnings, fmt.Sprintf(format, args...))
}

// items reads the sentences one by one; those after an item's name and up to
// the next name belong to that holiday. Lines that a paste has broken are put
// together again.
func (p *paper) items(text string) {
	type item struct{ holiday, text string }
	var items []item
	open, named := false, map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		if m := itemForm.FindStringSubmatch(line); m != nil && isHoliday(m[1]) {
			items, open = append(items, item{m[1], m[2]}), true
			for _, name := range statutory {
				named[name] = named[name] || strings.Contains(m[1], name)
			}
		} else if open = open && datedForm.MatchString(line) && !signedForm.MatchString(line); open {
			items[len(items)-1].text += line
		}
	}
	for _, it := range items {
		for sentence := range strings.FieldsFuncSeq(it.text, func(r rune) bool { return r == '。' || r == '；' }) {
			p.index++
			p.sentence(it.holiday, sentence)
		}
	}
	for _, name := range statutory {
		if !named[name] {
			p.warn("通知里没有找到“%s”的安排，请核对是否粘贴完整。", name)
		}
	}
}

func isHoliday(name string) bool {
	return strings.HasSuffix(name, "节") || slices.ContainsFunc(statutory, func(s string) bool { return strings.Contains(name, s) }) || strings.Contains(name, "纪念日")
}

// sentence reads one sentence of a holiday's item.
func (p *paper) sentence(holiday, text string) {
	name := strings.TrimSuffix(holiday, "假期")
	head, tail, off := strings.Cut(text, "放假")
	if !off {
		var work bool
		if head, tail, work = strings.Cut(text, "上班"); !work {
			if strings.HasPrefix(text, "鼓励") || !strings.Contains(text, "日") {
				p.warn("这一句不改变上班和放假：“%s”", shorten(text))
				return
			}
			p.fault(p.index, text, "这一句没有写明“放假”或者“上班”。")
			return
		}
	}
	days, ok := p.dates(text, strings.TrimRight(head, "，正常"), name)
	if !ok {
		return
	}
	for _, d := range days {
		p.add(text, name, d, off)
	}
	if m := totalForm.FindStringSubmatch(strings.TrimPrefix(tail, "，")); off && m != nil && atoi(m[1]) != len(days) {
		p.fault(p.index, text, "写的是%s天，按日期数出来是%d天。", m[1], len(days))
	}
}

// add enters a day once.
func (p *paper) add(text, name string, d Day, off bool) {
	if before, twice := p.off[d]; twice {
		if before != off {
			p.fault(p.index, text, "%s既写了放假又写了上班。", d.Chinese())
		}
		return
	}
	if !off && !weekend(d) {
		p.warn("%s是%s，本来就是工作日，通知却写明上班，请核对。", d.Chinese(), d.ChineseWeekday())
	}
	p.off[d] = off
	p.File.Days = append(p.File.Days, Notice{Name: name, Date: d, Off: &off})
}

// dates reads “2月15日（周日）至23日（周一）、2月28日（周六）”.
func (p *paper) dates(text, list, holiday string) (days []Day, ok bool) {
	var last Day
	month, ranged := 0, false
	for list != "" {
		m := dateForm.FindStringSubmatch(list)
		if m == nil {
			p.fault(p.index, text, "看不懂“%s”：日期请写成“2月15日（周日）至23日（周一）”。", shorten(list))
			return nil, false
		}
		list = list[len(m[0]):]
		d, why := p.date(m, &month, holiday)
		if why != "" {
			p.fault(p.index, text, "%s", why)
			return nil, false
		}
		switch {
		case ranged && (d <= last || d-last > 30):
			p.fault(p.index, text, "“%s至%s”前后颠倒，或者长得不合理。", last.Chinese(), d.Chinese())
			return nil, false
		case ranged:
			for x := last + 1; x <= d; x++ {
				days = append(days, x)
			}
		default:
			days = append(days, d)
		}
		last, ranged = d, strings.HasPrefix(list, "至")
		list = strings.TrimPrefix(list, "至")
		if !ranged {
			list = strings.TrimLeft(list, "、，和及")
		} else if list == "" {
			p.fault(p.index, text, "“至”的后面没有日期。")
			return nil, false
		}
	}
	if len(days) == 0 {
		p.fault(p.index, text, "没有找到日期。")
	}
	return days, len(days) > 0
}

// date makes a day of a match of dateForm and checks its weekday.
func (p *paper) date(m []string, month *int, holiday string) (Day, string) {
	year := p.File.Year
	if m[2] != "" {
		*month = atoi(m[2])
	}
	if m[1] != "" {
		year = atoi(m[1])
	} else if *month == 12 && strings.Contains(holiday, "元旦") {
		year-- // the days before New Year's are those of the year before
	}
	day := atoi(m[3])
	if *month == 0 {
		return 0, fmt.Sprintf("“%s”没有写月份。", m[0])
	}
	d := Date(year, time.Month(*month), day)
	if y, mo, dd := d.Start().Date(); y != year || int(mo) != *month || dd != day {
		return 0, fmt.Sprintf("没有“%d年%d月%d日”这一天。", year, *month, day)
	}
	if year < p.File.Year-1 || year > p.File.Year+1 {
		return 0, fmt.Sprintf("%s不属于%d年的放假安排。", d.Chinese(), p.File.Year)
	}
	if w := weekForm.FindStringSubmatch(m[4]); w != nil {
		if said := "周" + strings.ReplaceAll(w[1], "天", "日"); said != d.ChineseWeekday() {
			return 0, fmt.Sprintf("%s是%s，通知写的是%s。", d.Chinese(), d.ChineseWeekday(), said)
		}
	}
	return d, ""
}

// finish puts the days in order and looks at the whole.
func (p *paper) finish() {
	sort.SliceStable(p.File.Days, func(i, j int) bool { return p.File.Days[i].Date < p.File.Days[j].Date })
	if len(p.File.Days) == 0 && len(p.Faults) == 0 {
		p.fault(1, "", "没有找到任何放假或上班的日期。")
	}
	for md, name := range fixed {
		d := Date(p.File.Year, md.month, md.day)
		if off, ok := p.off[d]; !ok || !off {
			p.warn("%s是%s，依全国年节及纪念日放假办法放假，通知里没有。", d.Chinese(), name)
		}
	}
	sort.Strings(p.Warnings)
}

// ParseTable reads a notice as a table, one day a line: 日期,名称,放假 or 上班, with
// a first line of headings. Dates are 2027-01-01 or 2027/1/1.
func ParseTable(year int, number, text string) Paper {
	p := &paper{off: map[Day]bool{}}
	p.File.Year, p.Number = year, number
	p.Title = fmt.Sprintf("国务院办公厅关于%d年部分节假日安排的通知", year)
	if number != "" {
		p.File.Papers = []string{number}
	}
	if year < 2008 || year > 2199 || len(text) > MaxNotice || !utf8.ValidString(text) {
		p.fault(1, "", "年份不正确，或者内容过长。")
		return p.Paper
	}
	for line := range strings.Lines(strings.NewReplacer("，", ",", "\ufeff", "", "\t", ",").Replace(text)) {
		if p.index++; p.index == 1 && strings.Contains(line, "日期") || strings.TrimSpace(line) == "" {
			continue
		}
		p.row(strings.TrimSpace(line))
	}
	p.finish()
	return p.Paper
}

func (p *paper) row(line string) {
	cells := strings.Split(line, ",")
	if len(cells) != 3 {
		p.fault(p.index, line, "每行应有三列：日期、名称、放假或上班。")
		return
	}
	for i := range cells {
		cells[i] = strings.Trim(strings.TrimSpace(cells[i]), `"`)
	}
	t, err := time.Parse("2006-1-2", strings.ReplaceAll(cells[0], "/", "-"))
	switch {
	case err != nil:
		p.fault(p.index, line, "第一列不是日期：请写成 2027-01-01。")
		return
	case cells[1] == "" || utf8.RuneCountInString(cells[1]) > 30:
		p.fault(p.index, line, "第二列应是节日名称。")
		return
	case cells[2] != "放假" && cells[2] != "上班":
		p.fault(p.index, line, "第三列应是“放假”或者“上班”。")
		return
	}
	y, m, d := t.Date()
	if y < p.File.Year-1 || y > p.File.Year+1 {
		p.fault(p.index, line, "%d年的日期不属于%d年的放假安排。", y, p.File.Year)
		return
	}
	day := Date(y, m, d)
	if _, twice := p.off[day]; twice {
		p.fault(p.index, line, "%s出现了两次。", day.Chinese())
		return
	}
	p.add(line, cells[1], day, cells[2] == "放假")
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}
