package tenderform

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"jianbiao/internal/apperr"
	"jianbiao/internal/money"
)

// Imported is what a workbook gave: the prices in the order of the document's
// items, and what is wrong, line by line.
type Imported struct {
	Sheet    string        `json:"sheet"`
	Lines    []BillLine    `json:"lines"`
	Total    string        `json:"total"` // sum of the amounts, 元
	Problems []LineProblem `json:"problems"`
	More     int           `json:"more"` // problems beyond those listed
}

// LineProblem is one thing wrong in a workbook. Line is the number that Excel
// shows, 0 for the sheet as a whole; Column is its letters, "" for the line.
type LineProblem struct {
	Line    int    `json:"line"`
	Column  string `json:"column"`
	Title   string `json:"title"` // of the column
	Message string `json:"message"`
	Block   bool   `json:"block"`
}

// OK says whether the prices may be used.
func (i Imported) OK() bool {
	for _, p := range i.Problems {
		if p.Block {
			return false
		}
	}
	return i.More == 0
}

// the columns of a bill and the words that their headings contain
const (
	colCode = iota
	colName
	colUnit
	colQuantity
	colPrice
	colAmount
	columns
)

var headings = [columns][]string{
	{"项目编码", "清单编码", "编码", "项目编号"}, {"项目名称", "名称"}, {"计量单位", "单位"}, {"工程量", "工程数量", "数量"},
	{"综合单价", "单价"}, {"合价", "金额", "合计"},
}

var headingNames = [columns]string{"项目编码", "项目名称", "计量单位", "工程量", "单价", "合价"}

const (
	maxHeadingRow   = 30
	maxLineProblems = 500
)

// importing is one reading of a sheet.
type importing struct {
	bill     Bill
	items    map[string]int
	noZeros  map[string]int // items by code without leading zeros; -1 where two share it
	at       [columns]int   // -1: no such column
	found    bool           // the heading's row has been seen
	last     int            // its number
	lines    map[int]BillLine
	where    map[int]int // item -> line
	rows     int
	problems []LineProblem
	more     int
}

// ReadBill reads the prices of a bill from an .xlsx workbook: from its first
// sheet that has the bill's headings. What is wrong in its lines is in the
// answer; an error says that there is no such sheet. Errors: bill.not_xlsx,
// bill.old_xls, bill.too_large, bill.no_heading.
func ReadBill(bill Bill, r io.ReaderAt, size int64) (Imported, error) {
	book, err := openWorkbook(r, size)
	if err != nil {
		return Imported{}, err
	}
	headed := 0
	for _, s := range book.sheets {
		in := newImporting(bill)
		if err := book.rows(s, in.row); err != nil {
			return Imported{}, err
		}
		if in.found && in.at[colPrice] >= 0 {
			return in.finish(s.name), nil
		}
		if in.found {
			headed = in.last
		}
	}
	if headed > 0 {
		return Imported{}, apperr.New(apperr.Invalid, "bill.no_heading",
			"第 %d 行的表头里没有“单价”一列：表头有合并单元格的，请取消合并，让每一列各有自己的标题。", headed)
	}
	return Imported{}, apperr.New(apperr.Invalid, "bill.no_heading", "没有找到清单：前 %d 行里应有“项目编码”“单价”等列标题。请用平台导出的清单模板填写。", maxHeadingRow)
}

func newImporting(bill Bill) *importing {
	in := &importing{bill: bill, items: itemsByCode(bill), noZeros: map[string]int{}, lines: map[int]BillLine{}, where: map[int]int{}}
	for code, i := range in.items {
		short := strings.TrimLeft(code, "0")
		if _, again := in.noZeros[short]; again {
			i = -1
		}
		in.noZeros[short] = i
	}
	for i := range in.at {
		in.at[i] = -1
	}
	return in
}

func (in *importing) row(r row) error {
	switch {
	case !in.found && r.no > maxHeadingRow:
		return errEnough
	case !in.found:
		in.heading(r)
		return nil
	case r.no == in.last+1 && in.secondHeading(r):
		return nil
	}
	if in.rows++; in.rows > limits.rows {
		return errHugeBook
	}
	in.line(r)
	return nil
}

// heading looks for the row with the titles; they may stand in two rows
// (综合单价 and 合价 below 金额).
func (in *importing) heading(r row) {
	at := titles(r)
	if at[colCode] >= 0 && (at[colName] >= 0 || at[colPrice] >= 0) {
		in.at, in.found, in.last = at, true, r.no
	}
}

func (in *importing) secondHeading(r row) bool {
	if in.at[colCode] >= 0 && r.text(in.at[colCode]) != "" {
		return false
	}
	below := titles(r)
	if below[colPrice] < 0 {
		return false
	}
	for _, c := range []int{colPrice, colAmount} {
		if below[c] >= 0 {
			in.at[c] = below[c]
		}
	}
	return true
}

// titles finds the columns by their headings: the first word that fits best wins.
func titles(r row) (at [columns]int) {
	for c := range at {
		at[c] = -1
		for _, word := range headings[c] {
			for column := range maxColumn {
				title := strings.NewReplacer(" ", "", "\n", "", "　", "").Replace(r.text(column))
				if at[c] < 0 && strings.HasPrefix(title, word) {
					at[c] = column
				}
			}
		}
	}
	return at
}

func (in *importing) say(line, column int, block bool, format string, args ...any) {
	if len(in.problems) >= maxLineProblems {
		in.more++
		return
	}
	p := LineProblem{Line: line, Message: fmt.Sprintf(format, args...), Block: block}
	if column >= 0 {
		p.Title = headingNames[column]
		if in.at[column] >= 0 {
			p.Column = columnName(in.at[column])
		}
	}
	in.problems = append(in.problems, p)
}

// get is the cell of a column.
func (in *importing) get(r row, column int) cell {
	if in.at[column] < 0 {
		return cell{}
	}
	return r.cells[in.at[column]]
}

func (in *importing) line(r row) {
	code, price := in.get(r, colCode), in.get(r, colPrice)
	text := strings.TrimSpace(code.text)
	if text == "" {
		quantity := in.get(r, colQuantity)
		if !total(r) && (!price.blank() || !quantity.blank()) {
			in.say(r.no, colCode, true, "缺少项目编码：有合并单元格的，请取消合并后逐行填写。")
		}
		return
	}
	if total(r) {
		return
	}
	item, ok := in.item(code)
	if !ok && price.blank() && in.get(r, colQuantity).blank() {
		return // the title of a part (一、土方工程)
	}
	if !ok {
		in.say(r.no, colCode, true, "项目编码“%s”不在招标文件的清单里：请删去这一行。", text)
		return
	}
	if first, again := in.where[item]; again {
		in.say(r.no, colCode, true, "项目编码“%s”与第 %d 行重复。", text, first)
		return
	}
	in.where[item] = r.no
	in.compare(r, in.bill.Items[item])
	in.price(r, item, price)
}

// total recognises the rows that add up (合计, 小计, 本页小计 …).
func total(r row) bool {
	for column := range 4 {
		t := strings.NewReplacer(" ", "", "　", "").Replace(r.text(column))
		if strings.HasPrefix(t, "合计") || strings.HasPrefix(t, "小计") || strings.HasPrefix(t, "总计") || strings.HasPrefix(t, "本页小计") {
			return true
		}
	}
	return false
}

// item finds the document's item; Excel may have taken a code for a number and
// dropped its leading zeros.
func (in *importing) item(code cell) (int, bool) {
	text := strings.TrimSpace(code.text)
	if i, ok := in.items[text]; ok {
		return i, true
	}
	if !code.number {
		return 0, false
	}
	n, ok := number(code)
	if !ok || !n.IsInteger() {
		return 0, false
	}
	i, ok := in.noZeros[n.String()]
	return i, ok && i >= 0
}

// compare says where a line differs from the document's item.
func (in *importing) compare(r row, item BillItem) {
	if c := in.get(r, colName); !c.blank() && squeeze(c.text) != squeeze(item.Name) {
		in.say(r.no, colName, false, "项目名称“%s”与招标文件的“%s”不同：以招标文件为准。", clip(c.text), item.Name)
	}
	if c := in.get(r, colUnit); !c.blank() && squeeze(c.text) != squeeze(item.Unit) {
		in.say(r.no, colUnit, true, "计量单位“%s”与招标文件的“%s”不同：不能改动。", clip(c.text), item.Unit)
	}
	c := in.get(r, colQuantity)
	if c.blank() {
		return
	}
	want, _ := quantity(item.Quantity)
	switch got, ok := number(c); {
	case !ok:
		in.say(r.no, colQuantity, true, "工程量“%s”不是数：招标文件为 %s。", clip(c.text), item.Quantity)
	case !got.Equal(want):
		in.say(r.no, colQuantity, true, "工程量 %s 与招标文件的 %s 不同：不能改动。", clip(c.text), item.Quantity)
	}
}

func (in *importing) price(r row, item int, c cell) {
	x := in.bill.Items[item]
	switch {
	case c.fault:
		in.say(r.no, colPrice, true, "公式出错（%s）：请改正后保存，再导入。", clip(c.text))
		return
	case c.formula && c.text == "":
		in.say(r.no, colPrice, true, "公式还没有计算结果：请在 Excel 中打开并保存一次，再导入。")
		return
	case c.blank():
		in.say(r.no, colPrice, true, "没有填写“%s”的单价；已含在其他项目中的，请填 0。", x.Name)
		return
	}
	unit, ok := number(c)
	if !ok {
		in.say(r.no, colPrice, true, "单价“%s”不是数。", clip(c.text))
		return
	}
	price, err := money.Parse(unit.String())
	if err != nil {
		in.say(r.no, colPrice, true, "单价 %s：%s", clip(unit.String()), badPrice(unit, err))
		return
	}
	amount := Amount(x.Quantity, price)
	in.lines[item] = BillLine{Code: x.Code, UnitPrice: price.StringFixed(2), Amount: amount.StringFixed(2)}
	if c := in.get(r, colAmount); !c.blank() && c.text != "" {
		if got, ok := number(c); !ok || !got.Round(2).Equal(amount) {
			in.say(r.no, colAmount, false, "合价“%s”与工程量 × 单价不符：按 %s 元计。", clip(c.text), money.Format(amount))
		}
	}
}

func badPrice(d decimal.Decimal, err error) string {
	switch {
	case d.IsNegative():
		return "不能为负数。"
	case apperr.CodeOf(err) == "money.fraction":
		return "最多两位小数，请四舍五入到分。"
	}
	return "数额太大。"
}

func (in *importing) finish(sheet string) Imported {
	out := Imported{Sheet: sheet, Lines: []BillLine{}}
	for i, x := range in.bill.Items {
		if l, ok := in.lines[i]; ok {
			out.Lines = append(out.Lines, l)
		} else if in.where[i] == 0 {
			in.say(0, -1, true, "缺少项目“%s %s”：请补上这一行。", x.Code, x.Name)
		}
	}
	out.Total = Sum(out.Lines).StringFixed(2)
	out.Problems, out.More = in.problems, in.more
	if out.Problems == nil {
		out.Problems = []LineProblem{}
	}
	return out
}

// number reads a cell as a number. Numbers are stored in binary: fifteen digits,
// those that Excel shows, are what was meant.
func number(c cell) (decimal.Decimal, bool) {
	if c.fault {
		return decimal.Zero, false
	}
	if !c.number {
		d, err := money.Parse(c.text)
		if err == nil || apperr.CodeOf(err) == "money.fraction" {
			return d, true
		}
		return decimal.Zero, false
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(c.text), 64)
	if err != nil || f > 1e18 || f < -1e18 || f != f {
		return decimal.Zero, false
	}
	d, err := decimal.NewFromString(strconv.FormatFloat(f, 'g', 15, 64))
	return d, err == nil
}

func squeeze(s string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("³", "3", "²", "2", "㎡", "m2", "　", " ").Replace(s)), "")
}

// clip keeps messages short.
func clip(s string) string {
	if r := []rune(strings.TrimSpace(s)); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return strings.TrimSpace(s)
}
