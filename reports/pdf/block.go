package pdf

// TitleBlock is the head of the first page, as of a 公文.
type TitleBlock struct {
	Issuer   string // who issues the document, printed over the thick rule
	Number   string // document number (文号)
	Title    string
	Subtitle string
	DateLine string
}

// Title puts the title block.
func (d *Doc) Title(t TitleBlock) {
	width := d.contentWidth()
	d.lines(Gate(t.Issuer), styleMast, width)
	d.y += 1
	d.lines(Gate(t.Number), styleCell, width)
	d.y += 1.5
	d.rule(marginSide, d.y, width, 0, 0.9)
	d.rule(marginSide, d.y+1.1, width, 0, 0.25)
	d.y += 6
	title, s := Gate(t.Title), styleTitle
	for _, r := range title {
		if s.face(r) != s.faces[0] { // one face for the whole title
			s.faces = bold
			break
		}
	}
	d.lines(title, s, width)
	d.y += 1.5
	d.lines(Gate(t.Subtitle), styleBold, width)
	d.lines(Gate(t.DateLine), styleCell, width)
	d.y += 4
}

// lines puts centred lines; nothing for an empty text.
func (d *Doc) lines(text string, s style, width float64) {
	if text == "" {
		return
	}
	for _, line := range Break(text, width, width, s.width) {
		d.ensure(s.line)
		d.centred(d.y, line, s)
		d.y += s.line
	}
}

// Heading puts the heading of a section and keeps it with what follows.
func (d *Doc) Heading(text string) {
	d.space(4)
	d.ensure(styleHeading.line + 26)
	d.flow(Gate(text), styleHeading, 0, 0)
	d.y += 1
}

// Paragraph puts a paragraph, its first line set in by two characters.
func (d *Doc) Paragraph(text string) {
	d.flow(Gate(text), styleBody, 0, 2*styleBody.width('国'))
	d.space(1)
}

// Note puts a paragraph in small print.
func (d *Doc) Note(text string) {
	d.flow(Gate(text), styleFrame, 0, 0)
	d.space(1)
}

// List puts numbered items with hanging indents.
func (d *Doc) List(items []string) {
	const hang = 7.0
	for i, item := range items {
		d.ensure(2 * styleBody.line)
		label := itoa(i+1) + "."
		d.text(marginSide+hang-2-styleBold.measure(label), d.y, label, styleBold)
		d.flow(Gate(item), styleBody, hang, 0)
		d.space(0.8)
	}
}

// flow puts a gated text over as many lines and pages as it needs. A single
// line is not left alone at the foot of a page when three or more follow.
func (d *Doc) flow(text string, s style, left, first float64) {
	width := d.contentWidth() - left
	all := Break(text, width-first, width, s.width)
	if len(all) > 3 {
		d.ensure(2 * s.line)
	}
	for i, line := range all {
		d.ensure(s.line)
		x := marginSide + left
		if i == 0 {
			x += first
		}
		d.text(x, d.y, line, s)
		d.y += s.line
	}
}

// Seal is a place for a signature or a seal.
type Seal struct {
	Who  string // 招标人
	Name string // printed under it, if known
	Note string // what has been signed electronically, if anything
}

// Seals puts places for signatures and seals, three in a row, as high as the
// longest name needs.
func (d *Doc) Seals(seals []Seal) {
	const perRow, least, gap = 3, 38.0, 4.0
	width := (d.contentWidth() - (perRow-1)*gap) / perRow
	for start := 0; start < len(seals); start += perRow {
		height := least
		var row [][]piece
		for _, seal := range seals[start:min(start+perRow, len(seals))] {
			lines := seal.lines(width - 4)
			row = append(row, lines)
			height = max(height, heightOf(lines)+4*styleCell.line)
		}
		d.ensure(height)
		for i, lines := range row {
			d.seal(marginSide+float64(i)*(width+gap), width, height, lines)
		}
		d.y += height + gap
	}
}

// lines is what stands in the place for a seal, broken to a width.
func (s Seal) lines(width float64) (all []piece) {
	for _, part := range []piece{{s.Who, styleHead}, {s.Name, styleCell}, {s.Note, styleNote}} {
		if part.text == "" {
			continue
		}
		for _, line := range Break(Gate(part.text), width, width, part.style.width) {
			all = append(all, piece{line, part.style})
		}
	}
	return all
}

func (d *Doc) seal(x, width, height float64, lines []piece) {
	top, s := d.y, styleCell
	for _, edge := range [][4]float64{{x, top, width, 0}, {x, top + height, width, 0}, {x, top, 0, height}, {x + width, top, 0, height}} {
		d.put(mark{x: edge[0], y: edge[1], w: edge[2], h: edge[3], pen: 0.2, dashed: true})
	}
	y := top + 1.5
	for _, line := range lines {
		d.text(x+2, y, line.text, line.style)
		y += line.style.line
	}
	d.text(x+2, top+height-2*s.line-1, "（签字或盖章）", s)
	date := "年    月    日"
	d.text(x+width-2-s.measure(date), top+height-s.line-1, date, s)
}

// End closes the text, so that nothing can be added after it.
func (d *Doc) End() {
	d.space(3)
	d.ensure(styleCell.line)
	d.centred(d.y, "（以下无正文）", styleCell)
	d.y += styleCell.line
}
