package lot

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/shopspring/decimal"

	"jianbiao/internal/apperr"
	"jianbiao/internal/rule"
)

// examineParams judges what a document asks bidders to put down, and its words.
func (s *Service) examineParams(e *Examination, l *Lot, p *Plan) error {
	for _, judge := range []func(*Examination, *Lot, *Plan) error{s.examineDeposit, s.examinePerformance} {
		if err := judge(e, l, p); err != nil {
			return err
		}
	}
	if registers(p.Params.QualificationNeeded + "\n" + p.Params.Scope) {
		e.Checks = append(e.Checks, Check{Rule: "RF28", Name: "不设投标报名", Basis: "《公共资源交易平台管理暂行办法》（国家发展改革委等十四部委令2016年第39号）",
			Kind: rule.Risk, Field: "qualification", Severity: Warn, Message: "文字中像是要求报名或者到现场领取文件：本平台不设报名，登录后即可获取，请删去。"})
	}
	return nil
}

// cash are the forms of a security that are money.
var cash = []string{"现金", "转账", "银行转账", "电汇", "支票"}

// examineDeposit judges the bid security (投标保证金): its share of the estimate,
// and that it may be had in a form other than cash.
func (s *Service) examineDeposit(e *Examination, l *Lot, p *Plan) error {
	d := p.Params.Deposit
	if d == nil || !amount(d.Amount) {
		return nil
	}
	r, err := s.periods.Row(amounts[rule.Domain(l.Project.Kind)].deposit, p.IssuedAt)
	if err != nil {
		return err
	}
	c := checkOf(r, "deposit")
	if refusal, broken := apperr.From(s.periods.CheckRatio(r.Code, decimal.RequireFromString(d.Amount), l.Estimate)); broken {
		c.Message = refusal.Detail
	} else {
		c.OK, c.Message = true, fmt.Sprintf("投标保证金%s元，不超过%s的%d%%。", d.Amount, l.Project.Words().Estimate, r.N)
	}
	e.Checks = append(e.Checks, c)
	if r, err = s.periods.Row("R13-4", p.IssuedAt); err != nil {
		return err
	}
	c = checkOf(r, "deposit")
	c.OK, c.Message = true, "保证金的形式不限于现金、转账。"
	if !slices.ContainsFunc(d.Forms, func(f string) bool { return !slices.Contains(cash, f) }) {
		c.OK, c.Message = false, "投标保证金不得限定为现金或转账：应同时接受银行保函、保证保险等形式。"
	}
	e.Checks = append(e.Checks, c)
	return nil
}

// examinePerformance judges the performance security (履约保证金), which a document
// states as a share of the price that is contracted.
func (s *Service) examinePerformance(e *Examination, l *Lot, p *Plan) error {
	if p.Params.Performance == "" || !share(p.Params.Performance) {
		return nil
	}
	r, err := s.periods.Row(amounts[rule.Domain(l.Project.Kind)].performance, p.IssuedAt)
	if err != nil {
		return err
	}
	c := checkOf(r, "performancePercent")
	c.OK = !decimal.RequireFromString(p.Params.Performance).GreaterThan(decimal.NewFromInt(int64(r.N)))
	c.Message = fmt.Sprintf("%s为%s的%s%%，不超过%d%%。", r.Part, r.Whole, p.Params.Performance, r.N)
	if !c.OK {
		c.Message = fmt.Sprintf("%s不得超过%s的%d%%，现为%s%%。", r.Part, r.Whole, r.N, p.Params.Performance)
	}
	e.Checks = append(e.Checks, c)
	return nil
}

func checkOf(r rule.Rule, field string) Check {
	return Check{Rule: r.Code, Name: r.Name, Basis: r.Article(), Kind: r.Kind, Field: field, Severity: Block}
}

// share says whether a text is a percentage from 0 to 100 with two decimals at most.
func share(s string) bool {
	d, err := decimal.NewFromString(s)
	return err == nil && !d.IsNegative() && d.Exponent() >= -2 && d.Exponent() <= 2 && !d.GreaterThan(decimal.NewFromInt(100))
}

var (
	registration   = regexp.MustCompile(`(?:现场|到场|当面|上门|到我单位|至代理机构)[^。；\n]{0,6}(?:报名|购买|领取|获取)|投标报名|报名(?:截止|时间|审查|资料|登记|通过)`)
	noRegistration = regexp.MustCompile(`不设|无需|无须|取消|不得|禁止|严禁`)
	sentence       = regexp.MustCompile(`[^。；\n]+`)
)

// registers says whether a text asks firms to register for a tender (报名).
func registers(text string) bool {
	return slices.ContainsFunc(sentence.FindAllString(text, -1), func(s string) bool {
		return registration.MatchString(s) && !noRegistration.MatchString(s)
	})
}
