package pdf_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jianbiao/reports/pdf"
)

// half is one unit for ASCII and two for the rest, as a typewriter would.
func half(r rune) float64 {
	if r < 0x80 {
		return 1
	}
	return 2
}

func TestBreak(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{""}},
		{"short", "开标", []string{"开标"}},
		{"plain", "一二三四五六七", []string{"一二三四五", "六七"}},
		{"no comma at the start of a line", "一二三四五，六", []string{"一二三四", "五，六"}},
		{"no closing bracket at the start of a line", "一二（三四）五", []string{"一二（三", "四）五"}},
		{"no opening bracket at the end of a line", "一二三四（五六）", []string{"一二三四", "（五六）"}},
		{"a word stays whole", "一二三 abcdefg 四", []string{"一二三 ", "abcdefg 四"}},
		{"an amount stays whole", "报价为12,345.67元", []string{"报价为", "12,345.67", "元"}},
		{"a sign stays with its amount", "共计￥1,234.5元", []string{"共计", "￥1,234.5", "元"}},
		{"a date stays whole", "于2026-03-02开标", []string{"于", "2026-03-02", "开标"}},
		{"too long a word is split", "abcdefghijklmnop", []string{"abcdefghij", "klmnop"}},
		{"the dash stays one", "一二三四——五", []string{"一二三", "四——五"}},
		{"line ends", "一\n\n二", []string{"一", "", "二"}},
		{"trailing spaces stick out", "一二三四五   六", []string{"一二三四五   ", "六"}},
	} {
		if diff := cmp.Diff(c.want, pdf.Break(c.text, 10, 10, half)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestBreakKeepsANumberedCharacterWhole(t *testing.T) {
	t.Parallel()
	want := []string{"一二三", "〔U+20BB7〕四"}
	if diff := cmp.Diff(want, pdf.Break("一二三〔U+20BB7〕四", 14, 14, half)); diff != "" {
		t.Error(diff)
	}
}

func TestBreakFirstLineIsIndented(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"一二三", "四五六七八", "九"}, pdf.Break("一二三四五六七八九", 6, 10, half)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"", "1,234.50"}, pdf.Break("1,234.50", 6, 10, half)); diff != "" {
		t.Error(diff)
	}
}

// Whatever the text and the width: the lines are the text, none is too wide,
// and the rules for the ends of lines hold wherever a line has a second break.
func TestBreakKeepsEverything(t *testing.T) {
	t.Parallel()
	alphabet := []rune("开标记录投人价元的是在，。、；：？！“”‘’（）〔〕《》—…·￥%．0123456789.,-/abcXYZ  \n")
	random := rand.New(rand.NewPCG(20260302, 2))
	for range 20000 {
		text := make([]rune, random.IntN(120))
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		width := float64(4 + random.IntN(40))
		lines := pdf.Break(string(text), width, width, half)
		if got, want := strings.Join(lines, ""), strings.ReplaceAll(string(text), "\n", ""); got != want {
			t.Fatalf("at width %v\n%q became\n%q", width, want, got)
		}
		for _, line := range lines {
			sum := 0.0
			for _, r := range strings.TrimRight(line, " ") {
				sum += half(r)
			}
			if sum > width {
				t.Fatalf("%q is %v wide, more than %v", line, sum, width)
			}
		}
	}
}

func TestBreakRulesInRunningText(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("招标人（含代理机构）应当在“招标文件”第3.5.2项规定的时间内，于2026年3月25日9:30前，将保证金￥800,000.00元缴至《缴款通知》所列账户；逾期未缴的，视为放弃……其后果由投标人自行承担！", 40)
	for width := 12; width < 120; width++ {
		for _, line := range pdf.Break(text, float64(width), float64(width), half) {
			runes := []rune(strings.TrimSpace(line))
			if slices.Contains([]rune("，。；：”）》！、"), runes[0]) {
				t.Fatalf("width %d: line begins with %c: %s", width, runes[0], line)
			}
			if last := runes[len(runes)-1]; slices.Contains([]rune("（“《￥"), last) {
				t.Fatalf("width %d: line ends with %c: %s", width, last, line)
			}
		}
	}
}

func FuzzBreak(f *testing.F) {
	f.Add("开标记录（一）abc 123。", 20)
	f.Fuzz(func(t *testing.T, text string, width int) {
		text = pdf.Gate(text)
		w := float64(width%60 + 60)
		if got := strings.Join(pdf.Break(text, w, w, half), ""); got != strings.ReplaceAll(text, "\n", "") {
			t.Fatalf("%q became %q", text, got)
		}
	})
}
