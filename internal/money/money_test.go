package money_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"jianbiao/internal/apperr"
	"jianbiao/internal/money"
)

func TestCapital(t *testing.T) {
	t.Parallel()
	for amount, want := range map[string]string{
		"0":                   "零元整",
		"0.00":                "零元整",
		"0.01":                "壹分",
		"0.10":                "壹角整",
		"0.55":                "伍角伍分",
		"1":                   "壹元整",
		"1.01":                "壹元零壹分",
		"1.10":                "壹元壹角整",
		"10":                  "壹拾元整",
		"10.05":               "壹拾元零伍分",
		"11":                  "壹拾壹元整",
		"20":                  "贰拾元整",
		"100":                 "壹佰元整",
		"101":                 "壹佰零壹元整",
		"110":                 "壹佰壹拾元整",
		"1000":                "壹仟元整",
		"1001":                "壹仟零壹元整",
		"1010":                "壹仟零壹拾元整",
		"1100":                "壹仟壹佰元整",
		"1409.50":             "壹仟肆佰零玖元伍角整",
		"6007.14":             "陆仟零柒元壹角肆分",
		"1680.32":             "壹仟陆佰捌拾元叁角贰分",
		"325.04":              "叁佰贰拾伍元零肆分",
		"16409.02":            "壹万陆仟肆佰零玖元零贰分",
		"107000.53":           "壹拾万柒仟元伍角叁分",
		"10000":               "壹万元整",
		"10001":               "壹万零壹元整",
		"10010":               "壹万零壹拾元整",
		"10100":               "壹万零壹佰元整",
		"11000":               "壹万壹仟元整",
		"100000":              "壹拾万元整",
		"1000000":             "壹佰万元整",
		"1000100.01":          "壹佰万零壹佰元零壹分",
		"10000000":            "壹仟万元整",
		"10001000":            "壹仟万壹仟元整",
		"10010010":            "壹仟零壹万零壹拾元整",
		"12345678.90":         "壹仟贰佰叁拾肆万伍仟陆佰柒拾捌元玖角整",
		"100000000":           "壹亿元整",
		"100000001":           "壹亿零壹元整",
		"100001000":           "壹亿零壹仟元整",
		"100010000":           "壹亿零壹万元整",
		"110000000":           "壹亿壹仟万元整",
		"1000000000":          "壹拾亿元整",
		"1050000000":          "壹拾亿伍仟万元整",
		"1000000000000":       "壹万亿元整",
		"1000000000001":       "壹万亿零壹元整",
		"1000100000000":       "壹万零壹亿元整",
		"1234567890123.45":    "壹万贰仟叁佰肆拾伍亿陆仟柒佰捌拾玖万零壹佰贰拾叁元肆角伍分",
		"9999999999999999.99": "玖仟玖佰玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分",
	} {
		got, err := money.CapitalAmount(amount)
		if err != nil || got != want {
			t.Errorf("CapitalAmount(%s) = %q, %v; want %q", amount, got, err, want)
		}
		if err := money.CheckCapital(amount, want); err != nil {
			t.Errorf("CheckCapital(%s, %s): %v", amount, want, err)
		}
	}
}

func TestParseAndFormat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0.00", "7": "7.00", "1234567.8": "1,234,567.80", "1,234,567.89": "1,234,567.89", " 12 ": "12.00",
		"007.50": "7.50", "１２３４．５": "1,234.50", "1，000": "1,000.00", "999": "999.00", "1000": "1,000.00",
		"123456": "123,456.00", "0.05": "0.05", "12.340": "12.34", "9999999999999999.99": "9,999,999,999,999,999.99",
	} {
		amount, err := money.Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
			continue
		}
		if got := money.Format(amount); got != want {
			t.Errorf("Format(Parse(%q)) = %s, want %s", text, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]string{
		"": "money.malformed", "abc": "money.malformed", "-1": "money.malformed", "+1": "money.malformed",
		"1e5": "money.malformed", "1,00": "money.malformed", "12,34,567": "money.malformed", "1.": "money.malformed",
		".5": "money.malformed", "1 000": "money.malformed", "1万": "money.malformed", "0x10": "money.malformed",
		"1.2.3": "money.malformed", "NaN": "money.malformed", "١٢": "money.malformed", "1,000,00": "money.malformed",
		"1.005": "money.fraction", "0.001": "money.fraction",
		"10000000000000000": "money.too_large", "99999999999999999": "money.too_large",
	} {
		_, err := money.Parse(text)
		if got := apperr.CodeOf(err); got != code {
			t.Errorf("Parse(%q) code %q, want %q", text, got, code)
		}
	}
	if _, err := money.Capital(decimal.New(-1, 0)); apperr.CodeOf(err) != "money.negative" {
		t.Errorf("Capital(-1): %v", err)
	}
}

func TestFormatKeepsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"-1234.5": "-1,234.50", "0.1234": "0.1234", "1000.120": "1,000.12", "-0.5": "-0.50", "1e6": "1,000,000.00",
	} {
		if got := money.Format(decimal.RequireFromString(text)); got != want {
			t.Errorf("Format(%s) = %s, want %s", text, got, want)
		}
	}
}

func TestParseCapitalUnderstands(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"人民币壹佰万元整": "1000000", "壹佰万圆正": "1000000", "壹佰万元": "1000000", "一百万元": "1000000",
		"人民币(大写):壹拾万零柒仟元伍角叁分": "107000.53", "壹拾万柒仟元零伍角叁分": "107000.53", "拾元整": "10", "十二元": "12",
		"壹仟陆佰捌拾元零叁角贰分": "1680.32", "壹仟肆佰零玖元伍角": "1409.5", "壹億貳仟萬圓整": "120000000", "零元整": "0",
		" 伍 佰 元 整 ": "500", "两千元": "2000", "伍分": "0.05", "零元零伍分": "0.05",
	} {
		got, err := money.ParseCapital(text)
		if err != nil || !got.Equal(decimal.RequireFromString(want)) {
			t.Errorf("ParseCapital(%q) = %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestParseCapitalRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "元", "整", "壹", "壹佰", "人民币", "壹百万", "100万元", "壹贰叁元", "壹元元", "壹角贰元", "壹佰仟元", "佰元",
		"壹万壹万元", "壹亿亿亿亿亿元", "壹元整贰", "壹元贰分叁角", "壹仟万万元", "abc元", "壹佰贰佰元", strings.Repeat("壹", 200) + "元",
	} {
		if got, err := money.ParseCapital(text); apperr.CodeOf(err) != "money.capital_malformed" {
			t.Errorf("ParseCapital(%q) = %s, %v; want a refusal", text, got, err)
		}
	}
}

func TestCheckCapital(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ amount, capital, code string }{
		{"1,280,000.00", "人民币壹佰贰拾捌万元整", ""},
		{"1,280,000.00", "人民币壹佰贰拾捌万元零壹角", "money.capital_differs"},
		{"1,280,000.00", "壹佰捌拾贰万元整", "money.capital_differs"},
		{"1,280,000.00", "128万", "money.capital_malformed"},
		{"128万", "壹佰贰拾捌万元整", "money.malformed"},
	} {
		if got := apperr.CodeOf(money.CheckCapital(c.amount, c.capital)); got != c.code {
			t.Errorf("CheckCapital(%s, %s) code %q, want %q", c.amount, c.capital, got, c.code)
		}
	}
}

// Every amount can be spelled and read back; no two neighbours are spelled alike.
func TestCapitalAndBack(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(20260302, 1))
	for range 20000 {
		fen := random.Int64N(1 << random.IntN(60))
		if random.IntN(2) == 0 { // amounts with many zeros are where the rules are
			for unit := int64(10); unit < 1e16; unit *= 10 {
				if random.IntN(2) == 0 {
					fen -= fen / unit % 10 * unit
				}
			}
		}
		amount := decimal.New(fen, -2)
		spelled, err := money.Capital(amount)
		if err != nil {
			t.Fatalf("Capital(%s): %v", amount, err)
		}
		back, err := money.ParseCapital(spelled)
		if err != nil || !back.Equal(amount) {
			t.Fatalf("%s is spelled %s and read as %s (%v)", amount, spelled, back, err)
		}
		if strings.Contains(spelled, "零零") || strings.Contains(spelled, "零万") || strings.Contains(spelled, "零元") && fen != 0 {
			t.Fatalf("%s is spelled %s", amount, spelled)
		}
		if next, _ := money.Capital(decimal.New(fen+1, -2)); next == spelled {
			t.Fatalf("%s and its neighbour are both %s", amount, spelled)
		}
	}
}

func FuzzParseCapital(f *testing.F) {
	for _, seed := range []string{"壹佰万元整", "零元整", "拾亿万元", "伍分", "人民币"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		amount, err := money.ParseCapital(text)
		if err != nil {
			return
		}
		spelled, err := money.Capital(amount)
		if err != nil {
			t.Fatalf("%q was read as %s, which cannot be spelled: %v", text, amount, err)
		}
		if again, err := money.ParseCapital(spelled); err != nil || !again.Equal(amount) {
			t.Fatalf("%q: %s, spelled %s, read again %s (%v)", text, amount, spelled, again, err)
		}
	})
}
