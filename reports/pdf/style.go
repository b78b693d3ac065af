package pdf

import "jianbiao/reports/fonts"

// Measures of the page, in millimetres (A4, GB/T 9704 where it applies).
const (
	shortSide    = 210.0
	longSide     = 297.0
	marginSide   = 22.0
	marginTop    = 25.0
	marginBottom = 33.0
	qrSide       = 17.0
	qrGap        = 5.0 // from the type area to the rule over the footer
	mmPerPoint   = 25.4 / 72
)

// style is how a piece of text is set: faces in order of preference, size in
// points, line height in millimetres.
type style struct {
	faces []*fonts.Face
	size  float64
	line  float64
}

var (
	regular = []*fonts.Face{fonts.Sans, fonts.Rare}
	bold    = []*fonts.Face{fonts.Bold, fonts.Rare}

	styleTitle   = style{[]*fonts.Face{fonts.Title, fonts.Bold, fonts.Rare}, 22, 11}
	styleMast    = style{bold, 14, 7}
	styleHeading = style{bold, 12, 7}
	styleBody    = style{regular, 10.5, 6.1}
	styleBold    = style{bold, 10.5, 6.1}
	styleCell    = style{regular, 9, 4.7}
	styleHead    = style{bold, 9, 4.7}
	styleNote    = style{regular, 7, 3.5}
	styleFrame   = style{regular, 7.5, 3.9}
)

// face is the first face of the style that has the character. The gate lets
// nothing through that none has; the last one stands in should it happen.
func (s style) face(r rune) *fonts.Face {
	for _, f := range s.faces {
		if f.Has(r) {
			return f
		}
	}
	return s.faces[len(s.faces)-1]
}

// width is the advance of one character in millimetres.
func (s style) width(r rune) float64 {
	return float64(s.face(r).Advance(r)) / 1000 * s.size * mmPerPoint
}

// measure is the width of a text in millimetres.
func (s style) measure(text string) (sum float64) {
	for _, r := range text {
		sum += s.width(r)
	}
	return sum
}

// ascent is the distance from the top of a line to its baseline.
func (s style) ascent() float64 {
	return (s.line + 0.74*s.size*mmPerPoint) / 2
}
