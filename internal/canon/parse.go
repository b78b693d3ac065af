package canon

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

var (
	errSyntax    = errors.New("not JSON")
	errTrailing  = errors.New("text after the document")
	errDepth     = errors.New("nested too deeply")
	errDuplicate = errors.New("a name stands twice in one object")
	errUTF8      = errors.New("not valid UTF-8")
	errSurrogate = errors.New("lone surrogate")
	errReplaced  = errors.New(`the escape \ufffd, which encoding/json writes for invalid text`)
	errNumber    = errors.New("number is not a plain integer within ±(2^53-1)")
)

// parser reads one document and writes its canonical form as it goes; only
// objects need a detour, because their members are sorted.
type parser struct {
	in    []byte
	pos   int
	depth int
}

func (p *parser) document() ([]byte, error) {
	out, err := p.value(make([]byte, 0, len(p.in)))
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos != len(p.in) {
		return nil, errTrailing
	}
	return out, nil
}

func (p *parser) space() {
	for p.pos < len(p.in) {
		switch p.in[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return
		}
	}
}

// take consumes c, after white space, and says whether it was there.
func (p *parser) take(c byte) bool {
	p.space()
	if p.pos < len(p.in) && p.in[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) value(out []byte) ([]byte, error) {
	p.space()
	if p.pos == len(p.in) {
		return nil, errSyntax
	}
	switch c := p.in[p.pos]; {
	case c == '{':
		return p.nested(out, p.object)
	case c == '[':
		return p.nested(out, p.array)
	case c == '"':
		s, err := p.text()
		if err != nil {
			return nil, err
		}
		return appendText(out, s), nil
	case c == '-' || ('0' <= c && c <= '9'):
		return p.number(out)
	}
	for _, word := range []string{"true", "false", "null"} {
		if len(p.in)-p.pos >= len(word) && string(p.in[p.pos:p.pos+len(word)]) == word {
			p.pos += len(word)
			return append(out, word...), nil
		}
	}
	return nil, errSyntax
}

func (p *parser) nested(out []byte, read func([]byte) ([]byte, error)) ([]byte, error) {
	p.pos++
	p.depth++
	if p.depth > MaxDepth {
		return nil, errDepth
	}
	out, err := read(out)
	p.depth--
	return out, err
}

func (p *parser) array(out []byte) ([]byte, error) {
	out = append(out, '[')
	if p.take(']') {
		return append(out, ']'), nil
	}
	for {
		var err error
		if out, err = p.value(out); err != nil {
			return nil, err
		}
		if p.take(']') {
			return append(out, ']'), nil
		}
		if !p.take(',') {
			return nil, errSyntax
		}
		out = append(out, ',')
	}
}

type member struct {
	name  string
	order []uint16 // RFC 8785, 3.2.3: sorted by UTF-16 code units
	value []byte
}

func (p *parser) object(out []byte) ([]byte, error) {
	if p.take('}') {
		return append(out, '{', '}'), nil
	}
	var members []member
	for {
		m, err := p.member()
		if err != nil {
			return nil, err
		}
		members = append(members, m)
		if p.take('}') {
			return appendObject(out, members)
		}
		if !p.take(',') {
			return nil, errSyntax
		}
	}
}

func (p *parser) member() (m member, err error) {
	p.space()
	if p.pos == len(p.in) || p.in[p.pos] != '"' {
		return m, errSyntax
	}
	if m.name, err = p.text(); err != nil {
		return m, err
	}
	if !p.take(':') {
		return m, errSyntax
	}
	m.order = utf16.Encode([]rune(m.name))
	m.value, err = p.value(nil)
	return m, err
}

func appendObject(out []byte, members []member) ([]byte, error) {
	slices.SortFunc(members, func(a, b member) int { return slices.Compare(a.order, b.order) })
	out = append(out, '{')
	for i, m := range members {
		if i > 0 {
			if members[i-1].name == m.name {
				return nil, errDuplicate
			}
			out = append(out, ',')
		}
		out = append(appendText(out, m.name), ':')
		out = append(out, m.value...)
	}
	return append(out, '}'), nil
}

// number accepts 0, or an optional minus and digits that do not begin with 0.
func (p *parser) number(out []byte) ([]byte, error) {
	start := p.pos
	if p.in[p.pos] == '-' {
		p.pos++
	}
	digits := p.pos
	magnitude := uint64(0)
	for p.pos < len(p.in) && '0' <= p.in[p.pos] && p.in[p.pos] <= '9' {
		if magnitude = magnitude*10 + uint64(p.in[p.pos]-'0'); magnitude > MaxInteger {
			return nil, errNumber
		}
		p.pos++
	}
	switch {
	case p.pos == digits,
		p.in[digits] == '0' && (p.pos-digits > 1 || digits > start),
		p.pos < len(p.in) && (p.in[p.pos] == '.' || p.in[p.pos] == 'e' || p.in[p.pos] == 'E'):
		return nil, errNumber
	}
	return append(out, p.in[start:p.pos]...), nil
}

// text reads a string literal; p.pos stands on its opening quote.
func (p *parser) text() (string, error) {
	p.pos++
	var s []byte
	for p.pos < len(p.in) {
		switch c := p.in[p.pos]; {
		case c == '"':
			p.pos++
			return string(s), nil
		case c < 0x20:
			return "", errSyntax
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			s = utf8.AppendRune(s, r)
		default:
			r, n := utf8.DecodeRune(p.in[p.pos:])
			if r == utf8.RuneError && n <= 1 {
				return "", errUTF8
			}
			s = append(s, p.in[p.pos:p.pos+n]...)
			p.pos += n
		}
	}
	return "", errSyntax
}

var short = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (p *parser) escape() (rune, error) {
	if p.pos+1 >= len(p.in) {
		return 0, errSyntax
	}
	c := p.in[p.pos+1]
	if r, ok := short[c]; ok {
		p.pos += 2
		return r, nil
	}
	if c != 'u' {
		return 0, errSyntax
	}
	r, err := p.unit()
	switch {
	case err != nil:
		return 0, err
	case r == utf8.RuneError:
		return 0, errReplaced
	case !utf16.IsSurrogate(r):
		return r, nil
	}
	low, err := p.unit()
	if err != nil {
		return 0, errSurrogate
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, errSurrogate
	}
	return r, nil
}

// unit reads one \uXXXX.
func (p *parser) unit() (rune, error) {
	if p.pos+6 > len(p.in) || p.in[p.pos] != '\\' || p.in[p.pos+1] != 'u' {
		return 0, errSyntax
	}
	var r rune
	for _, c := range p.in[p.pos+2 : p.pos+6] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, errSyntax
		}
	}
	p.pos += 6
	return r, nil
}

var escapes = map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}

// appendText writes a string as RFC 8785, 3.2.2.2 says: the short escapes,
// \u00xx in lower case for the other control characters, all else as it is.
func appendText(out []byte, s string) []byte {
	out = append(out, '"')
	for _, r := range s {
		if e, ok := escapes[r]; ok {
			out = append(out, e...)
			continue
		}
		if r < 0x20 {
			out = fmt.Appendf(out, `\u%04x`, r)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return append(out, '"')
}
