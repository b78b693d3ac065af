package tenderform_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"jianbiao/bidding/tenderform"
	"jianbiao/internal/apperr"
)

var roadBill = tenderform.Bill{Section: "price", Items: []tenderform.BillItem{
	{Code: "040101001", Name: "挖土方", Feature: "三类土，深 2m 以内 <含运输>", Unit: "m3", Quantity: "1000.5"},
	{Code: "040203007", Name: "水泥混凝土路面", Unit: "m2", Quantity: "3"},
	{Code: "B001", Name: "临时便道", Unit: "项", Quantity: "1"},
}}

// book makes a workbook with the program that offices use libraries like.
func book(t *testing.T, fill func(f *excelize.File, sheet string)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	fill(f, "Sheet1")
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func rows(t *testing.T, f *excelize.File, sheet string, from int, rows ...[]any) {
	t.Helper()
	for i, r := range rows {
		if err := f.SetSheetRow(sheet, fmt.Sprintf("A%d", from+i), &r); err != nil {
			t.Fatal(err)
		}
	}
}

func read(b []byte) (tenderform.Imported, error) {
	return tenderform.ReadBill(roadBill, bytes.NewReader(b), int64(len(b)))
}

var heading = []any{"项目编码", "项目名称", "项目特征", "计量单位", "工程量", "综合单价（元）", "合价（元）"}

func TestReadBill(t *testing.T) {
	t.Parallel()
	got, err := read(book(t, func(f *excelize.File, s string) {
		rows(t, f, s, 1, []any{"分部分项工程量清单计价表"}, heading, []any{"一", "土方工程"},
			[]any{40101001, "挖土方", "", "m³", 1000.5, 12.34, 12346.17}, []any{"040203007", "水泥混凝土路面", "", "m2", "3", "1,001.33"},
			[]any{"B001", "临时便道", "", "项", 1, 0}, []any{"合计", nil, nil, nil, nil, nil, 15350.16})
	}))
	want := []tenderform.BillLine{{Code: "040101001", UnitPrice: "12.34", Amount: "12346.17"}, {Code: "040203007", UnitPrice: "1001.33", Amount: "3003.99"}, {Code: "B001", UnitPrice: "0.00", Amount: "0.00"}}
	if err != nil || !got.OK() || len(got.Problems) > 0 || !slices.Equal(got.Lines, want) || got.Total != "15350.16" || got.Sheet != "Sheet1" {
		t.Errorf("%+v, %v", got, err)
	}
}

// The form of 建设工程工程量清单计价规范: two rows of headings, 金额 over both.
func TestReadBillHeadingInTwoRows(t *testing.T) {
	t.Parallel()
	got, err := read(book(t, func(f *excelize.File, s string) {
		rows(t, f, s, 3, []any{"序号", "项目编码", "项目名称", "项目特征描述", "计量单位", "工程量", "金额（元）"}, []any{nil, nil, nil, nil, nil, nil, "综合单价", "合价", "其中：暂估价"},
			[]any{1, "040101001", "挖土方", "", "m3", 1000.5, 1}, []any{2, "040203007", "水泥混凝土路面", "", "m2", 3, 2}, []any{3, "B001", "临时便道", "", "项", 1, 3})
		if err := f.MergeCell(s, "G3", "I3"); err != nil {
			t.Fatal(err)
		}
	}))
	if err != nil || !got.OK() || got.Total != "1009.50" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestReadBillLineByLine breaks a good sheet in one place at a time.
func TestReadBillLineByLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		break_ func(f *excelize.File, s string)
		line   int
		column string
		words  string
		block  bool
	}{
		"no code":          {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "A3", nil) }, 3, "A", "缺少项目编码", true},
		"unknown code":     {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "A3", "999") }, 3, "A", "不在招标文件的清单里", true},
		"twice":            {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "A3", "040101001") }, 3, "A", "与第 2 行重复", true},
		"quantity changed": {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "E2", 1000.4) }, 2, "E", "1000.4 与招标文件的 1000.5 不同", true},
		"quantity a word":  {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "E2", "若干") }, 2, "E", "不是数", true},
		"unit changed":     {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "D2", "100m3") }, 2, "D", "不能改动", true},
		"name changed":     {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "B2", "挖石方") }, 2, "B", "以招标文件为准", false},
		"no price":         {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "F4", nil) }, 4, "F", "没有填写“临时便道”的单价", true},
		"price a word":     {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "F4", "面议") }, 4, "F", "“面议”不是数", true},
		"price negative":   {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "F4", -3) }, 4, "F", "不能为负数", true},
		"price in mills":   {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "F4", 3.005) }, 4, "F", "两位小数", true},
		"price too large":  {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "F4", 1e17) }, 4, "F", "数额太大", true},
		"amount differs":   {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "G4", 31) }, 4, "G", "按 3.00 元计", false},
		"an extra line":    {func(f *excelize.File, s string) { rows(t, f, s, 5, []any{"X1", "暗补", "", "项", 1, 5}) }, 5, "A", "请删去这一行", true},
		"formula never run": {func(f *excelize.File, s string) {
			_ = f.SetCellFormula(s, "F4", "1+2")
			_ = f.SetCellValue(s, "F4", nil)
			_ = f.SetCellFormula(s, "F4", "1+2")
		}, 4, "F", "还没有计算结果", true},
		"a line is missing":  {func(f *excelize.File, s string) { _ = f.RemoveRow(s, 3) }, 0, "", "缺少项目“040203007 水泥混凝土路面”", true},
		"binary noise is ok": {func(f *excelize.File, s string) { _ = f.SetCellValue(s, "F4", 0.1+0.2) }, -1, "", "", false},
	} {
		got, err := read(book(t, func(f *excelize.File, s string) {
			rows(t, f, s, 1, heading, []any{"040101001", "挖土方", "", "m3", 1000.5, 1}, []any{"040203007", "水泥混凝土路面", "", "m2", 3, 2}, []any{"B001", "临时便道", "", "项", 1, 3})
			c.break_(f, s)
		}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.line < 0 {
			if len(got.Problems) > 0 || got.Lines[2].UnitPrice != "0.30" {
				t.Errorf("%s: %+v", name, got)
			}
			continue
		}
		found := slices.ContainsFunc(got.Problems, func(p tenderform.LineProblem) bool {
			return p.Line == c.line && p.Column == c.column && p.Block == c.block && strings.Contains(p.Message, c.words)
		})
		if !found || got.OK() == c.block {
			t.Errorf("%s: %+v", name, got.Problems)
		}
	}
}

// raw makes a workbook of which nobody would approve.
func raw(t *testing.T, parts map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, text := range parts {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(f, text)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func bookOf(sheet string) map[string]string {
	return map[string]string{
		"xl/workbook.xml":            `<workbook xmlns:r="r"><sheets><sheet name="清单" r:id="a"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="a" Target="/xl/worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml":   sheet,
	}
}

const head = `<worksheet><sheetData><row r="1"><c t="inlineStr"><is><t>项目编码</t></is></c><c t="inlineStr"><is><t>单价</t></is></c></row>`

// Not parallel: it makes the limits smaller while it runs.
func TestReadBillRefusals(t *testing.T) {
	defer tenderform.Shrink()()
	var many strings.Builder
	many.WriteString(head)
	for range 102 {
		many.WriteString(`<row><c><v>1</v></c></row>`)
	}
	for name, c := range map[string]struct {
		file []byte
		code string
	}{
		"a PDF":           {[]byte("%PDF-1.4"), "bill.not_xlsx"},
		"empty":           {nil, "bill.not_xlsx"},
		"old or locked":   {[]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), "bill.old_xls"},
		"some archive":    {raw(t, map[string]string{"a.txt": "x"}), "bill.not_xlsx"},
		"broken XML":      {raw(t, bookOf(`<worksheet><row`)), "bill.not_xlsx"},
		"a lost string":   {raw(t, bookOf(`<row><c t="s"><v>7</v></c></row>`)), "bill.not_xlsx"},
		"no heading":      {raw(t, bookOf(`<worksheet/>`)), "bill.no_heading"},
		"too many rows":   {raw(t, bookOf(many.String())), "bill.too_large"},
		"a bomb of tags":  {raw(t, bookOf(strings.Repeat("<a/>", 6000))), "bill.too_large"},
		"a bomb of text":  {raw(t, bookOf(strings.Repeat(" ", 170_000))), "bill.too_large"},
		"prices unheaded": {raw(t, bookOf(`<row><c t="str"><v>项目编码</v></c><c t="str"><v>项目名称</v></c></row>`)), "bill.no_heading"},
	} {
		if _, err := read(c.file); apperr.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestTemplateIsReadByOthersAndByOurselves(t *testing.T) {
	t.Parallel()
	var out, again bytes.Buffer
	lines := []tenderform.BillLine{{Code: "B001", UnitPrice: "3.50"}}
	for _, w := range []io.Writer{&out, &again} {
		if err := tenderform.WriteBill(w, roadBill, lines); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Error("two templates of one bill differ")
	}
	f, err := excelize.OpenReader(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	sheet := f.GetSheetName(0)
	feature, _ := f.GetCellValue(sheet, "C2")
	formula, _ := f.GetCellFormula(sheet, "G2")
	if feature != roadBill.Items[0].Feature || formula != "ROUND(E2*F2,2)" {
		t.Errorf("feature %q, formula %q", feature, formula)
	}
	got, err := read(out.Bytes())
	if err != nil || got.OK() || len(got.Problems) != 2 || len(got.Lines) != 1 || got.Lines[0].Amount != "3.50" {
		t.Errorf("read back: %+v, %v", got, err)
	}
	_ = f.SetCellValue(sheet, "F2", 2)
	_ = f.SetCellValue(sheet, "F3", 3)
	filled, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	if got, err = read(filled.Bytes()); err != nil || !got.OK() || got.Total != "2013.50" {
		t.Errorf("filled: %+v, %v", got, err)
	}
}

func TestReadBillOfTenThousandLines(t *testing.T) {
	t.Parallel()
	var big tenderform.Bill
	var lines []tenderform.BillLine
	for i := range 10_000 {
		big.Items = append(big.Items, tenderform.BillItem{Code: fmt.Sprintf("04%07d", i), Name: "项目", Unit: "m", Quantity: "2.5"})
		lines = append(lines, tenderform.BillLine{Code: fmt.Sprintf("04%07d", i), UnitPrice: "1.01"})
	}
	var out bytes.Buffer
	if err := tenderform.WriteBill(&out, big, lines); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	got, err := tenderform.ReadBill(big, bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil || !got.OK() || got.Total != "25300.00" { // 2.525 is 2.53
		t.Errorf("%d lines, total %s, %v", len(got.Lines), got.Total, err)
	}
	t.Logf("%d KB, %v", out.Len()>>10, time.Since(start).Round(time.Millisecond))
}

func FuzzReadBill(f *testing.F) {
	var out bytes.Buffer
	if err := tenderform.WriteBill(&out, roadBill, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte("\xD0\xCF\x11\xE0"))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := read(b)
		if err != nil && !strings.HasPrefix(apperr.CodeOf(err), "bill.") {
			t.Errorf("%v", err)
		}
		if err == nil && got.OK() && len(got.Lines) != len(roadBill.Items) {
			t.Errorf("accepted with %d lines", len(got.Lines))
		}
	})
}

// FuzzReadSheet changes the sheet within a sound archive.
func FuzzReadSheet(f *testing.F) {
	f.Add(head + `<row r="2"><c t="str"><v>B001</v></c><c><f>1</f><v>3.5</v></c></row></sheetData></worksheet>`)
	f.Add(head + `<row r="9999999999"><c r="ZZZZZZ1" t="e"><v>#REF!</v></c><c r="B1"><v>1e999</v></c></row>`)
	f.Add(head + `<row><c><v>40101001</v></c><c><v>-1E17</v></c></row><row><c t="s"><v>-1</v></c></row>`)
	f.Fuzz(func(t *testing.T, sheet string) {
		if _, err := read(raw(t, bookOf(sheet))); err != nil && !strings.HasPrefix(apperr.CodeOf(err), "bill.") {
			t.Errorf("%v", err)
		}
	})
}
