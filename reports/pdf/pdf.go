// Package pdf sets documents in Chinese: A4, own line breaker with 禁则, tables
// whose heads repeat, a frame on every page, a title block as of a 公文. A
// document is first laid out into pages of marks, then written in one go, so
// that the number of pages is known and every page can say x of y.
//
// Drawn twice from the same data it is the same bytes: all times come from the
// data, nothing is numbered at random, nothing is read from or written to the
// disk. No character of the data is ever lost: what the fonts lack is printed
// by number (see Gate).
//
// This file is the only one that knows gofpdf, which is no longer maintained:
// its continuation has the same functions and can take its place here. Of
// gofpdf only single pieces of text at given places are used: its own line
// breaking loses a character at every wrapped Chinese line, and it panics on
// characters above U+FFFF, which the gate keeps from it.
package pdf

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/jung-kurt/gofpdf"

	"jianbiao/reports/fonts"
)

// beijing is the zone that times of documents are in.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// Write draws the document.
func (d *Doc) Write(w io.Writer) error {
	f := gofpdf.New("P", "mm", "A4", "")
	f.SetCatalogSort(true)
	f.SetCreationDate(d.frame.Issued.In(beijing))
	f.SetModificationDate(d.frame.Issued.In(beijing))
	f.SetTitle(Gate(d.frame.Kind+" "+d.frame.Number), true)
	f.SetSubject(Gate(d.frame.Lot), true)
	f.SetAuthor(Gate(d.frame.Author), true)
	f.SetCreator("见标", true)
	f.SetKeywords(d.frame.Digest, true)
	f.SetMargins(0, 0, 0)
	f.SetAutoPageBreak(false, 0)

	pages := make([][]mark, len(d.pages))
	for i, p := range d.pages {
		pages[i] = append(p.marks, d.framed(p, i+1)...)
	}
	register(f, pages)
	hasCode := false
	if d.frame.VerifyURL != "" {
		if err := registerCode(f, d.frame.VerifyURL); err != nil {
			return err
		}
		hasCode = true
	}
	for i, p := range d.pages {
		drawPage(f, p, pages[i])
		if hasCode {
			f.ImageOptions(codeName, p.width()-marginSide-qrSide, p.height()-marginBottom+qrGap+2, qrSide, qrSide, false,
				gofpdf.ImageOptions{ImageType: "PNG"}, 0, "")
		}
	}
	attach(f, d.attachments)
	if err := f.Output(w); err != nil {
		return fmt.Errorf("pdf: write: %w", err)
	}
	return nil
}

// register gives the writer the faces that the pages use and no others.
func register(f *gofpdf.Fpdf, pages [][]mark) {
	used := map[*fonts.Face]bool{}
	for _, marks := range pages {
		for _, m := range marks {
			for _, r := range m.text {
				used[m.style.face(r)] = true
			}
		}
	}
	for _, face := range []*fonts.Face{fonts.Sans, fonts.Bold, fonts.Title, fonts.Rare} {
		if used[face] {
			f.AddUTF8FontFromBytes(face.Name, "", face.TTF())
		}
	}
}

// codeName is the name of the QR code among the images of a document.
const codeName = "verify"

func registerCode(f *gofpdf.Fpdf, url string) error {
	png, err := code(url)
	if err != nil {
		return err
	}
	f.RegisterImageOptionsReader(codeName, gofpdf.ImageOptions{ImageType: "PNG"}, bytes.NewReader(png))
	return nil
}

func drawPage(f *gofpdf.Fpdf, p *page, marks []mark) {
	orientation := "P"
	if p.landscape {
		orientation = "L"
	}
	f.AddPageFormat(orientation, gofpdf.SizeType{Wd: shortSide, Ht: longSide})
	for _, m := range marks {
		switch {
		case m.text != "":
			drawText(f, m)
		case m.gray > 0:
			level := int(m.gray * 255)
			f.SetFillColor(level, level, level)
			f.Rect(m.x, m.y, m.w, m.h, "F")
		default:
			f.SetLineWidth(m.pen)
			if m.dashed {
				f.SetDashPattern([]float64{1.2, 1}, 0)
			}
			f.Line(m.x, m.y, m.x+m.w, m.y+m.h)
			if m.dashed {
				f.SetDashPattern(nil, 0)
			}
		}
	}
}

// drawText writes one line, changing the face where a character needs it.
func drawText(f *gofpdf.Fpdf, m mark) {
	x, start := m.x, 0
	runes := []rune(m.text)
	for i := range runes {
		face := m.style.face(runes[i])
		if i+1 < len(runes) && m.style.face(runes[i+1]) == face {
			continue
		}
		f.SetFont(face.Name, "", m.style.size)
		run := string(runes[start : i+1])
		f.Text(x, m.y, run)
		x += m.style.measure(run)
		start = i + 1
	}
}

func attach(f *gofpdf.Fpdf, files []Attachment) {
	if len(files) == 0 {
		return
	}
	list := make([]gofpdf.Attachment, len(files))
	for i, a := range files {
		list[i] = gofpdf.Attachment{Content: a.Content, Filename: a.Name, Description: a.Description}
	}
	f.SetAttachments(list)
}
