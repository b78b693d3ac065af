// Package deadline is the deadline calculator (期限计算器) for people: the command
// `jianbiao deadline` and the answer behind /api/deadline, from the same words.
// It computes nothing itself; package rule does.
package deadline

import (
	"strconv"
	"strings"
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/rule"
	"jianbiao/internal/workday"
)

// maxDays is how many explained days a response carries; a longer period is
// answered without them, with a remark.
const maxDays = 800

// Params is a question as people and query strings put it. With Rule, the kind,
// unit, number and mode are the rule's; Mode may be given besides.
type Params struct {
	Kind    string   `json:"kind,omitempty"`
	Unit    string   `json:"unit,omitempty"`
	N       string   `json:"n,omitempty"`
	From    string   `json:"from"`              // date, or date and time, Beijing unless it names an offset
	Mode    string   `json:"mode,omitempty"`    // empty: the rule's, or DATE_DIFF
	Exclude []string `json:"exclude,omitempty"` // each one or more of 2026-03-16..2026-03-27, separated by commas
	Rule    string   `json:"rule,omitempty"`    // a code of the catalogue, R09-1
}

// Response is the answer, ready for JSON.
type Response struct {
	Date      workday.Day    `json:"date"`  // the bound as a date
	At        time.Time      `json:"at"`    // the bound as an instant, 24:00 being 0:00 of the next day
	Bound     string         `json:"bound"` // the bound in Chinese
	Kind      rule.Kind      `json:"kind"`
	Unit      rule.Unit      `json:"unit"`
	N         int            `json:"n"`
	Mode      rule.Mode      `json:"mode"`
	From      time.Time      `json:"from"`           // the start; 0:00 where only a date was given
	Exclude   []workday.Span `json:"exclude"`        // as asked
	Days      []Day          `json:"days"`           // from the start to the date, in order of time
	Remarks   []string       `json:"remarks"`        // Chinese sentences to show beside the date
	Rule      *Rule          `json:"rule,omitempty"` // the rule asked for
	Calendar  string         `json:"calendar"`       // digest of the working calendar used
	Catalogue string         `json:"catalogue"`      // digest of the rule catalogue used
}

// Day is one day of the drawn calendar.
type Day struct {
	Date    workday.Day `json:"date"`
	Weekday string      `json:"weekday"` // 周一
	Workday bool        `json:"workday"`
	Counted bool        `json:"counted"`
	Why     string      `json:"why"`
}

// Rule is what a response says of the rule it was asked for.
type Rule struct {
	Code       string   `json:"code"`
	Name       string   `json:"name"`
	Basis      string   `json:"basis"`
	Confidence string   `json:"conf"`
	Exclusions []string `json:"exclusions,omitempty"`
	Exceptions []string `json:"exceptions,omitempty"`
}

// Answer computes the date of a question. Its refusals are *apperr.Error of
// kind Invalid or NotFound with a Chinese sentence; besides those of rule.Compute
// they are deadline.bad_from, deadline.bad_number, deadline.missing and
// deadline.contradiction.
func Answer(cal *workday.Calendar, catalogue *rule.Catalogue, p Params) (Response, error) {
	q, r, err := p.query(catalogue)
	if err != nil {
		return Response{}, err
	}
	res, err := rule.Compute(cal, q)
	if err != nil {
		return Response{}, err
	}
	if q.Mode == "" {
		q.Mode = rule.DateDiff
	}
	out := Response{
		Date: res.Date, At: res.At.In(workday.Beijing), Bound: res.Bound,
		Kind: q.Kind, Unit: q.Unit, N: q.N, Mode: q.Mode, From: q.From.In(workday.Beijing),
		Exclude: append([]workday.Span{}, q.Exclude...), Days: []Day{}, Remarks: append([]string{}, res.Remarks...),
		Calendar: cal.Digest(), Catalogue: catalogue.Digest(),
	}
	if r != nil {
		out.Rule = &Rule{Code: r.Code, Name: r.Name, Basis: r.Article(), Confidence: r.Confidence, Exclusions: r.Exclusions, Exceptions: r.Exceptions}
		out.Remarks = append(out.Remarks, r.remarks()...)
	}
	if len(res.Days) > maxDays {
		out.Remarks = append(out.Remarks, "期间较长，不逐日列出")
		return out, nil
	}
	for _, d := range res.Days {
		out.Days = append(out.Days, Day{Date: d.Date, Weekday: d.Date.ChineseWeekday(), Workday: d.Workday, Counted: d.Counted, Why: d.Why})
	}
	return out, nil
}

// catalogued is a rule of the catalogue with what is to be said of it to people.
type catalogued struct{ rule.Rule }

func (r catalogued) remarks() []string {
	var out []string
	if r.NumberSource == "config" {
		out = append(out, "本规则的数字是平台默认值，不是法定时限")
	}
	if r.Confidence == "K" {
		out = append(out, "本规则的依据尚未与法条原文核对，以法务确认为准")
	}
	return append(out, r.Exceptions...)
}

func (p Params) query(catalogue *rule.Catalogue) (rule.Query, *catalogued, error) {
	var q rule.Query
	var err error
	if q.From, err = parseFrom(p.From); err != nil {
		return q, nil, err
	}
	q.Kind, q.Unit, q.Mode = rule.Kind(upper(p.Kind)), rule.Unit(upper(p.Unit)), rule.Mode(upper(p.Mode))
	if q.Exclude, err = parseExclude(p.Exclude); err != nil {
		return q, nil, err
	}
	if strings.TrimSpace(p.Rule) == "" {
		if q.Kind == "" || q.Unit == "" || strings.TrimSpace(p.N) == "" {
			return q, nil, apperr.New(apperr.Invalid, "deadline.missing", "请填写期限类型、单位和数字，或者填写规则编号。")
		}
		q.N, err = parseNumber(p.N)
		return q, nil, err
	}
	r, err := catalogue.RuleOn(upper(p.Rule), workday.DayOf(q.From))
	if err != nil {
		return q, nil, err
	}
	if n := strings.TrimSpace(p.N); q.Kind != "" && q.Kind != r.Kind || q.Unit != "" && q.Unit != r.Unit || n != "" && n != strconv.Itoa(r.N) {
		return q, nil, apperr.New(apperr.Invalid, "deadline.contradiction",
			"规则 %s 的类型、单位和数字是 %s %s %d，与填写的不一致：使用规则编号时不必再填。", r.Code, r.Kind, r.Unit, r.N)
	}
	q.Kind, q.Unit, q.N = r.Kind, r.Unit, r.N
	if q.Mode == "" {
		q.Mode = r.ReadMode()
	}
	return q, &catalogued{r}, nil
}

func upper(s string) string { return strings.ToUpper(strings.TrimSpace(s)) }

func parseNumber(s string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0, apperr.New(apperr.Invalid, "deadline.bad_number", "期限的数字“%s”不正确：请填写 0 至 %d 之间的整数。", brief(s), rule.MaxN).Because(err)
	}
	return n, nil
}

// fromLayouts are the ways to write a start; those without an offset are Beijing time.
var fromLayouts = []string{
	time.DateOnly, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", time.DateTime, time.RFC3339,
}

func parseFrom(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, apperr.New(apperr.Invalid, "deadline.missing", "请填写起算日期；倒推的期限填写倒推的起点。")
	}
	for _, layout := range fromLayouts {
		if t, err := time.ParseInLocation(layout, s, workday.Beijing); err == nil {
			return t, nil
		}
	}
	return time.Time{}, apperr.New(apperr.Invalid, "deadline.bad_from",
		"起算日期“%s”不正确：请写成 2026-03-06，或者带时刻写成 2026-03-06T09:30。", brief(s))
}

func parseExclude(lists []string) ([]workday.Span, error) {
	var out []workday.Span
	for _, list := range lists {
		for _, part := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == '\uff0c' || r == '\u3001' }) {
			if strings.TrimSpace(part) == "" {
				continue
			}
			span, err := rule.ParseSpan(part)
			if err != nil {
				return nil, err
			}
			out = append(out, span)
		}
	}
	return out, nil
}

// brief keeps what a person typed recognisable in a message, and the message short.
func brief(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
