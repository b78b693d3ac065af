package pdf_test

import (
	"testing"

	"jianbiao/reports/pdf"
)

func TestGate(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                 "",
		"王喆，李堃 abc 123":    "王喆，李堃 abc 123",
		"连云港𠮷祥":            "连云港〔U+20BB7〕祥",
		"𬱖文博":              "〔U+2CC56〕文博",
		"😀":                "〔U+1F600〕",
		"a\x00b\x07":       "a〔U+0000〕b〔U+0007〕",
		"坏\xff字节\xe5\xbc":  "坏〔0xFF〕字节〔0xE5〕〔0xBC〕",
		"100\u202e000":     "100〔U+202E〕000",
		"零宽\u200b连\ufeff接": "零宽〔U+200B〕连〔U+FEFF〕接",
		"e\u0301":          "e〔U+0301〕",
		"葛\U000e0100":      "葛〔U+E0100〕",
		"\ue000":           "〔U+E000〕",
		"甲\r\n乙\r丙\u2028丁": "甲\n乙\n丙\n丁",
		"一\t二":             "一    二",
		"全角\u3000空格":       "全角\u3000空格",
		"□■●○※〔〕《》—…℃㎡＄￥": "□■●○※〔〕《》—…℃㎡＄￥",
		"㙘䶮龘": "㙘䶮龘",
	} {
		if got := pdf.Gate(in); got != want {
			t.Errorf("Gate(%q) = %q, want %q", in, got, want)
		}
	}
}
