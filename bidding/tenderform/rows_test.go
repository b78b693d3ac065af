package tenderform_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"jianbiao/bidding/tenderform"
	"jianbiao/internal/apperr"
)

// ReadRows reads what WriteBill writes: the heads and every item's texts.
func TestReadRows_ReadsASheetAsTexts(t *testing.T) {
	t.Parallel()
	bill := tenderform.Bill{Section: "price", Items: []tenderform.BillItem{
		{Code: "010101002001", Name: "挖一般土方", Feature: "三类土", Unit: "m3", Quantity: "1250.5"}, {Code: "A2", Name: "线缆", Unit: "米", Quantity: "1200"}}}
	var book bytes.Buffer
	if err := tenderform.WriteBill(&book, bill, nil); err != nil {
		t.Fatal(err)
	}
	rows, err := tenderform.ReadRows(bytes.NewReader(book.Bytes()), int64(book.Len()))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, r := range rows {
		line := strings.Join(r, "|")
		if strings.Contains(line, "010101002001|挖一般土方") || strings.Contains(line, "A2|线缆") {
			found++
		}
	}
	if found != 2 {
		t.Errorf("%d of two items in %q", found, rows)
	}
}

func TestReadRows_Refusals(t *testing.T) {
	t.Parallel()
	var empty bytes.Buffer
	z := zip.NewWriter(&empty)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]struct {
		file []byte
		code string
	}{
		"no archive": {[]byte("编码,名称"), "bill.not_xlsx"}, "an empty archive": {empty.Bytes(), "bill.not_xlsx"},
		"an old workbook": {[]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), "bill.old_xls"},
	} {
		if _, err := tenderform.ReadRows(bytes.NewReader(try.file), int64(len(try.file))); apperr.CodeOf(err) != try.code {
			t.Errorf("%s: %v, want %s", name, err, try.code)
		}
	}
}
