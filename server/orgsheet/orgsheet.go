// Package orgsheet reads lists of organisations (单位名录) as administrators have
// them: CSV from whatever program, and Excel workbooks. It knows columns and
// characters, and nothing of what makes a row right.
package orgsheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"jianbiao/internal/apperr"
	"jianbiao/internal/identity"
)

// MaxRows is the most rows of one list; MaxBytes the largest file.
const (
	MaxRows  = 50_000
	MaxBytes = 16 << 20
	maxCell  = 1000      // bytes of a cell that are kept
	maxBook  = 256 << 20 // unpacked
	maxEmpty = 1000      // empty rows in a row that end a list
)

// columns are the headings by which columns are found, in any order.
var columns = [3][]string{
	{"统一社会信用代码", "社会信用代码", "信用代码"},
	{"单位名称", "企业名称", "机构名称", "名称"},
	{"行政区划代码", "行政区划", "区划代码", "所在地区"},
}

// Headings are the columns of the template.
var Headings = [3]string{columns[0][0], columns[1][0], columns[2][0]}

var (
	errNoHeadings = apperr.New(apperr.Invalid, "import.columns", "第一行没有找到表头：应有“统一社会信用代码”“单位名称”“行政区划代码”三列。")
	errTooMany    = apperr.New(apperr.TooLarge, "import.too_many", "名录超过 %d 行，请分成几份导入。", MaxRows)
	errFile       = apperr.New(apperr.Invalid, "import.unreadable", "文件读不出来：请使用 CSV 或者 Excel 工作簿（.xlsx），不要设密码。")
	errOld        = apperr.New(apperr.Invalid, "import.old_xls", "这是旧格式（.xls）或者设了密码的工作簿：请另存为 .xlsx 后再导入。")
	errEmpty      = apperr.New(apperr.Invalid, "import.empty", "文件里没有一行单位。")
)

// Read reads a list. Errors: import.columns, import.too_many,
// import.unreadable, import.old_xls, import.empty.
func Read(data []byte) ([]identity.ImportRow, error) {
	r := &reader{}
	var err error
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		err = r.workbook(data)
	case bytes.HasPrefix(data, []byte("\xD0\xCF\x11\xE0")):
		err = errOld
	default:
		err = r.text(data)
	}
	if err == nil && len(r.rows) == 0 {
		err = errEmpty
	}
	return r.rows, err
}

// reader finds the columns in the first row that has something and takes the
// rows after it.
type reader struct {
	found bool
	at    [3]int
	empty int
	rows  []identity.ImportRow
}

// row takes one row; more is false when the list has ended.
func (r *reader) row(line int, cells []string) (more bool, err error) {
	if strings.TrimSpace(strings.Join(cells, "")) == "" {
		r.empty++
		return r.empty < maxEmpty, nil
	}
	r.empty = 0
	if !r.found {
		return true, r.headings(cells)
	}
	if len(r.rows) == MaxRows {
		return false, errTooMany
	}
	var v [3]string
	for i, at := range r.at {
		if at < len(cells) {
			v[i] = clean(cells[at])
		}
	}
	r.rows = append(r.rows, identity.ImportRow{Line: line, USCC: strings.ToUpper(v[0]), Name: v[1], Region: v[2]})
	return true, nil
}

func (r *reader) headings(cells []string) error {
	for i, names := range columns {
		r.at[i] = -1
		for j, c := range cells {
			for _, name := range names {
				if r.at[i] < 0 && strings.TrimSuffix(clean(c), "*") == name {
					r.at[i] = j
				}
			}
		}
		if r.at[i] < 0 {
			return errNoHeadings
		}
	}
	r.found = true
	return nil
}

// clean takes away what Excel and people put around a value.
func clean(s string) string {
	if len(s) > maxCell {
		s = strings.ToValidUTF8(s[:maxCell], "")
	}
	return strings.TrimSpace(strings.NewReplacer("\u00a0", " ", "\u3000", " ", "\ufeff", "", "\u200b", "", "\t", " ").Replace(s))
}

func (r *reader) text(data []byte) error {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) { // Excel for Windows writes the system's character set
		decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
		if err != nil {
			return errFile.Because(err)
		}
		data = decoded
	}
	if bytes.IndexByte(data, 0) >= 0 || bytes.ContainsRune(data, utf8.RuneError) {
		return errFile
	}
	in := csv.NewReader(bytes.NewReader(data))
	in.FieldsPerRecord, in.LazyQuotes, in.ReuseRecord = -1, true, true
	if first, _, _ := bytes.Cut(data, []byte("\n")); bytes.Count(first, []byte("\t")) > bytes.Count(first, []byte(",")) {
		in.Comma = '\t'
	}
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errFile.Because(err)
		}
		line, _ := in.FieldPos(0)
		if more, err := r.row(line, cells); err != nil || !more {
			return err
		}
	}
}

func (r *reader) workbook(data []byte) (err error) {
	defer func() { // the library was written for files that are what they say
		if p := recover(); p != nil {
			err = errFile.Because(fmt.Errorf("panic in the workbook: %v", p))
		}
	}()
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{UnzipSizeLimit: maxBook, UnzipXMLSizeLimit: 16 << 20, RawCellValue: true})
	if err != nil {
		return errFile.Because(err)
	}
	defer func() { _ = f.Close() }()
	sheets := f.GetSheetList()
	if len(sheets) == 0 {
		return errFile
	}
	rows, err := f.Rows(sheets[0])
	if err != nil {
		return errFile.Because(err)
	}
	defer func() { _ = rows.Close() }()
	for line := 1; rows.Next(); line++ {
		cells, err := rows.Columns()
		if err != nil {
			return errFile.Because(err)
		}
		if more, err := r.row(line, cells); err != nil || !more {
			return err
		}
	}
	if err := rows.Error(); err != nil {
		return errFile.Because(err)
	}
	return nil
}

// example is the row that templates begin with.
var example = [3]string{"91350100M000100Y43", "某某建设有限公司（示例，请删去本行）", "321300"}

// CSVTemplate is an empty list as CSV that Excel opens with the right
// characters.
func CSVTemplate() []byte {
	return []byte("\ufeff" + strings.Join(Headings[:], ",") + "\r\n" + strings.Join(example[:], ",") + "\r\n")
}

// WorkbookTemplate is an empty list as a workbook, its columns set to text so
// that Excel leaves the codes alone.
func WorkbookTemplate() ([]byte, error) {
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	const sheet = "Sheet1"
	style, err := f.NewStyle(&excelize.Style{NumFmt: 49})
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	err = errors.Join(f.SetColStyle(sheet, "A:C", style), f.SetColWidth(sheet, "A", "C", 28),
		f.SetSheetRow(sheet, "A1", &[]any{Headings[0], Headings[1], Headings[2]}),
		f.SetSheetRow(sheet, "A2", &[]any{example[0], example[1], example[2]}))
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	return out.Bytes(), nil
}
