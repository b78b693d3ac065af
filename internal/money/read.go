package money

import (
	"strings"

	"github.com/shopspring/decimal"

	"jianbiao/internal/apperr"
)

// maxCapital is the longest text, in bytes, that can be an amount below Limit
// in capital figures with room for 人民币 and spaces.
const maxCapital = 400

// spellings turns what people and other programs write into the figures of the
// rule, and drops what says nothing about the amount.
var spellings = strings.NewReplacer(
	"人民币", "", "大写", "", "：", "", ":", "", " ", "", "　", "", "（", "", "）", "", "(", "", ")", "",
	"圆", "元", "圓", "元", "正", "整", "〇", "零", "○", "零", "萬", "万", "億", "亿",
	"一", "壹", "二", "贰", "貳", "贰", "两", "贰", "三", "叁", "叄", "叁", "參", "叁", "四", "肆",
	"五", "伍", "六", "陆", "陸", "陆", "七", "柒", "八", "捌", "九", "玖",
	"十", "拾", "百", "佰", "千", "仟",
)

// essence is a spelled amount without the figures that the rule leaves free:
// two texts mean the same amount exactly if they have the same essence, for
// every other figure carries its unit.
func essence(spelled string) string {
	s := spelled
	if fraction, found := strings.CutPrefix(s, "零元"); found && fraction != "" && fraction != "整" {
		s = fraction // 零元零伍分 is 伍分
	}
	s = strings.NewReplacer("零", "", "整", "").Replace(s)
	if strings.HasPrefix(s, "拾") {
		s = "壹" + s
	}
	return s
}

// ParseCapital reads an amount in capital figures (大写金额). It understands 圆,
// 正, ordinary figures (一二三), traditional ones and a leading 人民币, with or
// without the optional 零 and 整. What does not say one amount exactly is
// refused with money.capital_malformed.
func ParseCapital(text string) (decimal.Decimal, error) {
	refusal := apperr.New(apperr.Invalid, "money.capital_malformed",
		"“%s”不是规范的大写金额。规范写法例如:壹佰贰拾叁万肆仟伍佰陆拾柒元捌角玖分。", text)
	if len(text) > maxCapital {
		return decimal.Zero, apperr.New(apperr.Invalid, "money.capital_malformed", "大写金额过长,不是规范的大写金额。")
	}
	spelled := spellings.Replace(text)
	fen, ok := value(spelled)
	if !ok {
		return decimal.Zero, refusal
	}
	amount := decimal.New(fen, -2)
	canonical, err := Capital(amount)
	if err != nil || essence(canonical) != essence(spelled) {
		return decimal.Zero, refusal
	}
	return amount, nil
}

// value adds up a spelled amount, in fen, without asking whether its figures
// stand in a sensible order; the caller spells the result again and compares.
func value(spelled string) (fen int64, ok bool) {
	const limit = 1_0000_0000_0000_0000
	var whole, section, digit int64
	for _, r := range spelled {
		switch r {
		case '拾':
			section, digit = section+max(digit, 1)*10, 0
		case '佰':
			section, digit = section+digit*100, 0
		case '仟':
			section, digit = section+digit*1000, 0
		case '万':
			whole, section, digit = whole+(section+digit)*1_0000, 0, 0
		case '亿':
			whole, section, digit = (whole+section+digit)*1_0000_0000, 0, 0
		case '元':
			fen, whole, section, digit = fen+(whole+section+digit)*100, 0, 0, 0
		case '角':
			fen, digit = fen+digit*10, 0
		case '分':
			fen, digit = fen+digit, 0
		case '整':
			continue
		default:
			at := strings.IndexRune(string(digits), r)
			if at < 0 {
				return 0, false
			}
			digit = int64(at / len("零"))
		}
		if whole >= limit || section >= limit || fen >= limit*100 {
			return 0, false
		}
	}
	complete := whole == 0 && section == 0 && digit == 0
	return fen, complete && strings.ContainsAny(spelled, "元角分") && strings.ContainsAny(spelled, string(digits)+"拾")
}

// CheckCapital compares an amount in figures (小写) with the same amount in
// capitals. It answers nil if they agree, money.capital_differs with both
// readings if they do not, and the refusal of Parse or ParseCapital if one of
// them cannot be read. Which of the two then prevails is for the evaluation
// (工程以大写为准, 评标委员会和评标方法暂行规定第十九条), not for the opening.
func CheckCapital(amount, capital string) error {
	figures, err := Parse(amount)
	if err != nil {
		return err
	}
	spelled, err := ParseCapital(capital)
	if err != nil {
		return err
	}
	if !figures.Equal(spelled) {
		return apperr.New(apperr.Invalid, "money.capital_differs",
			"大写与小写金额不一致:小写为 %s 元,大写“%s”为 %s 元。", Format(figures), capital, Format(spelled))
	}
	return nil
}
