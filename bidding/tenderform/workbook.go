package tenderform

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"jianbiao/internal/apperr"
)

// The limits of a workbook, in bytes and pieces. They count what is really
// unpacked: what the archive says of itself is not believed.
const (
	maxWorkbook = 50 << 20 // the file as it is
	maxStrings  = 96 << 20 // all shared strings, unpacked
	maxShared   = 1_000_000
	maxEntries  = 2000
	maxColumn   = 200
	maxCell     = 32767
)

// limits are those that a test makes smaller, so as to reach them.
var limits = struct {
	part   int64 // one part, unpacked
	tokens int
	rows   int
}{160 << 20, 10_000_000, MaxItems + 1000}

var (
	errNotWorkbook = apperr.New(apperr.Invalid, "bill.not_xlsx", "这不是 Excel 工作簿（.xlsx），或者文件已经损坏：请用平台导出的清单模板填写。")
	errOldWorkbook = apperr.New(apperr.Invalid, "bill.old_xls", "这是旧格式（.xls）或者设了密码的工作簿：请在 Excel 里取消密码，另存为 .xlsx 后再导入。")
	errHugeBook    = apperr.New(apperr.TooLarge, "bill.too_large", "工作簿太大，或者解压后超出限度：清单不超过 %d 行、文件不超过 %d MB。", MaxItems, maxWorkbook>>20)
	errEnough      = errors.New("enough rows")
)

// cell is one cell of a row: its text, and what it says of itself.
type cell struct {
	text    string
	number  bool
	fault   bool // #REF!, #DIV/0! …
	formula bool
}

func (c cell) blank() bool { return strings.TrimSpace(c.text) == "" && !c.formula }

// row is a row by column number (A is 0); no is the number that Excel shows.
type row struct {
	no    int
	cells map[int]cell
}

func (r row) text(column int) string { return strings.TrimSpace(r.cells[column].text) }

// workbook is an .xlsx file (ECMA-376): a small reader of the parts that a
// bill of quantities uses. Formulas are taken by the value saved with them.
type workbook struct {
	parts  map[string]*zip.File
	shared []string
	sheets []sheet
}

type sheet struct{ name, path string }

// openWorkbook reads the directory and the shared strings. Errors:
// bill.not_xlsx, bill.old_xls, bill.too_large.
func openWorkbook(r io.ReaderAt, size int64) (*workbook, error) {
	if size > maxWorkbook {
		return nil, errHugeBook
	}
	magic := make([]byte, 4)
	if n, _ := r.ReadAt(magic, 0); n == 4 && string(magic) == "\xD0\xCF\x11\xE0" {
		return nil, errOldWorkbook
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, errNotWorkbook.Because(err)
	}
	if len(z.File) > maxEntries {
		return nil, errHugeBook
	}
	w := &workbook{parts: map[string]*zip.File{}}
	for _, f := range z.File {
		w.parts[strings.TrimPrefix(f.Name, "/")] = f
	}
	if err := w.directory(); err != nil {
		return nil, err
	}
	return w, w.sharedStrings()
}

// capped refuses to unpack more than it may.
type capped struct {
	r    io.Reader
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errHugeBook
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.r.Read(p)
	c.left -= int64(n)
	return n, err
}

// tokens walks through one part of the workbook; a part that is not there is
// empty. Names lose their prefixes.
func (w *workbook) tokens(name string, limit int64, visit func(xml.Token) error) error {
	f := w.parts[name]
	if f == nil {
		return nil
	}
	r, err := f.Open()
	if err != nil {
		return errNotWorkbook.Because(err)
	}
	defer func() { _ = r.Close() }()
	d := xml.NewDecoder(bufio.NewReaderSize(&capped{r, limit}, 64<<10))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errNotWorkbook }
	for n := 0; ; n++ {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if n > limits.tokens {
			return errHugeBook
		}
		if err != nil {
			if errors.Is(err, errHugeBook) {
				return errHugeBook
			}
			return errNotWorkbook.Because(err)
		}
		if err := visit(t); err != nil {
			return err
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// directory finds the sheets in their order.
func (w *workbook) directory() error {
	if w.parts["xl/workbook.xml"] == nil {
		return errNotWorkbook
	}
	targets := map[string]string{}
	err := w.tokens("xl/_rels/workbook.xml.rels", maxStrings, func(t xml.Token) error {
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "Relationship" {
			target := attribute(e, "Target")
			if strings.HasPrefix(target, "/") {
				target = strings.TrimPrefix(target, "/")
			} else {
				target = path.Join("xl", target)
			}
			targets[attribute(e, "Id")] = target
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.tokens("xl/workbook.xml", maxStrings, func(t xml.Token) error {
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "sheet" && attribute(e, "state") == "" {
			for _, a := range e.Attr { // r:id; plain "id" is another thing
				if a.Name.Local == "id" && a.Name.Space != "" {
					w.sheets = append(w.sheets, sheet{attribute(e, "name"), targets[a.Value]})
				}
			}
		}
		return nil
	})
}

func (w *workbook) sharedStrings() error {
	var text strings.Builder
	in, phonetic := false, false
	return w.tokens("xl/sharedStrings.xml", maxStrings, func(t xml.Token) error {
		switch e := t.(type) {
		case xml.StartElement:
			in = in || e.Name.Local == "t"
			phonetic = phonetic || e.Name.Local == "rPh"
		case xml.EndElement:
			switch e.Name.Local {
			case "t":
				in = false
			case "rPh":
				phonetic = false
			case "si":
				if len(w.shared) >= maxShared {
					return errHugeBook
				}
				w.shared = append(w.shared, text.String())
				text.Reset()
			}
		case xml.CharData:
			if in && !phonetic && text.Len() < maxCell {
				text.Write(e)
			}
		}
		return nil
	})
}

// sheetReader puts the tokens of a sheet together to rows.
type sheetReader struct {
	book     *workbook
	visit    func(row) error
	row      row
	column   int
	kind     string
	cell     cell
	text     strings.Builder
	in       bool
	inCell   bool
	phonetic bool
}

// rows calls visit with each row that has cells, in the order of the sheet. It
// stops quietly when visit answers errEnough.
func (w *workbook) rows(s sheet, visit func(row) error) error {
	r := &sheetReader{book: w, visit: visit}
	err := w.tokens(s.path, limits.part, r.token)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (r *sheetReader) token(t xml.Token) error {
	switch e := t.(type) {
	case xml.StartElement:
		return r.start(e)
	case xml.EndElement:
		return r.end(e.Name.Local)
	case xml.CharData:
		if r.in && !r.phonetic && r.text.Len() < maxCell {
			r.text.Write(e)
		}
	}
	return nil
}

func (r *sheetReader) start(e xml.StartElement) error {
	switch e.Name.Local {
	case "row":
		no, err := strconv.Atoi(attribute(e, "r"))
		if err != nil || no <= r.row.no {
			no = r.row.no + 1
		}
		r.row, r.column = row{no: no, cells: map[int]cell{}}, -1
	case "c":
		r.inCell, r.cell, r.kind = true, cell{}, attribute(e, "t")
		r.text.Reset()
		r.column++
		if at, ok := columnOf(attribute(e, "r")); ok {
			r.column = at
		}
	case "f":
		r.cell.formula = r.inCell
	case "rPh":
		r.phonetic = true
	case "v", "t":
		r.in = r.inCell
	}
	return nil
}

func (r *sheetReader) end(name string) error {
	switch name {
	case "v", "t":
		r.in = false
	case "rPh":
		r.phonetic = false
	case "c":
		r.inCell = false
		return r.endCell()
	case "row":
		if len(r.row.cells) > 0 {
			return r.visit(r.row)
		}
	}
	return nil
}

func (r *sheetReader) endCell() error {
	if r.column >= maxColumn || r.row.cells == nil {
		return nil
	}
	c, text := r.cell, r.text.String()
	switch r.kind {
	case "s":
		i, err := strconv.Atoi(text)
		if err != nil || i < 0 || i >= len(r.book.shared) {
			return errNotWorkbook.Because(fmt.Errorf("shared string %q", text))
		}
		text = r.book.shared[i]
	case "e":
		c.fault = true
	case "", "n":
		c.number = text != ""
	}
	c.text = text
	if text != "" || c.formula {
		r.row.cells[r.column] = c
	}
	return nil
}

// columnOf reads the column of a reference like "AB12".
func columnOf(reference string) (int, bool) {
	at := 0
	for i, c := range reference {
		if c < 'A' || c > 'Z' {
			return at - 1, i > 0
		}
		if at = at*26 + int(c-'A') + 1; at > 20000 {
			return 0, false
		}
	}
	return at - 1, at > 0
}

// columnName is the letters of a column: 0 is A.
func columnName(i int) string {
	name := ""
	for i++; i > 0; i = (i - 1) / 26 {
		name = string(rune('A'+(i-1)%26)) + name
	}
	return name
}
