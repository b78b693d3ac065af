package tenderform

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// The parts of a workbook that are always the same.
const (
	xmlHead      = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	mainSpace    = `http://schemas.openxmlformats.org/spreadsheetml/2006/main`
	relSpace     = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	packageSpace = `http://schemas.openxmlformats.org/package/2006/`
	officeType   = `application/vnd.openxmlformats-officedocument.spreadsheetml.`

	contentTypes = xmlHead + `<Types xmlns="` + packageSpace + `content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="` + officeType + `sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="` + officeType + `styles+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="` + officeType + `worksheet+xml"/></Types>`
	rootRels = xmlHead + `<Relationships xmlns="` + packageSpace + `relationships"><Relationship Id="rId1" Type="` + relSpace + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	bookRels = xmlHead + `<Relationships xmlns="` + packageSpace + `relationships"><Relationship Id="rId1" Type="` + relSpace + `/worksheet" Target="worksheets/sheet1.xml"/>` +
		`<Relationship Id="rId2" Type="` + relSpace + `/styles" Target="styles.xml"/></Relationships>`
	bookPart = xmlHead + `<workbook xmlns="` + mainSpace + `" xmlns:r="` + relSpace + `"><sheets><sheet name="工程量清单" sheetId="1" r:id="rId1"/></sheets><calcPr calcId="0" fullCalcOnLoad="1"/></workbook>`
	// 0 text, locked; 1 heading; 2 unit price, open to be filled; 3 amount.
	stylesPart = xmlHead + `<styleSheet xmlns="` + mainSpace + `"><fonts count="2"><font><sz val="11"/><name val="宋体"/></font><font><b/><sz val="11"/><name val="宋体"/></font></fonts>` +
		`<fills count="4"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid"><fgColor rgb="FFE8EEF6"/></patternFill></fill>` +
		`<fill><patternFill patternType="solid"><fgColor rgb="FFFFFBE6"/></patternFill></fill></fills>` +
		`<borders count="2"><border/><border><left style="thin"/><right style="thin"/><top style="thin"/><bottom style="thin"/></border></borders>` +
		`<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4"><xf numFmtId="49" borderId="1" applyNumberFormat="1" applyBorder="1" applyAlignment="1"><alignment vertical="center" wrapText="1"/></xf>` +
		`<xf fontId="1" fillId="2" borderId="1" applyFont="1" applyFill="1" applyBorder="1" applyAlignment="1"><alignment horizontal="center" vertical="center" wrapText="1"/></xf>` +
		`<xf numFmtId="2" fillId="3" borderId="1" applyNumberFormat="1" applyFill="1" applyBorder="1" applyProtection="1"><protection locked="0"/></xf>` +
		`<xf numFmtId="4" borderId="1" applyNumberFormat="1" applyBorder="1"/></cellXfs></styleSheet>`
)

// WriteBill writes the bill as an .xlsx workbook for a bidder to fill: every
// item of the document, the column of unit prices open, the rest protected
// (without a password). Prices that are given already stand in it. The same bill
// gives the same bytes.
func WriteBill(w io.Writer, bill Bill, lines []BillLine) error {
	z := zip.NewWriter(w)
	prices := map[string]string{}
	for _, l := range lines {
		if plainNumber.MatchString(l.UnitPrice) {
			prices[l.Code] = l.UnitPrice
		}
	}
	for _, part := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"[Content_Types].xml", fixed(contentTypes)}, {"_rels/.rels", fixed(rootRels)}, {"xl/workbook.xml", fixed(bookPart)},
		{"xl/_rels/workbook.xml.rels", fixed(bookRels)}, {"xl/styles.xml", fixed(stylesPart)},
		{"xl/worksheets/sheet1.xml", func(w io.Writer) error { return writeSheet(w, bill, prices) }},
	} {
		f, err := z.CreateHeader(&zip.FileHeader{Name: part.name, Method: zip.Deflate, Modified: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			return fmt.Errorf("bill template: %w", err)
		}
		if err := part.write(f); err != nil {
			return fmt.Errorf("bill template: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("bill template: %w", err)
	}
	return nil
}

func fixed(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func writeSheet(out io.Writer, bill Bill, prices map[string]string) error {
	w := bufio.NewWriterSize(out, 64<<10)
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) } // the error is kept by w
	put(`%s<worksheet xmlns="%s"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>`, xmlHead, mainSpace)
	for i, width := range []int{16, 28, 40, 10, 14, 16, 18} {
		put(`<col min="%d" max="%d" width="%d" customWidth="1"/>`, i+1, i+1, width)
	}
	put(`</cols><sheetData><row r="1">`)
	for i, title := range []string{"项目编码", "项目名称", "项目特征", "计量单位", "工程量", "综合单价（元）", "合价（元）"} {
		put(`<c r="%s1" s="1" t="inlineStr"><is><t>%s</t></is></c>`, columnName(i), title)
	}
	put(`</row>`)
	for i, x := range bill.Items {
		no := i + 2
		put(`<row r="%d">`, no)
		for c, text := range []string{x.Code, x.Name, x.Feature, x.Unit} {
			put(`<c r="%s%d" s="0" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>`, columnName(c), no, escape(text))
		}
		put(`<c r="E%d" s="3"><v>%s</v></c>`, no, escape(x.Quantity))
		if price, ok := prices[x.Code]; ok {
			put(`<c r="F%d" s="2"><v>%s</v></c>`, no, price)
		} else {
			put(`<c r="F%d" s="2"/>`, no)
		}
		put(`<c r="G%d" s="3"><f>ROUND(E%d*F%d,2)</f></c></row>`, no, no, no)
	}
	last := len(bill.Items) + 1
	put(`<row r="%d"><c r="B%d" s="1" t="inlineStr"><is><t>合计</t></is></c><c r="G%d" s="3"><f>SUM(G2:G%d)</f></c></row>`, last+1, last+1, last+1, last)
	put(`</sheetData><sheetProtection sheet="1" formatColumns="0" formatRows="0"/></worksheet>`)
	return w.Flush()
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder never fails
	return b.String()
}
