package pdf

import (
	"fmt"
	"time"
)

// Frame is what stands on every page of a document, and in its properties.
type Frame struct {
	Kind      string    // what document it is: 开标记录表
	Lot       string    // the lot, code and name
	Number    string    // the document number (文号)
	Digest    string    // digest of the record, "sm3:" and 64 hex figures
	VerifyURL string    // address of the verification page, printed as QR
	Author    string    // who issues it
	Issued    time.Time // the document's own time, never the time of drawing
}

// Attachment is a file that travels inside the document.
type Attachment struct {
	Name, Description string
	Content           []byte
}

// Doc is a document being laid out. The zero value is not usable: see New. A
// Doc belongs to one goroutine; different documents may be drawn concurrently.
type Doc struct {
	frame       Frame
	attachments []Attachment
	pages       []*page
	landscape   bool
	y           float64
}

// page is one page, laid out: everything on it in the order of reading.
type page struct {
	landscape bool
	marks     []mark
}

func (p *page) width() float64 {
	if p.landscape {
		return longSide
	}
	return shortSide
}

func (p *page) height() float64 {
	if p.landscape {
		return shortSide
	}
	return longSide
}

// mark is one thing on a page: a text if text is not empty, otherwise a filled
// rectangle if gray is not 0, otherwise a line from (x,y) over (w,h).
type mark struct {
	x, y, w, h float64
	text       string
	style      style
	gray       float64 // 0 no fill, else brightness of the fill
	pen        float64 // width of the line
	dashed     bool
}

// New begins a document on a portrait page.
func New(frame Frame) *Doc {
	d := &Doc{frame: frame}
	d.newPage()
	return d
}

// Attach adds a file to the document.
func (d *Doc) Attach(a Attachment) { d.attachments = append(d.attachments, a) }

// Pages is how many pages there are so far.
func (d *Doc) Pages() int { return len(d.pages) }

// Turn goes on in landscape or portrait, on a new page if that is a change.
func (d *Doc) Turn(landscape bool) {
	if d.landscape == landscape {
		return
	}
	d.landscape = landscape
	d.newPage()
}

func (d *Doc) newPage() {
	d.pages = append(d.pages, &page{landscape: d.landscape})
	d.y = marginTop
}

func (d *Doc) page() *page { return d.pages[len(d.pages)-1] }

// measure of the type area.
func (d *Doc) contentWidth() float64 { return d.page().width() - 2*marginSide }
func (d *Doc) bottom() float64       { return d.page().height() - marginBottom }
func (d *Doc) room() float64         { return d.bottom() - d.y }

// fresh says whether nothing stands on the page yet.
func (d *Doc) fresh() bool { return d.y <= marginTop }

// ensure begins a new page unless there is room for h; on a fresh page it does
// nothing, so that what is too high for any page cannot loop.
func (d *Doc) ensure(h float64) {
	if d.room() < h && !d.fresh() {
		d.newPage()
	}
}

// space leaves a gap, but never at the top of a page.
func (d *Doc) space(h float64) {
	if !d.fresh() {
		d.y += h
	}
}

// Together begins a new page unless what comes next, so many millimetres high,
// still has room on this one.
func (d *Doc) Together(height float64) { d.ensure(height) }

func (d *Doc) put(m mark) { d.page().marks = append(d.page().marks, m) }

// text puts a gated text whose line begins at the top left corner (x, y).
func (d *Doc) text(x, y float64, text string, s style) {
	if text != "" {
		d.put(mark{x: x, y: y + s.ascent(), text: text, style: s})
	}
}

func (d *Doc) centred(y float64, text string, s style) {
	d.text((d.page().width()-s.measure(text))/2, y, text, s)
}

func (d *Doc) rule(x, y, w, h, pen float64) { d.put(mark{x: x, y: y, w: w, h: h, pen: pen}) }

// Short is a digest as pages show it: its first and last eight figures.
func Short(digest string) string {
	name, hex := "", digest
	for i, r := range digest {
		if r == ':' {
			name, hex = digest[:i+1], digest[i+1:]
			break
		}
	}
	if len(hex) <= 16 {
		return digest
	}
	return name + hex[:8] + "…" + hex[len(hex)-8:]
}

// framed puts header and footer on a laid out page.
func (d *Doc) framed(p *page, number int) []mark {
	one := &Doc{frame: d.frame, pages: []*page{{landscape: p.landscape}}}
	right, top := p.width()-marginSide, marginTop-11
	s := styleFrame
	id := Gate(d.frame.Number)
	room := right - marginSide - s.measure(id) - 6
	one.text(marginSide, top, clip(Gate(d.frame.Kind+" · 标段 "+d.frame.Lot), room, s), s)
	one.text(right-s.measure(id), top, id, s)
	one.rule(marginSide, top+5, right-marginSide, 0, 0.25)

	foot := p.height() - marginBottom + qrGap
	one.rule(marginSide, foot, right-marginSide, 0, 0.25)
	one.text(marginSide, foot+2, "记录摘要 "+Gate(Short(d.frame.Digest)), s)
	one.text(marginSide, foot+2+s.line, "扫描右侧二维码，核对网页所示摘要与本页是否一致。", s)
	count := fmt.Sprintf("第 %d 页 共 %d 页", number, len(d.pages))
	one.text(right-qrSide-5-styleCell.measure(count), foot+2, count, styleCell)
	return one.page().marks
}

// clip shortens a text to a width with an ellipsis. Only for the frame of the
// page, which repeats what stands in full on the first one.
func clip(text string, room float64, s style) string {
	if s.measure(text) <= room {
		return text
	}
	sum := s.measure("…")
	for i, r := range text {
		if sum += s.width(r); sum > room {
			return text[:i] + "…"
		}
	}
	return text
}
