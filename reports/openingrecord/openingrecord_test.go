package openingrecord_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/emmansun/gmsm/sm3"
	"github.com/google/go-cmp/cmp"

	"jianbiao/internal/canon"
	"jianbiao/reports/openingrecord"
	"jianbiao/reports/pdf"
	"jianbiao/reports/pdftest"
)

func draw(t testing.TB, r openingrecord.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := openingrecord.Draw(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// strs collects every printed string of a record.
func strs(value any) (all []string) {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		for _, x := range v {
			all = append(all, strs(x)...)
		}
	case map[string]any:
		for key, x := range v {
			if key != "issuedAt" { // a date of the file, printed nowhere
				all = append(all, strs(x)...)
			}
		}
	}
	return all
}

// Every string of the record stands in the document, whole, for openings of
// every size; the number of pages stays within bounds.
func TestEverythingIsInTheDocument(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ bids, minPages, maxPages int }{{0, 4, 6}, {1, 4, 6}, {3, 4, 7}, {12, 6, 9}, {60, 16, 26}, {200, 48, 70}} {
		t.Run(fmt.Sprint(c.bids), func(t *testing.T) {
			t.Parallel()
			r := sample(c.bids)
			path := pdftest.File(t, draw(t, r))
			pdftest.Check(t, path)
			if n := pdftest.Pages(t, path); n < c.minPages || n > c.maxPages {
				t.Errorf("%d bids make %d pages, want %d to %d", c.bids, n, c.minPages, c.maxPages)
			}
			raw, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var tree any
			if err := json.Unmarshal(raw, &tree); err != nil {
				t.Fatal(err)
			}
			text := pdftest.Text(t, path)
			for _, s := range strs(tree) {
				if want := pdftest.Squeeze(pdf.Gate(s)); !strings.Contains(text, want) {
					t.Errorf("not in the document: %s", s)
				}
			}
			for _, s := range append(openingrecord.Sentences(r), openingrecord.Digest(r), "（以下无正文）") {
				if !strings.Contains(text, pdftest.Squeeze(s)) {
					t.Errorf("not in the document: %s", s)
				}
			}
		})
	}
}

// The places for seals never stand on a page of their own, without their heading
// and without the closing line.
func TestSealsStayWithTheirHeading(t *testing.T) {
	t.Parallel()
	for extra := range 8 {
		r := sample(3)
		for range extra {
			r.Statements = append(r.Statements, "平台的又一条说明，用来把签字与盖章一节推到页面的不同位置，看标题是否留在前一页。")
		}
		path := pdftest.File(t, draw(t, r))
		last := fmt.Sprint(pdftest.Pages(t, path))
		text := pdftest.Squeeze(pdftest.Run(t, "pdftotext", "-raw", "-f", last, "-l", last, path, "-"))
		if !strings.Contains(text, "签字与盖章招标人") || !strings.Contains(text, "（以下无正文）") {
			t.Errorf("with %d more statements the last page is %s", extra, text)
		}
	}
}

func TestLongHearing(t *testing.T) {
	t.Parallel()
	r := sample(200)
	for i := range 1400 {
		o := r.Objections[0]
		o.Text = fmt.Sprintf("第%d项异议：%s", i, strings.Repeat(o.Text, 1+i%3))
		r.Objections = append(r.Objections, o)
	}
	r.Objections[5].Text = strings.Repeat("本项异议篇幅很长，超过一页；", 300)
	path := pdftest.File(t, draw(t, r))
	pdftest.Check(t, path)
	if n := pdftest.Pages(t, path); n < 300 {
		t.Errorf("%d pages, this test wants at least 300", n)
	}
	text := pdftest.Text(t, path)
	for i := range 1400 {
		if i != 4 && !strings.Contains(text, fmt.Sprintf("第%d项异议：", i)) {
			t.Errorf("objection %d is not in the document", i)
		}
	}
	if n := strings.Count(text, "篇"); n != 300 { // a single character: no page break goes through it
		t.Errorf("%d of 300 sentences of the long objection", n)
	}
}

func TestAnEmptyRecordIsDrawnWithDashes(t *testing.T) {
	t.Parallel()
	r := openingrecord.Record{Bids: make([]openingrecord.Bid, 1), Objections: make([]openingrecord.Objection, 1), Confirmations: make([]openingrecord.Confirmation, 1)}
	path := pdftest.File(t, draw(t, r))
	pdftest.Check(t, path)
	text := pdftest.Text(t, path)
	for _, want := range []string{
		"招标人—招标代理机构—", "最高投标限价—", "0———————本表按唱标内容记录", // no value of the line of the reading-out table is blank
		"未答复", "监督人员没有备注。", "开标过程没有暂停。", "证据流—", "核验地址—",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %s in\n%s", want, text)
		}
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	r := sample(12)
	r.Objections = append(r.Objections, openingrecord.Objection{By: "某公司", Text: "无人答复"})
	r.Bids[0].Decrypt.Result = openingrecord.Undecided
	want := []string{
		"施工一标段（标段编号 E3213000001000117001001）于 2026-03-25 09:30:12 在不见面开标大厅公开开标，由周明（招标人代表）主持，2026-03-25 10:41:55 结束。",
		"至投标截止时间 2026-03-25 09:30:00，平台收到有效的加密投标文件 12 份，其摘要、版本和长度在开始解密之前已固定在截止记录中（见本记录“截止记录”）。",
		"投标文件由各投标人在自己的计算机上参与解密：解密成功 10 份，视为撤销 1 份，视为撤回 0 份，待招标人认定 1 份；报价等内容见“开标一览表”。",
		"开标现场提出异议 2 项，其中 1 项未答复；11 方（含主持人）以电子签名确认了本记录，1 方超时未确认。",
		"核验方法：扫描每页右下角的二维码，或打开“证据”一节的核验地址，核对页面显示的记录摘要与每页左下角的摘要一致；本文件所附 record.json 的 SM3 值应等于该摘要。",
	}
	if diff := cmp.Diff(want, openingrecord.Sentences(r)); diff != "" {
		t.Error(diff)
	}
	r.Objections = nil
	if got := openingrecord.Sentences(r)[3]; !strings.HasPrefix(got, "开标现场没有投标人提出异议；") {
		t.Error(got)
	}
}

func TestSummaryStandsBeforeSentences(t *testing.T) {
	t.Parallel()
	r := sample(3)
	r.Summary = []string{"这是填写者自己的第一句话。"}
	text := pdftest.Text(t, pdftest.File(t, draw(t, r)))
	if !strings.Contains(text, r.Summary[0]) || strings.Contains(text, pdftest.Squeeze(openingrecord.Sentences(r)[1])) {
		t.Error("the summary given was not used in place of the ready sentences")
	}
}

func TestSameRecordSameBytes(t *testing.T) {
	t.Parallel()
	want := sha256.Sum256(draw(t, sample(12)))
	var wg sync.WaitGroup
	for n := range 4 { // 12 times more, beside each other and beside other records
		wg.Go(func() {
			for range 3 {
				var b bytes.Buffer
				if err := openingrecord.Draw(&b, sample(12)); err != nil || sha256.Sum256(b.Bytes()) != want {
					t.Errorf("drawn again it differs (%v)", err)
				}
			}
			if err := openingrecord.Draw(&bytes.Buffer{}, sample(n)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// Anyone who has only the file can compute the digest that it shows.
func TestTheFileCarriesWhatItsDigestIsOf(t *testing.T) {
	t.Parallel()
	r := sample(3)
	path := pdftest.File(t, draw(t, r))
	out := filepath.Join(t.TempDir(), "record.json")
	pdftest.Run(t, "pdfdetach", "-save", "1", "-o", out, path)
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	sum := sm3.Sum(raw)
	if got := "sm3:" + hex.EncodeToString(sum[:]); got != openingrecord.Digest(r) || !strings.Contains(pdftest.Text(t, path), got) {
		t.Errorf("record.json has %s, Digest says %s", got, openingrecord.Digest(r))
	}
	var back openingrecord.Record
	if err := canon.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Errorf("record.json is not the record (-want +got):\n%s", diff)
	}
}

func TestDigestDependsOnEveryString(t *testing.T) {
	t.Parallel()
	want := openingrecord.Digest(sample(3))
	if len(want) != len("sm3:")+64 {
		t.Fatalf("Digest = %q", want)
	}
	changes := map[string]func(*openingrecord.Record){
		"price":     func(r *openingrecord.Record) { r.Bids[1].Price = "1.00" },
		"name":      func(r *openingrecord.Record) { r.Bids[2].Name += "。" },
		"answer":    func(r *openingrecord.Record) { r.Objections[0].Answer = "" },
		"cutoff":    func(r *openingrecord.Record) { r.Cutoff.Rows[0].Digest = "" },
		"order":     func(r *openingrecord.Record) { r.Bids[0], r.Bids[1] = r.Bids[1], r.Bids[0] },
		"statement": func(r *openingrecord.Record) { r.Statements = nil },
	}
	for name, change := range changes {
		r := sample(3)
		change(&r)
		if openingrecord.Digest(r) == want {
			t.Errorf("%s changed, the digest did not", name)
		}
	}
}

func TestDrawRefuses(t *testing.T) {
	t.Parallel()
	r := sample(1)
	r.Evidence.LastSeq = 1 << 60
	if err := openingrecord.Draw(&bytes.Buffer{}, r); err == nil || openingrecord.Digest(r) != "" {
		t.Errorf("a number that JSON cannot carry: %v, digest %q", err, openingrecord.Digest(r))
	}
	r = sample(1)
	r.VerifyURL = strings.Repeat("x", 4000)
	if err := openingrecord.Draw(&bytes.Buffer{}, r); err == nil {
		t.Error("an address that fits no QR code: no error")
	}
}

func BenchmarkDraw12(b *testing.B) {
	r := sample(12)
	for b.Loop() {
		if err := openingrecord.Draw(&bytes.Buffer{}, r); err != nil {
			b.Fatal(err)
		}
	}
}
