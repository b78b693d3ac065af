package rule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"jianbiao/internal/apperr"
	"jianbiao/internal/rule"
	"jianbiao/internal/workday"
)

func known(t *testing.T, code string) rule.Rule {
	t.Helper()
	r, err := rule.Default().Rule(code)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestChecks_ofPeriods(t *testing.T) {
	t.Parallel()
	type check func(*workday.Calendar, rule.Rule, time.Time, time.Time, ...workday.Span) error
	strict := known(t, "R09-1")
	strict.Mode = rule.CalendarStrict
	hours := known(t, "R09-1")
	hours.Mode = rule.Hours
	for _, c := range []struct {
		check       check
		r           rule.Rule
		from, until string
		code        string
	}{
		{rule.CheckMin, known(t, "R09-1"), "2026-03-02 17:00", "2026-03-22 09:00", ""},
		{rule.CheckMin, known(t, "R09-1"), "2026-03-02 17:00", "2026-03-21 23:59", "rule.min_period"},
		{rule.CheckMin, strict, "2026-03-02 17:00", "2026-03-22 23:59", "rule.min_period"},
		{rule.CheckMin, strict, "2026-03-02 17:00", "2026-03-23 00:00", ""},
		{rule.CheckMin, hours, "2026-03-02 17:00", "2026-03-22 16:59", "rule.min_period"},
		{rule.CheckMin, hours, "2026-03-02 17:00", "2026-03-22 17:00", ""},
		{rule.CheckMin, known(t, "R08-2"), "2026-03-06 09:00", "2026-03-12 17:00", "rule.min_period"},
		{rule.CheckMin, known(t, "R08-2"), "2026-03-06 09:00", "2026-03-13 17:00", ""},
		{rule.CheckMin, known(t, "R28-1"), "2026-03-06 09:00", "2026-03-06 09:29", "rule.min_period"},
		{rule.CheckMin, known(t, "R28-1"), "2026-03-06 09:00", "2026-03-06 09:30", ""},
		// 公示: the last day is a Sunday, so the period lasts to the end of Monday
		{rule.CheckMin, known(t, "R32-2"), "2026-03-12 09:00", "2026-03-15 23:59", "rule.min_period"},
		{rule.CheckMin, known(t, "R32-2"), "2026-03-12 09:00", "2026-03-16 00:00", "rule.min_period"},
		{rule.CheckMin, known(t, "R32-2"), "2026-03-12 09:00", "2026-03-16 18:00", ""},
		{rule.CheckMin, known(t, "R32-2"), "2026-03-12 09:00", "2026-03-17 00:00", ""},
		{rule.CheckMax, known(t, "R12-3"), "2026-04-29 09:00", "2026-05-06 23:59", ""},
		{rule.CheckMax, known(t, "R12-3"), "2026-04-29 09:00", "2026-05-07 00:01", "rule.max_period"},
		{rule.CheckMax, known(t, "R06-1"), "2026-03-06 18:00", "2026-03-07 06:01", "rule.max_period"},
		{rule.CheckMinBefore, known(t, "R12-2"), "2026-03-15 20:00", "2026-03-25 09:00", ""},
		{rule.CheckMinBefore, known(t, "R12-2"), "2026-03-16 08:00", "2026-03-25 09:00", "rule.min_before"},
		{rule.CheckMaxBefore, known(t, "R20-1"), "2026-03-05 00:00", "2026-03-09 09:00", ""},
		{rule.CheckMaxBefore, known(t, "R20-1"), "2026-03-04 17:00", "2026-03-09 09:00", "rule.max_before"},
		{rule.CheckMaxBefore, known(t, "R20-2"), "2026-03-08 09:29", "2026-03-09 09:30", "rule.max_before"},
		{rule.CheckMaxBefore, known(t, "R20-2"), "2026-03-08 09:30", "2026-03-09 09:30", ""},
		{rule.CheckMin, known(t, "R12-3"), "2026-03-02", "2026-03-22", "rule.wrong_kind"},
		{rule.CheckMin, known(t, "R09-1"), "1990-03-02", "2026-03-22", "workday.out_of_range"},
	} {
		err := c.check(workday.Default(), c.r, at(t, c.from), at(t, c.until))
		if apperr.CodeOf(err) != c.code || c.code == "" && err != nil {
			t.Errorf("%s from %s until %s: %v, want %q", c.r.Code, c.from, c.until, err, c.code)
		}
	}
}

func TestCheckMin_saysTheLawAndTheFirstLawfulDate(t *testing.T) {
	t.Parallel()
	err := rule.CheckMin(workday.Default(), known(t, "R09-1"), at(t, "2026-03-02 17:00"), at(t, "2026-03-20 09:00"))
	e, ok := apperr.From(err)
	want := "“依法必招项目：招标文件开始发出→投标截止”自2026年3月2日起不得少于20日，最早2026年3月22日，现定于2026年3月20日。"
	if !ok || e.Kind != apperr.Precondition || e.Detail != want || e.Basis != "《中华人民共和国招标投标法》第二十四条" {
		t.Errorf("got %+v", e)
	}
}

func TestCheckMin_withAnExclusion(t *testing.T) {
	t.Parallel()
	r, from, until := known(t, "R09-1"), at(t, "2026-03-02"), at(t, "2026-03-22")
	if err := rule.CheckMin(workday.Default(), r, from, until); err != nil {
		t.Error(err)
	}
	err := rule.CheckMin(workday.Default(), r, from, until, spans(t, "2026-03-10..2026-03-12")...)
	if apperr.CodeOf(err) != "rule.min_period" || !strings.Contains(err.Error(), "2026年3月25日") {
		t.Errorf("three excluded days give %v", err)
	}
}

func TestCheckRatio(t *testing.T) {
	t.Parallel()
	r := known(t, "R13-1")
	for _, c := range []struct{ part, whole, code string }{
		{"200000", "10000000", ""},
		{"200000.01", "10000000", "rule.ratio_max"},
		{"0", "1", ""},
		{"0.01", "0.50", ""},
		{"0.02", "0.50", "rule.ratio_max"},
		{"1", "0", "rule.bad_amount"},
		{"-1", "100", "rule.bad_amount"},
	} {
		err := rule.CheckRatio(r, decimal.RequireFromString(c.part), decimal.RequireFromString(c.whole))
		if apperr.CodeOf(err) != c.code || c.code == "" && err != nil {
			t.Errorf("%s of %s: %v", c.part, c.whole, err)
		}
	}
	err := rule.CheckRatio(r, decimal.NewFromInt(300000), decimal.NewFromInt(10000000))
	if e, ok := apperr.From(err); !ok || e.Detail != "投标保证金不得超过招标项目估算价的2%：最高200000元，现为300000元。" || e.Basis == "" {
		t.Errorf("got %v", err)
	}
	if err := rule.CheckRatio(known(t, "R09-1"), decimal.New(1, 0), decimal.New(1, 0)); apperr.CodeOf(err) != "rule.wrong_kind" {
		t.Errorf("a period as a ratio gives %v", err)
	}
}

func TestCheckCount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule           string
		total, experts int
		code           string
	}{
		{"R18-1", 3, 0, ""},
		{"R18-1", 2, 0, "rule.count_min"},
		{"R18-1", 4, 0, ""},
		{"R18-1", -1, 0, "rule.bad_count"},
		{"R19-1", 5, 4, ""},
		{"R19-1", 5, 3, "rule.expert_share"},
		{"R19-1", 6, 6, "rule.count_odd"},
		{"R19-1", 3, 3, "rule.count_min"},
		{"R19-1", 5, 6, "rule.bad_count"},
		{"R19-3", 3, 2, ""},
		{"R09-1", 3, 3, "rule.wrong_kind"},
	} {
		err := rule.CheckCount(known(t, c.rule), rule.Tally{Total: c.total, Experts: c.experts})
		if apperr.CodeOf(err) != c.code || c.code == "" && err != nil {
			t.Errorf("%s with %d of %d: %v, want %q", c.rule, c.experts, c.total, err, c.code)
		}
	}
}

func TestPeriods_byCode(t *testing.T) {
	t.Parallel()
	p := rule.NewPeriods(workday.Default(), rule.Default())
	one, hundred := decimal.NewFromInt(1), decimal.NewFromInt(100)
	for _, c := range []struct {
		what string
		err  error
		code string
	}{
		{"a lawful minimum", p.CheckMin("R09-1", at(t, "2026-03-02"), at(t, "2026-03-22")), ""},
		{"a short minimum", p.CheckMin("R09-1", at(t, "2026-03-02"), at(t, "2026-03-21")), "rule.min_period"},
		{"a late act", p.CheckMax("R12-3", at(t, "2026-04-29"), at(t, "2026-05-07 00:01")), "rule.max_period"},
		{"a late objection", p.CheckMinBefore("R12-2", at(t, "2026-03-16"), at(t, "2026-03-25")), "rule.min_before"},
		{"an early draw", p.CheckMaxBefore("R20-1", at(t, "2026-03-04"), at(t, "2026-03-09")), "rule.max_before"},
		{"a lawful deposit", p.CheckRatio("R13-1", one, hundred), ""},
		{"a deposit too high", p.CheckRatio("R13-1", hundred, hundred), "rule.ratio_max"},
		{"two bidders", p.CheckCount("R18-1", rule.Tally{Total: 2}), "rule.count_min"},
		{"an unknown rule", p.CheckMin("R99-1", at(t, "2026-03-02"), at(t, "2026-03-21")), "rule.unknown"},
		{"an unknown ratio", p.CheckRatio("R99-1", one, hundred), "rule.unknown"},
		{"an unknown count", p.CheckCount("R99-1", rule.Tally{}), "rule.unknown"},
		{"before the law", p.CheckMin("R38-2", at(t, "2024-03-02"), at(t, "2026-03-21")), "rule.not_in_force"},
	} {
		if apperr.CodeOf(c.err) != c.code || c.code == "" && c.err != nil {
			t.Errorf("%s: %v, want %q", c.what, c.err, c.code)
		}
	}
}
