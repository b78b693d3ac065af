package pdf

import (
	"math"
	"strings"
	"testing"

	"github.com/jung-kurt/gofpdf"

	"jianbiao/reports/fonts"
)

// Lines are measured without the PDF writer; it must agree.
func TestWidthsAreThoseOfTheWriter(t *testing.T) {
	t.Parallel()
	f := gofpdf.New("P", "mm", "A4", "")
	f.AddPage()
	for _, face := range []*fonts.Face{fonts.Sans, fonts.Bold, fonts.Title, fonts.Rare} {
		f.AddUTF8FontFromBytes(face.Name, "", face.TTF())
		f.SetFont(face.Name, "", 10)
		s := style{faces: []*fonts.Face{face}, size: 10}
		var all strings.Builder
		for r := rune(0x20); r < 0xFFFF; r++ {
			if face.Advance(r) == 0 {
				continue
			}
			all.WriteRune(r)
			if got, want := s.width(r), f.GetStringWidth(string(r)); math.Abs(got-want) > 1e-6 {
				t.Fatalf("%s %c U+%04X: %v, the writer says %v", face.Name, r, r, got, want)
			}
		}
		if got, want := s.measure(all.String()), f.GetStringWidth(all.String()); math.Abs(got-want) > 0.01 {
			t.Errorf("%s: all characters %v, the writer says %v", face.Name, got, want)
		}
	}
}
