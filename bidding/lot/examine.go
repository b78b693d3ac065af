package lot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/rule"
	"jianbiao/internal/workday"
)

// Day is one day of a drawn period, and why it did or did not count.
type Day struct {
	Date    workday.Day `json:"date"`
	Weekday string      `json:"weekday"` // 周一
	Workday bool        `json:"workday"`
	Counted bool        `json:"counted"`
	Why     string      `json:"why,omitempty"`
}

// Check is one rule held against a plan.
type Check struct {
	Rule     string     // code of the catalogue; "" for an order of dates that needs no article
	Name     string     // in Chinese
	Basis    string     // article
	Kind     rule.Kind  // MIN, RATIO_MAX, GATE …
	Field    string     // the input that decides it
	From     *time.Time // start of the period
	Until    *time.Time // as planned; nil: not chosen yet
	Due      *time.Time // the earliest lawful moment
	Bound    string     // the same in Chinese: 最早2026年3月22日
	OK       bool
	Severity Severity
	Message  string // one sentence
	Days     []Day  // of the period, for drawing
}

// Offer is a set of dates on working days, at hours when offices work.
type Offer struct {
	SaleEnd     *time.Time
	NoticeEnd   *time.Time
	BidDeadline *time.Time
}

// Examination is a plan held against every rule that binds it.
type Examination struct {
	Checks   []Check
	Earliest Offer // the earliest lawful dates
	Strict   Offer // the same by whole days (CALENDAR_STRICT), which no reading disputes
	Calendar []Day // whole months from the issue to the last date; Counted is not used
}

// Lawful says whether nothing blocks.
func (e *Examination) Lawful() bool {
	return !slices.ContainsFunc(e.Checks, func(c Check) bool { return !c.OK && c.Severity == Block })
}

// Check holds a host's plan against the rules, changing nothing and recording
// nothing. A published lot's issue stands. Errors: lot.not_found, lot.not_yours,
// workday.out_of_range.
func (s *Service) Check(ctx context.Context, who actor.Actor, id string, p Plan) (*Examination, error) {
	l, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if !l.HostedBy(who) {
		if l.PublishedAt == nil {
			return nil, ErrNotFound()
		}
		return nil, errNotYours()
	}
	if l.PublishedAt != nil {
		p.IssuedAt = *l.PublishedAt
		if p.SaleEnd == nil {
			p.SaleEnd = l.SaleEnd
		}
	}
	if p.Params == nil {
		doc, err := s.Document(ctx, id)
		switch {
		case err == nil:
			p.Params = &doc.Params
		case apperr.CodeOf(err) != "document.not_found":
			return nil, err
		}
	}
	return s.examine(l, &p)
}

// lawful refuses a plan that a blocking rule forbids: with the first rule's
// sentence and article, and a sentence for every field concerned. It fills in
// the end of the notice's period where the plan has none.
func (s *Service) lawful(l *Lot, p *Plan) error {
	e, err := s.examine(l, p)
	if err != nil {
		return err
	}
	var refusal *apperr.Error
	for _, c := range e.Checks {
		if c.OK || c.Severity != Block || c.Until == nil && c.Kind == rule.Min {
			continue
		}
		if refusal == nil {
			refusal = apperr.New(apperr.Precondition, refusals[c.Kind], "%s", c.Message).By(c.Basis)
		}
		if refusal.Fields[c.Field] == "" {
			refusal = refusal.With(c.Field, c.Message)
		}
	}
	if refusal != nil {
		return refusal
	}
	return nil
}

// refusals are the codes by kind of rule.
var refusals = map[rule.Kind]string{rule.Min: "rule.min_period", rule.RatioMax: "rule.ratio_max", rule.Gate: "document.deposit_cash_only", "": "lot.dates"}

func (s *Service) examine(l *Lot, p *Plan) (*Examination, error) {
	e := &Examination{}
	if err := e.order(s.periods.Calendar(), p); err != nil {
		return nil, err
	}
	if code := gates[rule.Domain(l.Project.Kind)]; code != "" {
		r, err := s.periods.Row(code, p.IssuedAt)
		if err != nil {
			return nil, err
		}
		e.Checks = append(e.Checks, Check{Rule: r.Code, Name: r.Name, Basis: r.Article(), Kind: r.Kind, OK: true, Severity: Block,
			Message: fmt.Sprintf("%s：%s。", l.Project.Words().Approval, l.Project.ApprovalNumber+l.Project.PlanFiling)})
	}
	for _, t := range termsOf(l) {
		if err := s.examineTerm(e, l, p, t); err != nil {
			return nil, err
		}
	}
	if p.Params != nil {
		if err := s.examineParams(e, l, p); err != nil {
			return nil, err
		}
	}
	if err := s.offer(e, l, p); err != nil {
		return nil, err
	}
	e.Calendar = drawn(s.periods.Calendar(), p, e.Strict)
	return e, nil
}

// order checks what needs no article: the dates follow each other, and bids are
// opened on a working day.
func (e *Examination) order(cal *workday.Calendar, p *Plan) error {
	d := p.BidDeadline
	if d == nil {
		return nil
	}
	for _, t := range []*time.Time{d, p.SaleEnd} {
		if t == nil {
			continue
		}
		if err := cal.Check(workday.DayOf(*t)); err != nil {
			return err
		}
	}
	if !d.After(p.IssuedAt) || p.SaleEnd != nil && d.Before(*p.SaleEnd) {
		e.Checks = append(e.Checks, Check{Name: "各时间的先后", Field: atDeadline, Until: d, Severity: Block,
			Message: "投标截止时间应晚于现在，也不早于招标文件的停止发售时间：请重新选择投标截止时间。"})
	}
	if why := cal.WhyOff(workday.DayOf(*d)); why != "" {
		e.Checks = append(e.Checks, Check{Name: "开标在工作日", Field: atDeadline, Until: d, Severity: Warn,
			Message: fmt.Sprintf("%s是休息日（%s），开标时可能无人值守：建议改在工作日。", workday.DayOf(*d).Chinese(), why)})
	}
	return nil
}

// examineTerm judges one period, and by the strict reading as a warning.
func (s *Service) examineTerm(e *Examination, l *Lot, p *Plan, t term) error {
	from, until := p.at(l, t.from), p.at(l, t.until)
	if from == nil { // an announcement that nobody registered
		r, err := s.periods.Row(t.rule, p.IssuedAt)
		if err != nil {
			return err
		}
		e.Checks = append(e.Checks, Check{Rule: r.Code, Name: r.Name, Basis: r.Article(), Kind: r.Kind, Field: t.from, Until: until, Severity: t.severity,
			Message: fmt.Sprintf("没有登记采购意向公开的时间：除规定可以不公开的以外，采购意向应在采购活动开始前至少%s公开。", r.Length())})
		return nil
	}
	r, res, err := s.periods.Bound(t.rule, *from)
	if err != nil {
		return err
	}
	if until == nil && t.until == atNoticeEnd { // a notice that names no end has the earliest
		end := res.At
		until, p.NoticeEnd = &end, &end
	}
	c := Check{Rule: r.Code, Name: r.Name, Basis: r.Article(), Kind: r.Kind, Field: fieldOf(t), From: from, Until: until, Due: &res.At, Bound: res.Bound,
		Severity: t.severity, Days: days(res.Days)}
	if until == nil {
		c.Message = fmt.Sprintf("不得少于%s：%s。", r.Length(), res.Bound)
		e.Checks = append(e.Checks, c)
		return nil
	}
	if refusal, ok := apperr.From(s.periods.CheckMin(t.rule, *from, *until)); ok {
		c.Message = refusal.Detail
		e.Checks = append(e.Checks, c)
		return nil
	}
	c.OK, c.Message = true, fmt.Sprintf("不得少于%s，%s，符合。", r.Length(), res.Bound)
	e.Checks = append(e.Checks, c)
	return s.strictly(e, t, r, c)
}

// strictly adds a warning where a date is lawful as dates are usually compared,
// and not if whole days have to lie between.
func (s *Service) strictly(e *Examination, t term, r rule.Rule, c Check) error {
	if r.ReadMode() != rule.DateDiff || t.severity != Block {
		return nil
	}
	strict, err := s.periods.BoundIn(t.rule, rule.CalendarStrict, *c.From)
	if err != nil || workday.DayOf(*c.Until) >= strict.Date {
		return err
	}
	c.OK, c.Severity, c.Due, c.Bound, c.Days = false, Warn, &strict.At, strict.Bound, days(strict.Days)
	c.Message = fmt.Sprintf("按日期相减满%s；个别地方要求间隔整日计算，%s：为免争议，建议再晚一日。", r.Length(), strict.Bound)
	e.Checks = append(e.Checks, c)
	return nil
}

// fieldOf is the input that a term's refusal hangs on.
func fieldOf(t term) string {
	if t.until == atIssue {
		return t.from
	}
	return t.until
}

// The hours that are offered; a host may choose others.
const (
	offeredClose   = 17*time.Hour + 30*time.Minute
	offeredOpening = 9*time.Hour + 30*time.Minute
)

// offer finds the earliest dates that no blocking term forbids.
func (s *Service) offer(e *Examination, l *Lot, p *Plan) error {
	cal := s.periods.Calendar()
	for _, o := range []struct {
		to   *Offer
		mode func(rule.Rule) rule.Mode
	}{
		{&e.Earliest, func(r rule.Rule) rule.Mode { return r.ReadMode() }},
		{&e.Strict, func(r rule.Rule) rule.Mode {
			if r.ReadMode() == rule.DateDiff {
				return rule.CalendarStrict
			}
			return r.ReadMode()
		}},
	} {
		due := map[string]time.Time{}
		for _, t := range termsOf(l) {
			from := p.at(l, t.from)
			if from == nil || t.severity != Block {
				continue
			}
			r, err := s.periods.Row(t.rule, *from)
			if err != nil {
				return err
			}
			res, err := s.periods.BoundIn(t.rule, o.mode(r), *from)
			if err != nil {
				return err
			}
			if res.At.After(due[t.until]) {
				due[t.until] = res.At
			}
		}
		if at, ok := due[atNoticeEnd]; ok {
			o.to.NoticeEnd = &at
		}
		sale := working(cal, later(p.IssuedAt, due[atSaleEnd]), offeredClose)
		end := working(cal, later(sale, due[atDeadline]), offeredOpening)
		o.to.SaleEnd, o.to.BidDeadline = &sale, &end
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// working is the first moment at or after t that has the hour on a working day.
func working(cal *workday.Calendar, t time.Time, hour time.Duration) time.Time {
	d := workday.DayOf(t)
	if d.Start().Add(hour).Before(t) {
		d++
	}
	return cal.Next(d).Start().Add(hour)
}

func days(in []rule.ExplainedDay) []Day {
	out := make([]Day, len(in))
	for i, d := range in {
		out[i] = Day{Date: d.Date, Weekday: d.Date.ChineseWeekday(), Workday: d.Workday, Counted: d.Counted, Why: d.Why}
	}
	return out
}

// drawn are the days of all months from the issue to the last date, at most 200.
func drawn(cal *workday.Calendar, p *Plan, o Offer) []Day {
	issued := p.IssuedAt.In(workday.Beijing)
	last := issued
	for _, t := range []*time.Time{p.SaleEnd, p.NoticeEnd, p.BidDeadline, o.BidDeadline} {
		if t != nil {
			last = later(last, t.In(workday.Beijing))
		}
	}
	first := workday.Date(issued.Year(), issued.Month(), 1)
	end := workday.Date(last.Year(), last.Month()+1, 1) // of the month after
	out := []Day{}
	for d := first; d < min(end, first+200) && cal.Check(d) == nil; d++ {
		out = append(out, Day{Date: d, Weekday: d.ChineseWeekday(), Workday: cal.IsWorkday(d), Why: strings.TrimSpace(cal.WhyOff(d) + cal.WhyWorked(d))})
	}
	return out
}
