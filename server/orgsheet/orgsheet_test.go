package orgsheet_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"jianbiao/internal/apperr"
	"jianbiao/internal/identity"
	"jianbiao/server/orgsheet"
)

const table = "单位名称,统一社会信用代码,备注,行政区划代码\r\n宿迁建工有限公司,91350100m000100y43,老客户,321302\r\n\r\n\"泗洪,水利\",9144030071526726XG,,江苏省宿迁市泗洪县\r\n"

var want = []identity.ImportRow{
	{Line: 2, USCC: "91350100M000100Y43", Name: "宿迁建工有限公司", Region: "321302"},
	{Line: 4, USCC: "9144030071526726XG", Name: "泗洪,水利", Region: "江苏省宿迁市泗洪县"},
}

func gbk(t testing.TB, s string) []byte {
	t.Helper()
	b, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func book(t testing.TB, rows ...[]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	for i, r := range rows {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.SetSheetRow("Sheet1", cell, &r); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The same list in each way in which programs write it.
func TestRead_whateverWroteIt(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"UTF-8":          []byte(table),
		"UTF-8 with BOM": []byte("\ufeff" + table),
		"GBK of Excel":   gbk(t, table),
		"line feeds":     []byte(strings.ReplaceAll(table, "\r", "")),
		"tabs":           []byte(strings.NewReplacer(",", "\t", "\"泗洪,水利\"", "泗洪,水利").Replace(strings.Replace(table, "泗洪,水利", "泗洪，水利", 1))),
		"workbook": book(t, []any{"单位名称", "统一社会信用代码", "备注", "行政区划代码"}, []any{"宿迁建工有限公司", "91350100m000100y43", "老客户", 321302},
			[]any{}, []any{"泗洪,水利", "9144030071526726XG", "", "江苏省宿迁市泗洪县"}),
	} {
		rows, err := orgsheet.Read(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "tabs" {
			rows[1].Name = strings.ReplaceAll(rows[1].Name, "，", ",")
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRead_templatesAreRead(t *testing.T) {
	t.Parallel()
	x, err := orgsheet.WorkbookTemplate()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"csv": orgsheet.CSVTemplate(), "xlsx": x} {
		rows, err := orgsheet.Read(data)
		if err != nil || len(rows) != 1 || rows[0].Line != 2 || identity.CheckUSCC(rows[0].USCC) != nil {
			t.Errorf("%s: %+v %v", name, rows, err)
		}
	}
}

func TestRead_refusals(t *testing.T) {
	t.Parallel()
	var long strings.Builder
	long.WriteString("统一社会信用代码,单位名称,行政区划代码\n")
	for range orgsheet.MaxRows + 1 {
		long.WriteString("a,b,c\n")
	}
	for code, data := range map[string][]byte{
		"import.empty":      []byte("统一社会信用代码,单位名称,行政区划代码\n\n"),
		"import.columns":    []byte("代码,名字\na,b\n"),
		"import.too_many":   []byte(long.String()),
		"import.unreadable": []byte("PK\x03\x04 and nothing more"),
		"import.old_xls":    []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"),
	} {
		if _, err := orgsheet.Read(data); apperr.CodeOf(err) != code {
			t.Errorf("%s: %v", code, err)
		}
	}
	if _, err := orgsheet.Read([]byte("\x00\x01\x02\xff")); apperr.CodeOf(err) != "import.unreadable" {
		t.Errorf("binary: %v", err)
	}
}

// Whatever bytes come: rows in valid UTF-8 and in order, or a refusal with a
// code.
func FuzzRead(f *testing.F) {
	f.Add([]byte(table))
	f.Add(gbk(f, table))
	f.Add(orgsheet.CSVTemplate())
	x, err := orgsheet.WorkbookTemplate()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(x)
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := orgsheet.Read(data)
		if err != nil && apperr.CodeOf(err) == "" {
			t.Fatal(err)
		}
		line := 0
		for _, r := range rows {
			if r.Line <= line || strings.ToValidUTF8(r.USCC+r.Name+r.Region, "?") != r.USCC+r.Name+r.Region {
				t.Fatalf("%+v", r)
			}
			line = r.Line
		}
	})
}
