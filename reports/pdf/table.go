package pdf

import (
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Dash is printed where a value is empty, so that nobody can fill it in.
const Dash = "—"

// Align says at which side of a column its text stands.
type Align int

// The sides of a column.
const (
	Left Align = iota
	Right
	Centre
)

// Column is a column of a table. Width is a share of the table's width.
type Column struct {
	Head  string
	Width float64
	Align Align
	Label bool // set as a label: bold on grey
}

// Cell is a text, and a note in small print under it.
type Cell struct {
	Text, Note string
}

// Table is a table over the whole measure. Its head repeats on every page, a
// row stays together unless it is higher than a page.
type Table struct {
	Columns []Column
	Rows    [][]Cell
	Empty   string // the sentence for a table without rows
}

const (
	padX = 1.6
	padY = 1.2
	grid = 0.2
	rim  = 0.45
)

// piece is a line of a cell, ready to be put.
type piece struct {
	text  string
	style style
}

// Table puts a table.
func (d *Doc) Table(t Table) {
	if len(t.Rows) == 0 {
		if t.Empty != "" {
			d.flow(Gate(t.Empty), styleBody, 0, 0)
			d.space(2)
		}
		return
	}
	g := d.gridOf(t)
	for i, row := range t.Rows {
		cells := make([][]piece, len(t.Columns))
		for c := range t.Columns {
			var cell Cell
			if c < len(row) {
				cell = row[c]
			}
			cells[c] = g.layout(c, cell)
		}
		d.row(g, cells, i == 0)
	}
	d.rule(marginSide, d.y, g.total, 0, rim)
	d.y += 2
}

// tableGrid is a table's columns in millimetres, and its head laid out.
type tableGrid struct {
	columns []Column
	widths  []float64
	total   float64
	head    [][]piece
	headed  bool
}

func (d *Doc) gridOf(t Table) *tableGrid {
	g := &tableGrid{columns: t.Columns, total: d.contentWidth()}
	shares := 0.0
	for _, c := range t.Columns {
		shares += c.Width
		g.headed = g.headed || c.Head != ""
	}
	for i, c := range t.Columns {
		g.widths = append(g.widths, c.Width/shares*g.total)
		inner := g.widths[i] - 2*padX
		var head []piece
		for _, line := range Break(Gate(c.Head), inner, inner, styleHead.width) {
			head = append(head, piece{line, styleHead})
		}
		g.head = append(g.head, head)
	}
	return g
}

// layout breaks a cell into lines.
func (g *tableGrid) layout(column int, cell Cell) []piece {
	inner := g.widths[column] - 2*padX
	s := styleCell
	if g.columns[column].Label {
		s = styleHead
	}
	text := cell.Text
	if text == "" && cell.Note == "" && !g.columns[column].Label {
		text = Dash
	}
	var pieces []piece
	if text != "" {
		for _, line := range Break(Gate(text), inner, inner, s.width) {
			pieces = append(pieces, piece{line, s})
		}
	}
	if cell.Note != "" {
		for _, line := range Break(Gate(cell.Note), inner, inner, styleNote.width) {
			pieces = append(pieces, piece{line, styleNote})
		}
	}
	return pieces
}

func heightOf(cell []piece) (h float64) {
	for _, p := range cell {
		h += p.style.line
	}
	return h
}

func rowHeight(cells [][]piece) float64 {
	h := 0.0
	for _, cell := range cells {
		h = max(h, heightOf(cell))
	}
	return h + 2*padY
}

// row puts a row, on a new page under a repeated head if there is no room, and
// over several pages if one is not enough.
func (d *Doc) row(g *tableGrid, cells [][]piece, first bool) {
	headHeight := 0.0
	if g.headed {
		headHeight = rowHeight(g.head)
	}
	if first {
		d.ensure(headHeight + min(rowHeight(cells), 40))
		d.head(g)
	}
	for {
		height := rowHeight(cells)
		page := d.bottom() - marginTop - headHeight
		if height <= d.room() {
			d.band(g, cells, height, false)
			return
		}
		if height > page && d.room() > 20 {
			var rest [][]piece
			cells, rest = split(cells, d.room()-2*padY)
			d.band(g, cells, d.room(), false)
			cells = rest
		}
		d.rule(marginSide, d.y, g.total, 0, rim)
		d.newPage()
		d.head(g)
	}
}

// split takes from every cell as many lines as fit into a height.
func split(cells [][]piece, height float64) (now, later [][]piece) {
	for _, cell := range cells {
		n, h := 0, 0.0
		for n < len(cell) && h+cell[n].style.line <= height {
			h += cell[n].style.line
			n++
		}
		now, later = append(now, cell[:n]), append(later, cell[n:])
	}
	return now, later
}

func (d *Doc) head(g *tableGrid) {
	if g.headed {
		d.band(g, g.head, rowHeight(g.head), true)
		return
	}
	d.rule(marginSide, d.y, g.total, 0, rim)
}

// band puts the cells of a row, their fills and the grid around them.
func (d *Doc) band(g *tableGrid, cells [][]piece, height float64, head bool) {
	x := marginSide
	for i := range cells {
		if head || g.columns[i].Label {
			d.put(mark{x: x, y: d.y, w: g.widths[i], h: height, gray: 0.92})
		}
		x += g.widths[i]
	}
	top := grid
	if head {
		top = rim
	}
	d.rule(marginSide, d.y, g.total, 0, top)
	x = marginSide
	for i := range g.widths {
		pen := grid
		if i == 0 {
			pen = rim
		}
		d.rule(x, d.y, 0, height, pen)
		x += g.widths[i]
	}
	d.rule(x, d.y, 0, height, rim)
	x = marginSide
	for i, cell := range cells {
		align := g.columns[i].Align
		if head && align == Left || g.columns[i].Label {
			align = Centre
		}
		d.cell(x, g.widths[i], height, cell, align, head || g.columns[i].Label)
		x += g.widths[i]
	}
	d.y += height
}

// cell puts the lines of a cell; those of heads stand in the middle.
func (d *Doc) cell(x, width, height float64, lines []piece, align Align, middle bool) {
	y := d.y + padY
	if middle {
		y = d.y + (height-heightOf(lines))/2
	}
	for _, line := range lines {
		at := x + padX
		slack := width - 2*padX - line.style.measure(strings.TrimRight(line.text, " "))
		switch align {
		case Right:
			at += slack
		case Centre:
			at += slack / 2
		case Left:
		}
		d.text(at, y, line.text, line.style)
		y += line.style.line
	}
}
