package api

import (
	"context"
	"net/http"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/rule"
	"jianbiao/internal/workday"
	"jianbiao/server/deadline"
)

func (t *trade) registerDeadline() {
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/deadline", Allow: Public, Summary: "期限计算"}, t.answerDeadline)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/rules", Allow: Public, Summary: "规则库"}, listRules)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/calendar", Allow: Public, Summary: "一年的工作日历"}, t.getCalendar)
}

type deadlineInput struct {
	Kind    string   `query:"kind"`
	Unit    string   `query:"unit"`
	N       string   `query:"n"`
	From    string   `query:"from"`
	Mode    string   `query:"mode"`
	Exclude []string `query:"exclude"`
	Rule    string   `query:"rule"`
}

type deadlineOutput struct{ Body deadline.Response }

func (t *trade) answerDeadline(_ context.Context, _ actor.Actor, in *deadlineInput) (*deadlineOutput, error) {
	r, err := deadline.Answer(t.Holidays.Calendar(), rule.Default(), deadline.Params{Kind: in.Kind, Unit: in.Unit, N: in.N, From: in.From,
		Mode: in.Mode, Exclude: in.Exclude, Rule: in.Rule})
	return &deadlineOutput{r}, err
}

// RuleView is a row of the catalogue.
type RuleView struct {
	Code   string `json:"code"`
	Matter string `json:"matter"`
	Name   string `json:"name"`
	Domain string `json:"domain"`
	Kind   string `json:"kind"`
	Unit   string `json:"unit"`
	N      int    `json:"n"`
	From   string `json:"from"`
	Until  string `json:"until"`
	Basis  string `json:"basis"`
}

type rulesOutput struct {
	Body struct {
		Items   []RuleView        `json:"items"`
		Matters map[string]string `json:"matters"`
		Version string            `json:"version"`
		Digest  string            `json:"digest"`
	}
}

func listRules(context.Context, actor.Actor, *Nothing) (*rulesOutput, error) {
	c := rule.Default()
	out := &rulesOutput{}
	out.Body.Items, out.Body.Version, out.Body.Digest, out.Body.Matters = []RuleView{}, c.Version(), c.Digest(), map[string]string{}
	for _, m := range c.Matters() {
		out.Body.Matters[m.Code] = m.Name
	}
	for _, r := range c.Rules() {
		out.Body.Items = append(out.Body.Items, RuleView{Code: r.Code, Matter: r.Matter, Name: r.Name, Domain: string(r.Domain),
			Kind: string(r.Kind), Unit: string(r.Unit), N: r.N, From: r.From, Until: r.Until, Basis: r.Article()})
	}
	return out, nil
}

// CalendarDay is a day of which something is to be said.
type CalendarDay struct {
	Date   string `json:"date"`
	Off    bool   `json:"off"`
	Why    string `json:"why,omitempty"`
	Worked bool   `json:"worked,omitempty" doc:"调休上班"`
}

type calendarInput struct {
	Year int `query:"year" minimum:"2007" maximum:"2036"`
}

type calendarOutput struct {
	Body struct {
		Year   int           `json:"year"`
		Notice bool          `json:"notice" doc:"国务院办公厅已发布当年安排"`
		Papers []string      `json:"papers"`
		Days   []CalendarDay `json:"days"`
	}
}

func (t *trade) getCalendar(_ context.Context, _ actor.Actor, in *calendarInput) (*calendarOutput, error) {
	cal := t.Holidays.Calendar()
	first := time.Date(in.Year, 1, 1, 12, 0, 0, 0, time.UTC)
	if err := cal.Check(workday.DayOf(first)); err != nil {
		return nil, apperr.New(apperr.Invalid, "calendar.year", "没有这一年的日历：请选择 2007 年到 2036 年。").Because(err)
	}
	out := &calendarOutput{}
	out.Body.Year, out.Body.Notice, out.Body.Papers, out.Body.Days = in.Year, cal.Noticed(in.Year), cal.Papers(in.Year), calendarDays(cal, in.Year)
	if out.Body.Papers == nil {
		out.Body.Papers = []string{}
	}
	return out, nil
}

// calendarDays are all days of a year.
func calendarDays(cal *workday.Calendar, year int) []CalendarDay {
	var out []CalendarDay
	for d := workday.Date(year, time.January, 1); d.Year() == year; d++ {
		off, worked := cal.WhyOff(d), cal.WhyWorked(d)
		out = append(out, CalendarDay{Date: d.String(), Off: off != "", Why: off + worked, Worked: worked != ""})
	}
	return out
}
