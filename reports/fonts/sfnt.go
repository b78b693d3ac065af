package fonts

import (
	"encoding/binary"
	"errors"
	"math"
)

// absent marks a character that a face has no glyph for.
const absent = math.MaxUint16

var errSFNT = errors.New("fonts: not a TrueType font with a format 4 cmap")

// metrics is what is kept of a font file: the bytes, and the advance width of
// every character up to U+FFFF in thousandths of the em.
type metrics struct {
	data    []byte
	advance [1 << 16]uint16
}

// table is a part of a font file; reads past its end give zero, so that a
// damaged file makes a wrong answer of parse and never a panic.
type table []byte

func (t table) u16(at int) int {
	if at < 0 || at+2 > len(t) {
		return 0
	}
	return int(binary.BigEndian.Uint16(t[at:]))
}

func (t table) u32(at int) int {
	return t.u16(at)<<16 | t.u16(at+2)
}

// from is the table from an offset on, empty when the offset is outside.
func (t table) from(at int) table {
	if at < 0 || at > len(t) {
		return nil
	}
	return t[at:]
}

// parse reads the tables head, hhea, hmtx and cmap (OpenType 1.9).
func parse(data []byte) (*metrics, error) {
	file := table(data)
	parts := map[string]table{}
	for i := range file.u16(4) {
		entry := file.from(12 + 16*i)
		if len(entry) < 16 {
			return nil, errSFNT
		}
		part := file.from(entry.u32(8))
		parts[string(entry[:4])] = part[:min(len(part), entry.u32(12))]
	}
	unitsPerEm, widths := parts["head"].u16(18), parts["hhea"].u16(34)
	chars := unicodeSubtable(parts["cmap"])
	if unitsPerEm == 0 || widths == 0 || chars == nil {
		return nil, errSFNT
	}
	m := &metrics{data: data}
	for r := range m.advance {
		m.advance[r] = absent
	}
	chars.each(func(char, glyph int) {
		width := parts["hmtx"].u16(4 * min(glyph, widths-1))
		m.advance[char] = uint16(min((width*1000+unitsPerEm/2)/unitsPerEm, absent-1))
	})
	return m, nil
}

// unicodeSubtable finds the Unicode BMP mapping, which is the one the PDF
// writer reads too.
func unicodeSubtable(cmap table) table {
	for i := range cmap.u16(2) {
		platform, encoding := cmap.u16(4+8*i), cmap.u16(6+8*i)
		sub := cmap.from(cmap.u32(8 + 8*i))
		if (platform == 0 || platform == 3 && encoding == 1) && sub.u16(0) == 4 {
			return sub
		}
	}
	return nil
}

// each calls yield for every character of a format 4 mapping that has a glyph.
func (t table) each(yield func(char, glyph int)) {
	segments := t.u16(6) / 2
	ends, starts := t.from(14), t.from(16+2*segments)
	deltas, offsets := t.from(16+4*segments), t.from(16+6*segments)
	for s := range segments {
		start, end := starts.u16(2*s), ends.u16(2*s)
		for char := start; char <= end && char < 0xFFFF; char++ {
			glyph := char
			if offset := offsets.u16(2 * s); offset != 0 {
				glyph = offsets.u16(2*s + offset + 2*(char-start))
				if glyph == 0 {
					continue
				}
			}
			if glyph = (glyph + deltas.u16(2*s)) & 0xFFFF; glyph != 0 {
				yield(char, glyph)
			}
		}
	}
}
