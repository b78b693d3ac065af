package pdf

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"jianbiao/reports/fonts"
)

// invisible are the classes of characters that a reader cannot see, or that
// change how their neighbours are read (bidirectional overrides, joiners,
// combining marks): evidence shows them by number.
var invisible = []*unicode.RangeTable{unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Mn, unicode.Me, unicode.Variation_Selector}

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\u0085", "\n", "\v", "\n", "\f", "\n", "\t", "    ")

// Gate is the character gate: it returns the text with every character that
// the fonts cannot draw, or that would be invisible, replaced by its number,
// so that 𠮷 becomes 〔U+20BB7〕. Nothing is ever left out. Line ends become \n,
// a tab four spaces, an exotic space a plain one, and a byte that is not UTF-8
// 〔0xFF〕.
func Gate(text string) string {
	text = newlines.Replace(text)
	var b strings.Builder
	b.Grow(len(text))
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				fmt.Fprintf(&b, "〔0x%02X〕", text[i])
				continue
			}
		}
		switch {
		case r == '\n' || drawable(r):
			b.WriteRune(r)
		case unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		default:
			fmt.Fprintf(&b, "〔U+%04X〕", r)
		}
	}
	return b.String()
}

// drawable says whether some face has the character and it can be seen. The
// everyday faces are asked first, so that the large one stays unloaded until a
// character needs it.
func drawable(r rune) bool {
	if unicode.In(r, invisible...) {
		return false
	}
	return fonts.Sans.Advance(r) > 0 || fonts.Rare.Advance(r) > 0
}
