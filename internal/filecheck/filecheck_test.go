package filecheck_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"jianbiao/internal/apperr"
	"jianbiao/internal/filecheck"
)

func pdf(text string) string {
	body := "%PDF-1.4\n%" + text + "\n1 0 obj\n<</Type/Catalog>>\nendobj\n"
	return body + fmt.Sprintf("xref\n0 1\n0000000000 65535 f \ntrailer\n<</Size 2/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(body))
}

// entry is a file of an archive; store keeps it unpacked.
type entry struct {
	name  string
	size  int
	store bool
	flags uint16
}

func archive(t testing.TB, entries ...entry) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Flags: e.flags}
		if e.store {
			h.Method = zip.Store
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(f, zeros{}, int64(e.size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// liar is an archive whose table says that an entry has one byte, while it has
// many.
func liar(t testing.TB, size int) string {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, int64(size)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.CreateRaw(&zip.FileHeader{Name: "a.txt", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE([]byte{0}),
		CompressedSize64: uint64(packed.Len()), UncompressedSize64: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(packed.Bytes()); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

// overlapping is an archive in whose table one packed entry stands n times.
func overlapping(t testing.TB, n int) string {
	t.Helper()
	one := archive(t, entry{name: "a.bin", size: 1 << 20, store: true})
	end := strings.LastIndex(one, "PK\x05\x06")
	at := int(binary.LittleEndian.Uint32([]byte(one[end+16:])))
	table := one[at:end]
	tail := []byte(one[end:])
	binary.LittleEndian.PutUint16(tail[8:], uint16(n))
	binary.LittleEndian.PutUint16(tail[10:], uint16(n))
	binary.LittleEndian.PutUint32(tail[12:], uint32(n*len(table)))
	return one[:at] + strings.Repeat(table, n) + string(tail)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := archive(t, entry{name: "xl/workbook.xml", size: 1000}, entry{name: "folder/内层.zip", size: 5000})
	for _, c := range []struct{ what, name, content, want, media string }{
		{"a PDF", "图纸.pdf", pdf("x"), "", "application/pdf"},
		{"a PDF with bytes before it", "图纸.PDF", "\xef\xbb\xbf\n" + pdf("x"), "", "application/pdf"},
		{"a PDF under another ending", "图纸.bak", pdf("x"), "", "application/pdf"},
		{"text that calls itself a PDF", "图纸.pdf", "这不是 PDF", "file.wrong_type", ""},
		{"a page of a server that calls itself a PDF", "图纸.pdf", "<html>404</html>", "file.wrong_type", ""},
		{"a PDF cut off", "图纸.pdf", pdf("x")[:40], "file.damaged_pdf", ""},
		{"a PDF whose table is elsewhere", "图纸.pdf", strings.Replace(pdf("x"), "startxref\n", "startxref\n1", 1), "file.damaged_pdf", ""},
		{"only a signature", "图纸.pdf", "%PDF-1.7", "file.damaged_pdf", ""},
		{"a position beyond all numbers", "图纸.pdf", "%PDF-1.7\nstartxref\n999999999999\n%%EOF", "file.damaged_pdf", ""},
		{"a workbook", "清单.xlsx", good, "", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		{"an archive", "附件.zip", good, "", "application/zip"},
		{"an empty archive", "附件.zip", archive(t), "", "application/zip"},
		{"a picture that calls itself a workbook", "清单.xlsx", "\xff\xd8\xff\xe0", "file.wrong_type", ""},
		{"an archive cut off", "附件.zip", good[:len(good)/2], "file.damaged_zip", ""},
		{"a damaged archive", "附件.zip", strings.Replace(good, "PK\x01\x02", "PK\x01\x07", 1), "file.damaged_zip", ""},
		{"a bomb of one entry", "清单.xlsx", archive(t, entry{name: "a.xml", size: 200 << 20}), "file.zip_bomb", ""},
		{"a bomb that lies", "清单.xlsx", liar(t, 64<<20), "file.damaged_zip", ""},
		{"a bomb of overlapping entries", "附件.zip", overlapping(t, 300), "file.zip_bomb", ""},
		{"small and well packed is no bomb", "清单.xlsx", archive(t, entry{name: "a.xml", size: 20 << 20}), "", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		{"an archive with a password", "附件.zip", archive(t, entry{name: "a.txt", size: 10, flags: 1}), "file.zip_encrypted", ""},
		{"an archive that writes elsewhere", "附件.zip", archive(t, entry{name: "../../etc/passwd", size: 10}), "file.zip_path", ""},
		{"an archive that writes elsewhere, the other slash", "附件.zip", archive(t, entry{name: `a\..\..\b`, size: 10}), "file.zip_path", ""},
		{"a program in an archive", "附件.zip", archive(t, entry{name: "工具/安装.EXE", size: 10}), "file.executable", ""},
		{"a program", "安装.exe", "MZ", "file.executable", ""},
		{"a program under another name", "图纸.dwg", "MZ\x90\x00", "file.executable", ""},
		{"a Linux program", "图纸.pdf", "\x7fELF\x02", "file.executable", ""},
		{"a script", "说明.txt", "#!/bin/sh\nrm -rf /", "file.executable", ""},
		{"a shortcut", "说明.LNK", "x", "file.executable", ""},
		{"a text", "说明.txt", "工程概况", "", ""},
		{"a drawing", "图纸.dwg", "AC1032", "", ""},
		{"one byte", "a.pdf", "%", "file.wrong_type", ""},
	} {
		media, err := filecheck.Check(context.Background(), c.name, int64(len(c.content)), strings.NewReader(c.content))
		if apperr.CodeOf(err) != c.want || media != c.media {
			t.Errorf("%s: got %q %v, want %q %q", c.what, media, err, c.media, c.want)
		}
		if e, ok := apperr.From(err); ok && !strings.ContainsRune(e.Detail, '“') {
			t.Errorf("%s: the sentence does not name the file: %s", c.what, e.Detail)
		}
	}
}

func TestCheck_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	big := archive(t, entry{name: "a.xml", size: 20 << 20})
	if _, err := filecheck.Check(ctx, "a.zip", int64(len(big)), strings.NewReader(big)); err == nil {
		t.Error("it went on")
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("a.pdf", []byte(pdf("x")))
	f.Add("a.pdf", []byte("\n\n%PDF-1.7\n5 0 obj\nstartxref\n11\n%%EOF"))
	f.Add("a.xlsx", []byte(archive(f, entry{name: "a.xml", size: 300}, entry{name: "b/", size: 0})))
	f.Add("a.zip", []byte(overlapping(f, 3)))
	f.Add("a.zip", []byte(liar(f, 1<<16)))
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		_, err := filecheck.Check(context.Background(), name, int64(len(content)), bytes.NewReader(content))
		if err != nil && apperr.KindOf(err) != apperr.Invalid {
			t.Errorf("not a refusal: %v", err)
		}
	})
}
