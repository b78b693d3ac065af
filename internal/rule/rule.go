// Package rule is the catalogue of statutory rules (法定规则目录) as data and the
// arithmetic of statutory periods (期间): when a period ends, which date is the
// first or the last lawful one, and why.
//
// It knows no tender, no lot and no database. It refuses to guess: a kind, unit
// or mode it does not know, a number out of all proportion and a date beyond
// the calendar are errors, never a date.
package rule

import (
	"strings"

	"jianbiao/internal/workday"
)

// Kind says how a rule binds (规则类型).
type Kind string

// The kinds. MAX, MIN, MIN_BEFORE, MAX_BEFORE and INFO are periods and have a
// date; the others have none.
const (
	Gate      Kind = "GATE"       // 前置: until must have happened, or hold, before from
	Max       Kind = "MAX"        // 最长时限: until no later than from + n
	Min       Kind = "MIN"        // 最短期间: until no earlier than from + n
	MinBefore Kind = "MIN_BEFORE" // 至少提前: from no later than until − n
	MaxBefore Kind = "MAX_BEFORE" // 至多提前: from no earlier than until − n
	RatioMax  Kind = "RATIO_MAX"  // 比例上限: at most n percent
	CountMin  Kind = "COUNT_MIN"  // 数量下限: at least n, with further predicates
	Risk      Kind = "RISK"       // 风险规则: evaluated elsewhere
	Info      Kind = "INFO"       // 仅提示: a period that binds nobody here
)

// Unit is what n counts (单位).
type Unit string

// The units.
const (
	CalendarDay Unit = "CD"  // 日
	Workday     Unit = "WD"  // 工作日
	Hour        Unit = "H"   // 小时
	Minute      Unit = "MIN" // 分钟
	Percent     Unit = "PCT" // 百分比
	Count       Unit = "CNT" // 个数
	NoUnit      Unit = "-"   // no number: a gate, or a limit that a document sets
)

// Mode is the reading (判法) of a minimum period in days, on which practice differs.
type Mode string

// The modes. They matter to MIN; HOURS also to MIN_BEFORE and MAX_BEFORE. A
// maximum ends at 24:00 of its last day in every mode, for the law leaves no choice.
const (
	// DateDiff compares dates: date(until) − date(from) ≥ n. It is the default.
	DateDiff Mode = "DATE_DIFF"
	// CalendarStrict wants n whole days between: the first date after the n-th day.
	CalendarStrict Mode = "CALENDAR_STRICT"
	// Hours counts days as 24 hours from the instant; working days keep the time of day.
	Hours Mode = "HOURS"
	// Publicity (公示) is DateDiff whose last day is rolled forward off a holiday
	// (民法典 203), and which lasts until 24:00 of that day.
	Publicity Mode = "PUBLICITY"
)

// Domain is the body of law a rule belongs to.
type Domain string

// The domains.
const (
	Engineering Domain = "ENG" // 工程招投标
	Procurement Domain = "GOV" // 政府采购
	All         Domain = "ALL" // both
)

// unitNames are the words for a number of units, in Chinese.
var unitNames = map[Unit]string{
	CalendarDay: "日", Workday: "个工作日", Hour: "小时", Minute: "分钟", Percent: "%", Count: "",
}

// periods are the kinds that have a date; the value is the direction of counting.
var periods = map[Kind]int{Max: 1, Info: 1, Min: 1, MinBefore: -1, MaxBefore: -1}

// unitsOf are the units each kind may have.
var unitsOf = map[Kind][]Unit{
	Gate: {NoUnit}, Risk: {NoUnit},
	Max:       {CalendarDay, Workday, Hour, Minute, NoUnit},
	Info:      {CalendarDay, Workday, Hour, Minute, NoUnit},
	Min:       {CalendarDay, Workday, Hour, Minute},
	MinBefore: {CalendarDay, Workday, Hour, Minute},
	MaxBefore: {CalendarDay, Workday, Hour, Minute},
	RatioMax:  {Percent},
	CountMin:  {Count},
}

var modes = map[Mode]bool{DateDiff: true, CalendarStrict: true, Hours: true, Publicity: true}

// Matter is one of the forty supervised matters (事项).
type Matter struct {
	Code  string `json:"code"` // M09
	ID    string `json:"id"`   // bid_preparation_period
	Name  string `json:"name"`
	Stage string `json:"stage"`
}

// Rule is one row of the catalogue: what the law asks, between which events,
// and by which article. A row holds for a stretch of time; a change of the law
// is a new row with the same code.
type Rule struct {
	Code   string `json:"code"`   // R09-1
	Matter string `json:"matter"` // M09
	Domain Domain `json:"domain"`
	Name   string `json:"name"`
	Kind   Kind   `json:"kind"`
	N      int    `json:"n"`
	Unit   Unit   `json:"unit"`
	Mode   Mode   `json:"mode,omitempty"` // empty: DATE_DIFF
	From   string `json:"from"`           // a name of the dictionary
	Until  string `json:"until"`          // a name of the dictionary

	Limit       string   `json:"limit,omitempty"`        // milestone that bounds a period the documents set
	AlsoFrom    string   `json:"also_from,omitempty"`    // a second start; the earlier due date warns
	Part        string   `json:"part,omitempty"`         // RATIO_MAX: what is limited, in Chinese
	Whole       string   `json:"whole,omitempty"`        // RATIO_MAX: what it is a share of
	Counted     string   `json:"counted,omitempty"`      // COUNT_MIN: what is counted, in Chinese
	Odd         bool     `json:"odd,omitempty"`          // COUNT_MIN: the number must be odd
	ExpertShare string   `json:"expert_share,omitempty"` // COUNT_MIN: least share of experts, "2/3"
	Exclusions  []string `json:"exclusions,omitempty"`   // time the law does not count (不计入时间)
	Exceptions  []string `json:"exceptions,omitempty"`   // where the rule does not bind, for people to read

	Warn          string       `json:"warn"`       // when to warn, for people to read
	Basis         []string     `json:"basis"`      // articles with the full titles of the laws
	Confidence    string       `json:"conf"`       // T text read, S secondary text, K to be confirmed
	NumberSource  string       `json:"num_source"` // law, config (a default of ours) or none
	EffectiveFrom workday.Day  `json:"effective_from"`
	EffectiveTo   *workday.Day `json:"effective_to,omitempty"` // last day in force; nil: still in force
}

// Article is the rule's basis as one line: the articles, full titles of the laws.
func (r Rule) Article() string { return strings.Join(r.Basis, "；") }

// ReadMode is the rule's mode, DATE_DIFF when the row names none.
func (r Rule) ReadMode() Mode {
	if r.Mode == "" {
		return DateDiff
	}
	return r.Mode
}

// InForce says whether the row holds on a day.
func (r Rule) InForce(on workday.Day) bool {
	return r.EffectiveFrom <= on && (r.EffectiveTo == nil || on <= *r.EffectiveTo)
}

// HasPeriod says whether the rule is a period with a number, which Compute can date.
func (r Rule) HasPeriod() bool { return periods[r.Kind] != 0 && r.Unit != NoUnit }
