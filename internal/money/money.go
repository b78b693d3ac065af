// Package money reads and writes amounts in yuan (人民币元) the way the law and
// the banks write them: exact decimals with two places, thousands separators,
// and capital figures (大写) after annex 1 of 支付结算办法 (正确填写票据和结算凭证的
// 基本规定). It never touches a floating point number and never rounds: an
// amount with a fraction of a fen is refused.
package money

import (
	"regexp"
	"strings"

	"github.com/shopspring/decimal"

	"jianbiao/internal/apperr"
)

// Limit is the first amount that is too large: ten quadrillion yuan (一亿亿元).
var Limit = decimal.New(1, 16)

// plain is an amount without or with correct thousands separators.
var plain = regexp.MustCompile(`^(\d{1,17}|\d{1,3}(,\d{3}){1,5})(\.\d+)?$`)

// fold turns fullwidth signs into those of ASCII.
var fold = strings.NewReplacer(
	"０", "0", "１", "1", "２", "2", "３", "3", "４", "4", "５", "5", "６", "6", "７", "7", "８", "8", "９", "9",
	"，", ",", "．", ".")

// Parse reads an amount in yuan as people type it: digits, optionally with
// thousands separators at the right places and up to two decimals; fullwidth
// digits are understood. Everything else (signs, units, exponents, three
// decimals that are not zero) is refused with money.malformed, money.fraction
// or money.too_large.
func Parse(text string) (decimal.Decimal, error) {
	folded := fold.Replace(strings.TrimSpace(text))
	if !plain.MatchString(folded) {
		return decimal.Zero, apperr.New(apperr.Invalid, "money.malformed",
			"“%s”不是金额。请填写以元为单位的数字,可带千分位和两位小数,例如 1,234,567.89。", text)
	}
	amount, err := decimal.NewFromString(strings.ReplaceAll(folded, ",", ""))
	if err != nil {
		return decimal.Zero, apperr.New(apperr.Invalid, "money.malformed", "“%s”不是金额。", text).Because(err)
	}
	return amount, check(amount)
}

// check refuses what no document of ours can hold.
func check(amount decimal.Decimal) error {
	switch {
	case amount.IsNegative():
		return apperr.New(apperr.Invalid, "money.negative", "金额不能为负数。")
	case amount.GreaterThanOrEqual(Limit):
		return apperr.New(apperr.Invalid, "money.too_large", "金额超出范围,应小于一亿亿元。")
	case !amount.Equal(amount.Truncate(2)):
		return apperr.New(apperr.Invalid, "money.fraction", "金额最多精确到分(两位小数),本系统不代为四舍五入。")
	}
	return nil
}

// Format writes an amount in yuan with two decimals and thousands separators:
// 1234567.8 is 1,234,567.80. Digits beyond the fen are kept, not rounded.
func Format(amount decimal.Decimal) string {
	places := max(2, -amount.Exponent())
	whole, fraction, _ := strings.Cut(amount.Abs().StringFixed(places), ".")
	for len(fraction) > 2 && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	var b strings.Builder
	if amount.IsNegative() {
		b.WriteByte('-')
	}
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	return b.String() + "." + fraction
}
