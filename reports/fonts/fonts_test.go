package fonts_test

import (
	"crypto/sha256"
	"os"
	"strings"
	"testing"

	"jianbiao/reports/fonts"
)

func TestFacesHaveWhatDocumentsNeed(t *testing.T) {
	t.Parallel()
	const signs = "□■●○◆◇△▲▼★☆✓※〔〕《》〈〉「」『』【】—…·～“”‘’、。，；：？！％‰℃㎡㎥№￥¥±×÷≤≥≠≈→←↑↓①②⑩ⅠⅡⅣαβγ²³½"
	everyday := signs + "开标记录表招标人投标文件解密成功视为撤销撤回喆堃玥昇瑄旻祎頔犇翀零壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整圆" +
		"ABCxyz0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~éüñ"
	for _, face := range []*fonts.Face{fonts.Sans, fonts.Bold} {
		for _, r := range everyday {
			if !face.Has(r) || face.Advance(r) == 0 {
				t.Errorf("%s lacks %c U+%04X", face.Name, r, r)
			}
		}
	}
	for _, r := range "开标记录表不见面开标评标报告中标通知书行政监督意见书（）〔〕—" {
		if !fonts.Title.Has(r) {
			t.Errorf("title lacks %c", r)
		}
	}
}

// Together the two halves of Noto Sans SC cover the whole block of CJK
// ideographs but 16 late additions, and never both hold the same character.
func TestSansAndRareAreOneFont(t *testing.T) {
	t.Parallel()
	missing, both := 0, 0
	for r := rune(0x4E00); r <= 0x9FFF; r++ {
		switch sans, rare := fonts.Sans.Has(r), fonts.Rare.Has(r); {
		case sans && rare:
			both++
		case !sans && !rare:
			missing++
		}
	}
	if missing > 16 || both != 0 {
		t.Errorf("%d ideographs missing, %d in both halves", missing, both)
	}
	for _, r := range "㙘㻩镕朶囍龘䶮" {
		if !fonts.Sans.Has(r) && !fonts.Rare.Has(r) {
			t.Errorf("no face has %c U+%04X", r, r)
		}
	}
}

func TestWhatNoFaceHas(t *testing.T) {
	t.Parallel()
	for _, r := range []rune{-1, 0, 0x7F, 0xFFFF, 0x20BB7, 0x2CC56, 0x1F600, 0x10FFFF, 0xE000, 0xFFFD + 1} {
		for _, face := range []*fonts.Face{fonts.Sans, fonts.Bold, fonts.Title, fonts.Rare} {
			if face.Has(r) || face.Advance(r) != 0 {
				t.Errorf("%s claims U+%04X", face.Name, r)
			}
		}
	}
}

func TestAdvances(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r    rune
		want int
	}{{'国', 1000}, {'，', 1000}, {'　', 1000}, {'0', 555}, {'1', 555}, {'9', 555}, {',', 278}, {' ', 224}} {
		if got := fonts.Sans.Advance(c.r); got != c.want {
			t.Errorf("Sans.Advance(%q) = %d, want %d", c.r, got, c.want)
		}
	}
}

func TestTTFIsACopy(t *testing.T) {
	t.Parallel()
	first := fonts.Title.TTF()
	want := sha256.Sum256(first)
	for i := range first {
		first[i] = 0
	}
	if got := sha256.Sum256(fonts.Title.TTF()); got != want {
		t.Error("a caller that wrote into the font file changed it for the others")
	}
}

func TestLicenceTravelsWithTheFonts(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("OFL.txt")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "SIL OPEN FONT LICENSE Version 1.1"); n != 2 {
		t.Errorf("OFL.txt holds %d licences, want those of Noto Sans SC and Noto Serif SC", n)
	}
}
