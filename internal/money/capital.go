package money

import (
	"strings"

	"github.com/shopspring/decimal"
)

var (
	digits = []rune("零壹贰叁肆伍陆柒捌玖")
	places = []string{"", "拾", "佰", "仟"}
)

// Capital is the amount in capital figures (大写), without the word 人民币:
// 1000100.01 is 壹佰万零壹佰元零壹分. An amount that ends with yuan or jiao is
// closed by 整, which leaves no room to add anything; where the rule leaves a
// 零 to the writer (107000.53) it is left out. Errors as in Parse.
func Capital(amount decimal.Decimal) (string, error) {
	if err := check(amount); err != nil {
		return "", err
	}
	fen := amount.Shift(2).IntPart()
	yuan, jiao, rest := fen/100, fen/10%10, fen%10
	var b strings.Builder
	if yuan > 0 || fen == 0 {
		b.WriteString(integer(yuan) + "元")
	}
	switch {
	case jiao > 0:
		b.WriteString(string(digits[jiao]) + "角")
	case rest > 0 && yuan > 0:
		b.WriteRune(digits[0])
	}
	if rest == 0 {
		return b.String() + "整", nil
	}
	return b.String() + string(digits[rest]) + "分", nil
}

// CapitalAmount is Capital of an amount given as text; see Parse.
func CapitalAmount(yuan string) (string, error) {
	amount, err := Parse(yuan)
	if err != nil {
		return "", err
	}
	return Capital(amount)
}

// integer spells a whole number: the part above 亿, the part below, each in
// units of 万. A part that begins with zeros after another one gets one 零.
func integer(n int64) string {
	switch {
	case n >= 1_0000_0000:
		return integer(n/1_0000_0000) + "亿" + tail(n%1_0000_0000, 1000_0000)
	case n >= 1_0000:
		return integer(n/1_0000) + "万" + tail(n%1_0000, 1000)
	default:
		return thousands(n)
	}
}

func tail(n, full int64) string {
	switch {
	case n == 0:
		return ""
	case n < full:
		return string(digits[0]) + integer(n)
	default:
		return integer(n)
	}
}

// thousands spells 0 to 9999; zeros inside become one 零, zeros at the end none.
func thousands(n int64) string {
	if n == 0 {
		return string(digits[0])
	}
	var b strings.Builder
	gap := false
	for place, unit := 3, int64(1000); place >= 0; place, unit = place-1, unit/10 {
		switch d := n / unit % 10; {
		case d > 0 && gap:
			b.WriteString(string(digits[0]) + string(digits[d]) + places[place])
			gap = false
		case d > 0:
			b.WriteString(string(digits[d]) + places[place])
		default:
			gap = b.Len() > 0
		}
	}
	return b.String()
}
