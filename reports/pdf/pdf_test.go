package pdf_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skip2/go-qrcode"

	"jianbiao/reports/fonts"
	"jianbiao/reports/pdf"
	"jianbiao/reports/pdftest"
)

func frame() pdf.Frame {
	return pdf.Frame{
		Kind: "开标记录表", Lot: "E3213000001 施工一标段", Number: "宿公资开〔2026〕17号", Digest: "sm3:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		VerifyURL: "https://jianbiao.example.cn/verify/r/E3213000001", Author: "宿迁市公共资源交易中心",
		Issued: time.Date(2026, 3, 25, 2, 41, 55, 0, time.UTC),
	}
}

func draw(t testing.TB, d *pdf.Doc) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const clause = "招标人（含招标代理机构）应当在“招标文件”第3.5.2项规定的时间内，于2026年3月25日9:30前，将保证金￥800,000.00元缴至《缴款通知》所列账户；" +
	"逾期未缴的，视为放弃……其后果由投标人自行承担！Contract No. GF-2017-0201, see https://example.cn/a/b?c=d&e=f 不得（不应）违反。"

// What is drawn can be read back character by character.
func TestTextIsVerbatim(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"chinese":  strings.Repeat("规定住所只限本市住房和城乡建设主管部门不得另行设置门槛要求各方当事人应当遵守公开公平公正和诚实信用原则", 9),
		"mixed":    strings.Repeat(clause, 4),
		"3000":     string([]rune(strings.Repeat(clause+"住只限规定上不下丁一丏丐", 30))[:3000]),
		"hex":      strings.Repeat("0123456789abcdef", 40),
		"money":    strings.Repeat("123,456,789.01元（壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元零壹分）；", 12),
		"escapes":  strings.Repeat(`(a)\b\\c(()) 不上下\ `, 20),
		"rare":     strings.Repeat("李喆、陈堃、刘䶮、欧阳㙘、龘鱻麤；", 12),
		"numbered": strings.Repeat("连云港𠮷祥市政，𬱖文博。", 12),
	} {
		d := pdf.New(frame())
		d.Paragraph(text)
		path := pdftest.File(t, draw(t, d))
		if got, want := pdftest.Body(t, path), pdftest.Squeeze(pdf.Gate(text)); got != want {
			t.Errorf("%s: %s", name, firstDifference(got, want))
		}
		pdftest.Check(t, path)
	}
}

func firstDifference(got, want string) string {
	a, b := []rune(got), []rune(want)
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("at %d: got %q, want %q", i, string(a[i:min(i+20, len(a))]), string(b[i:min(i+20, len(b))]))
		}
	}
	return fmt.Sprintf("got %d characters, want %d", len(a), len(b))
}

// Every character the everyday face has comes back as itself.
func TestEveryCharacterIsReadBack(t *testing.T) {
	t.Parallel()
	var all []rune
	for r := rune(0x21); r <= 0xFFFF; r++ {
		if r >= 0xD800 && r <= 0xF8FF { // surrogates, private use
			continue
		}
		if s := string(r); pdf.Gate(s) == s && (r < 0x180 || r >= 0x4E00 && r <= 0x9FFF) {
			all = append(all, r)
		}
	}
	d := pdf.New(frame())
	d.Paragraph(string(all))
	got, want := pdftest.Body(t, pdftest.File(t, draw(t, d))), pdftest.Squeeze(string(all))
	if got != want {
		t.Errorf("%d characters: %s", len(all), firstDifference(got, want))
	}
}

func table(rows int) pdf.Table {
	t := pdf.Table{Columns: []pdf.Column{{Head: "序号", Width: 1, Align: pdf.Centre}, {Head: "投标人名称", Width: 4}, {Head: "报价（元）", Width: 2, Align: pdf.Right}}}
	for i := range rows {
		t.Rows = append(t.Rows, []pdf.Cell{
			{Text: fmt.Sprint(i + 1)}, {Text: fmt.Sprintf("第%d家%s", i+1, clause[:90+3*(i%20)]), Note: "统一社会信用代码91321300MA1"}, {Text: "12,345,678.90"},
		})
	}
	return t
}

func TestTablesRepeatTheirHeadsAndKeepEveryCell(t *testing.T) {
	t.Parallel()
	d := pdf.New(frame())
	tab := table(120)
	d.Table(tab)
	path := pdftest.File(t, draw(t, d))
	body, pages := pdftest.Body(t, path), pdftest.Pages(t, path)
	if pages < 4 || pages != d.Pages() {
		t.Fatalf("%d pages, laid out %d", pages, d.Pages())
	}
	if heads := strings.Count(body, "序号投标人名称报价（元）"); heads != pages {
		t.Errorf("%d heads on %d pages", heads, pages)
	}
	for _, row := range tab.Rows {
		want := pdftest.Squeeze(pdf.Gate(row[0].Text + row[1].Text + row[1].Note + row[2].Text))
		if !strings.Contains(body, want) {
			t.Fatalf("row not in the document whole: %s", want)
		}
	}
	pdftest.Check(t, path)
}

func TestACellHigherThanAPageGoesOn(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(clause, 30)
	d := pdf.New(frame())
	d.Table(pdf.Table{Columns: []pdf.Column{{Width: 1}}, Rows: [][]pdf.Cell{{{Text: "前"}}, {{Text: text}}, {{Text: "后"}}}})
	path := pdftest.File(t, draw(t, d))
	if got, want := pdftest.Body(t, path), pdftest.Squeeze("前"+text+"后"); got != want {
		t.Error(firstDifference(got, want))
	}
	if n := pdftest.Pages(t, path); n < 2 {
		t.Errorf("%d page", n)
	}
}

func TestEmptyCellsAreClosedWithADash(t *testing.T) {
	t.Parallel()
	d := pdf.New(frame())
	d.Table(pdf.Table{Columns: []pdf.Column{{Head: "甲", Width: 1}, {Head: "乙", Width: 1}, {Head: "丙", Width: 1}}, Rows: [][]pdf.Cell{{{Text: "x"}, {}}}})
	d.Table(pdf.Table{Empty: "没有内容。"})
	if got := pdftest.Body(t, pdftest.File(t, draw(t, d))); got != "甲乙丙x——没有内容。" {
		t.Errorf("got %q", got)
	}
}

func TestNamesUnderSealsAreWhole(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("宿迁市运河宿迁港疏港公路改建工程建设指挥部办公室", 12)
	d := pdf.New(frame())
	d.Seals([]pdf.Seal{{Who: "招标人", Name: name, Note: "已电子签名"}, {Who: "主持人"}, {Who: "监督人员"}, {Who: "公证人"}})
	body := pdftest.Body(t, pdftest.File(t, draw(t, d)))
	if !strings.Contains(body, "招标人"+name+"已电子签名") || strings.Count(body, "（签字或盖章）年月日") != 4 {
		t.Errorf("got %s", body)
	}
}

func TestEveryPageHasItsFrame(t *testing.T) {
	t.Parallel()
	d := pdf.New(frame())
	for range 40 {
		d.Paragraph(clause)
	}
	d.Turn(true)
	d.Table(table(30))
	d.Turn(false)
	d.End()
	path := pdftest.File(t, draw(t, d))
	pages := pdftest.Pages(t, path)
	for n := 1; n <= pages; n++ {
		text := pdftest.Squeeze(pdftest.Run(t, "pdftotext", "-raw", "-f", fmt.Sprint(n), "-l", fmt.Sprint(n), path, "-"))
		for _, want := range []string{
			"开标记录表·标段E3213000001施工一标段", "宿公资开〔2026〕17号", "记录摘要sm3:01234567…89abcdef", fmt.Sprintf("第%d页共%d页", n, pages),
		} {
			if !strings.Contains(text, want) {
				t.Errorf("page %d lacks %s", n, want)
			}
		}
	}
}

func TestSameDocumentSameBytes(t *testing.T) {
	t.Parallel()
	once := func() [32]byte {
		d := pdf.New(frame())
		d.Title(pdf.TitleBlock{Issuer: "宿迁市公共资源交易中心", Number: "宿公资开〔2026〕17号", Title: "开标记录表", Subtitle: "项目", DateLine: "2026-03-25"})
		d.Paragraph(clause + "龘䶮")
		d.Table(table(40))
		d.Seals([]pdf.Seal{{Who: "招标人", Name: "甲"}})
		d.Attach(pdf.Attachment{Name: "record.json", Description: "记录", Content: []byte(`{"a":1}`)})
		return sha256.Sum256(draw(t, d))
	}
	want := once()
	if once() != want {
		t.Fatal("drawn again it differs")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if once() != want {
				t.Error("drawn beside others it differs")
			}
		})
	}
	wg.Wait()
}

// The program may run where no temporary folder can be written.
func TestNeedsNoTemporaryFolder(t *testing.T) {
	t.Setenv("TMPDIR", "/nonexistent")
	d := pdf.New(frame())
	d.Paragraph(clause)
	if len(draw(t, d)) == 0 {
		t.Error("empty document")
	}
}

func TestAttachmentTravelsUnchanged(t *testing.T) {
	t.Parallel()
	content := []byte(`{"名称":"开标记录","n":1}`)
	d := pdf.New(frame())
	d.Attach(pdf.Attachment{Name: "record.json", Description: "记录", Content: content})
	path := pdftest.File(t, draw(t, d))
	out := filepath.Join(t.TempDir(), "out.json")
	pdftest.Run(t, "pdfdetach", "-save", "1", "-o", out, path)
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %q, %v", got, err)
	}
}

// The QR code at the bottom right is the code of the address, module by module,
// as a printer of 300 dpi would put it.
func TestQRCodeBottomRight(t *testing.T) {
	t.Parallel()
	d := pdf.New(frame())
	d.Paragraph("一")
	path := pdftest.File(t, draw(t, d))
	prefix := filepath.Join(t.TempDir(), "page")
	pdftest.Run(t, "pdftoppm", "-r", "300", "-gray", "-png", "-singlefile", path, prefix)
	f, err := os.Open(prefix + ".png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	q, err := qrcode.New(frame().VerifyURL, qrcode.Medium)
	if err != nil {
		t.Fatal(err)
	}
	q.DisableBorder = true
	modules := q.Bitmap()
	const left, top, side, dot = 210 - 22 - 17.0, 297 - 33 + 7.0, 17.0, 300 / 25.4
	for row := range modules {
		for col, want := range modules[row] {
			size := side / float64(len(modules))
			x, y := int((left+(float64(col)+0.5)*size)*dot), int((top+(float64(row)+0.5)*size)*dot)
			gray, _, _, _ := img.At(x, y).RGBA()
			if black := gray < 0x8000; black != want {
				t.Fatalf("module %d,%d is black=%v", row, col, black)
			}
		}
	}
}

// A strict black-and-white rendering loses nothing: the text and the grid are black.
func TestPrintsInBlackAndWhite(t *testing.T) {
	t.Parallel()
	d := pdf.New(frame())
	d.Table(table(5))
	path := pdftest.File(t, draw(t, d))
	prefix := filepath.Join(t.TempDir(), "page")
	pdftest.Run(t, "pdftoppm", "-r", "100", "-png", "-singlefile", path, prefix)
	f, err := os.Open(prefix + ".png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if r, g, b, _ := img.At(x, y).RGBA(); r != g || g != b {
				t.Fatalf("colour at %d,%d", x, y)
			}
		}
	}
}

// The widths written into the document are those that lines were measured
// with: a line of several faces has no gaps and no overlaps.
func TestCharactersStandWhereTheyWereMeasured(t *testing.T) {
	t.Parallel()
	words := []string{"不见面开标大厅", "AbcWxyz-1234", "123,456,789.01", "欧阳昱䶮龘喆堃", "（甲）《乙》“丙”—…", "WWWWWWWWWW", "iiiiiiiiii", "壹亿贰仟叁佰肆拾伍万"}
	d := pdf.New(frame())
	for _, word := range words {
		d.Paragraph(word)
	}
	page := pdftest.Run(t, "pdftotext", "-bbox", pdftest.File(t, draw(t, d)), "-")
	for _, word := range words {
		_, rest, found := strings.Cut(page, ">"+word+"</word>")
		before := strings.TrimSuffix(page, ">"+word+"</word>"+rest)
		var x0, y0, x1, y1 float64
		if _, err := fmt.Sscanf(before[strings.LastIndex(before, "<word "):], `<word xMin="%f" yMin="%f" xMax="%f" yMax="%f"`, &x0, &y0, &x1, &y1); err != nil || !found {
			t.Errorf("%s is not one word in one piece: %v", word, err)
			continue
		}
		want := 0.0
		for _, r := range word {
			want += float64(fonts.Sans.Advance(r)+fonts.Rare.Advance(r)) / 1000 * 10.5
		}
		if got := x1 - x0; got < want-0.3 || got > want+0.3 {
			t.Errorf("%s is %.2f points wide, measured %.2f", word, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"sm3:0123456789abcdef0123456789abcdef": "sm3:01234567…89abcdef", "sm3:short": "sm3:short", "": "",
		"0123456789abcdefXXXXXXXX": "01234567…XXXXXXXX",
	} {
		if got := pdf.Short(in); got != want {
			t.Errorf("Short(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWriteSaysWhatFailed(t *testing.T) {
	t.Parallel()
	f := frame()
	f.VerifyURL = strings.Repeat("x", 5000)
	if err := pdf.New(f).Write(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "QR") {
		t.Errorf("an address too long for a QR code: %v", err)
	}
	f.VerifyURL = ""
	if err := pdf.New(f).Write(broken{}); err == nil {
		t.Error("a writer that fails: no error")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }
