// Package fonts holds the Chinese TrueType fonts that documents are set in, so
// that a report looks the same on every machine and needs nothing installed.
// The files are subsets of Noto Sans SC and Noto Serif SC (OFL.txt); build.sh
// makes them again. A Face answers what a line breaker and a character gate
// must know, which characters there are and how wide each is, and is read once
// per process. Nothing here draws.
package fonts

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"sync"
)

//go:embed sans.ttf.gz
var sansFile []byte

//go:embed bold.ttf.gz
var boldFile []byte

//go:embed title.ttf.gz
var titleFile []byte

//go:embed rare.ttf.gz
var rareFile []byte

// Face is one TrueType font, unpacked when it is first asked for something.
// It is safe for concurrent use.
type Face struct {
	// Name is the family name under which a document registers the font.
	Name string
	load func() *metrics
}

// The faces. Everyday characters (GB 2312, frequent names, signs) are in Sans
// and Bold, those of titles in Title; Rare has whatever else Noto Sans SC has
// up to U+FFFF and is loaded only by a document that needs it.
var (
	Sans  = newFace("sans", sansFile)
	Bold  = newFace("bold", boldFile)
	Title = newFace("title", titleFile)
	Rare  = newFace("rare", rareFile)
)

func newFace(name string, packed []byte) *Face {
	return &Face{Name: name, load: sync.OnceValue(func() *metrics {
		m, err := unpack(packed)
		if err != nil {
			// The files are part of the program and tested with it.
			panic(fmt.Sprintf("fonts: embedded %s is damaged: %v", name, err))
		}
		return m
	})}
}

func unpack(packed []byte) (*metrics, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("fonts: unpack: %w", err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("fonts: unpack: %w", err)
	}
	return parse(data)
}

// Has says whether the face can draw the character.
func (f *Face) Has(r rune) bool {
	return r > 0 && r <= 0xFFFF && f.load().advance[r] != absent
}

// Advance is the width of the character in thousandths of the font size, and
// 0 for one that the face lacks.
func (f *Face) Advance(r rune) int {
	if !f.Has(r) {
		return 0
	}
	return int(f.load().advance[r])
}

// TTF is a copy of the font file: the PDF writer appends to slices of what it
// is given, which must not be the bytes that others read.
func (f *Face) TTF() []byte {
	return bytes.Clone(f.load().data)
}
