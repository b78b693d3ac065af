package pdf

import (
	"strings"
	"unicode"
)

// Characters that may not begin a line (行首禁则) and those that may not end one
// (行末禁则), after GB/T 15834 and CLREQ.
const (
	notFirst = "、。，．：；？！·‧…—～〜－–）〕】》〉」』〗〙〛｝］”’％‰℃°′″々ー!),.:;?]}%¢>" +
		"ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
	notLast = "（〔【《〈「『〖〘〚｛［“‘￥￡＄№([{<$¥£#"
	// joins holds Latin words and numbers together: 1,234.50 and 2026-03-02.
	joins = "-–_.,:/@&'+#%=?~*\\"
)

// Break splits text into lines that are at most first (the first line) or rest
// (all others) wide, in the unit of width. The lines joined are the text with
// its line ends removed: no character is ever lost or moved. Spaces at the end
// of a line may stick out of it. A word that is wider than a line is split
// between characters. An empty text is one empty line.
func Break(text string, first, rest float64, width func(rune) float64) []string {
	var lines []string
	limit := first
	for paragraph := range strings.SplitSeq(text, "\n") {
		f := filler{width: width, limit: limit, rest: rest}
		for _, word := range words([]rune(paragraph)) {
			f.add(word)
		}
		lines = append(lines, append(f.lines, string(f.line))...)
		limit = rest
	}
	return lines
}

// filler fills lines with words, first fit.
type filler struct {
	width       func(rune) float64
	limit, rest float64
	lines       []string
	line        []rune
	used        float64
}

func (f *filler) add(word []rune) {
	inner := word
	for len(inner) > 0 && inner[len(inner)-1] == ' ' {
		inner = inner[:len(inner)-1]
	}
	need, whole := f.measure(inner), f.measure(word)
	if f.used+need > f.limit && need <= f.rest && (len(f.line) > 0 || f.limit < f.rest) {
		f.next()
	}
	if f.used+need <= f.limit {
		f.line, f.used = append(f.line, word...), f.used+whole
		return
	}
	for _, r := range word { // wider than any line
		w := f.width(r)
		if f.used+w > f.limit && len(f.line) > 0 && r != ' ' {
			f.next()
		}
		f.line, f.used = append(f.line, r), f.used+w
	}
}

func (f *filler) next() {
	f.lines = append(f.lines, string(f.line))
	f.line, f.used, f.limit = f.line[:0], 0, f.rest
}

func (f *filler) measure(word []rune) (sum float64) {
	for _, r := range word {
		sum += f.width(r)
	}
	return sum
}

// words cuts a paragraph at every place where a line may end.
func words(text []rune) (cut [][]rune) {
	start := 0
	for i := 1; i < len(text); i++ {
		if mayBreak(text[i-1], text[i]) {
			cut = append(cut, text[start:i])
			start = i
		}
	}
	if start < len(text) {
		cut = append(cut, text[start:])
	}
	return cut
}

// mayBreak says whether a line may end between two neighbours.
func mayBreak(before, after rune) bool {
	switch {
	case after == ' ':
		return false
	case strings.ContainsRune(notFirst, after) || strings.ContainsRune(notLast, before):
		return false
	case before == ' ':
		return true
	default:
		return !latin(before) || !latin(after)
	}
}

// latin are the characters of words and numbers written without gaps.
func latin(r rune) bool {
	return r < 0x2E80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(joins, r))
}
