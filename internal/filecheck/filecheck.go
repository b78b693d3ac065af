// Package filecheck looks at a file before others are given it: whether it is
// what its name says, and whether it does harm to who opens it. It executes and
// unpacks nothing; it reads with bounded memory.
//
// What it lets through is no promise that a file is harmless; what it refuses is
// broken or dangerous for certain.
package filecheck

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"jianbiao/internal/apperr"
)

// headSize is how many bytes of the beginning are looked at for a signature.
const headSize = 1024

// format is a kind of file.
type format struct {
	name   string // "PDF"
	magic  []string
	anyOf  []string // endings of names that have this format
	media  string
	danger bool // a program
	look   func(ctx context.Context, name string, size int64, r io.ReaderAt) error
}

// formats are tried in order; the first whose signature fits is the file's.
var formats = []format{
	{name: "Windows 程序", magic: []string{"MZ"}, danger: true},
	{name: "Linux 程序", magic: []string{"\x7fELF"}, danger: true},
	{name: "macOS 程序", magic: []string{"\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"}, danger: true},
	{name: "脚本", magic: []string{"#!"}, danger: true},
	{name: "快捷方式", magic: []string{"L\x00\x00\x00\x01\x14\x02\x00"}, danger: true},
	{name: "PDF", magic: []string{"%PDF-"}, anyOf: []string{".pdf"}, media: "application/pdf", look: checkPDF},
	{name: "压缩包", magic: []string{"PK\x03\x04", "PK\x05\x06"}, anyOf: zipped, look: checkZip},
	{name: "RAR 压缩包", magic: []string{"Rar!\x1a\x07"}, anyOf: []string{".rar"}, media: "application/vnd.rar"},
	{name: "7z 压缩包", magic: []string{"7z\xbc\xaf\x27\x1c"}, anyOf: []string{".7z"}, media: "application/x-7z-compressed"},
	{name: "Office 97 文件", magic: []string{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}, anyOf: []string{".doc", ".xls", ".ppt", ".wps", ".et", ".dps"}, media: "application/x-ole-storage"},
	{name: "JPEG 图片", magic: []string{"\xff\xd8\xff"}, anyOf: []string{".jpg", ".jpeg"}, media: "image/jpeg"},
	{name: "PNG 图片", magic: []string{"\x89PNG\r\n\x1a\n"}, anyOf: []string{".png"}, media: "image/png"},
}

var zipped = []string{".zip", ".docx", ".xlsx", ".pptx", ".ofd"}

// medias are the media types of files that are zip archives inside.
var medias = map[string]string{
	".zip": "application/zip", ".ofd": "application/ofd",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}

// programs are endings of files that a computer runs when they are opened.
var programs = []string{
	".exe", ".com", ".scr", ".pif", ".dll", ".sys", ".msi", ".msp", ".bat", ".cmd", ".ps1", ".vbs", ".vbe", ".js", ".jse", ".wsf", ".wsh",
	".hta", ".cpl", ".jar", ".lnk", ".reg", ".inf", ".sh", ".elf", ".app", ".dmg", ".apk",
}

// Check looks at a file of size bytes under the name that people will see, and
// gives its media type where the content tells it, "" elsewhere. Errors:
// file.executable, file.wrong_type, file.damaged_pdf, file.damaged_zip,
// file.zip_bomb, file.zip_encrypted, file.zip_path, file.zip_unreadable.
func Check(ctx context.Context, name string, size int64, r io.ReaderAt) (media string, err error) {
	end := strings.ToLower(path.Ext(name))
	if slices.Contains(programs, end) {
		return "", executable(name)
	}
	head := make([]byte, min(size, headSize))
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), head); err != nil {
		return "", fmt.Errorf("read the beginning of a file: %w", err)
	}
	f := recognise(head)
	want := promised(end)
	switch {
	case f != nil && f.danger:
		return "", executable(name)
	case want != nil && (f == nil || f.name != want.name):
		return "", apperr.New(apperr.Invalid, "file.wrong_type", "“%s”的内容不是%s：请用相应的软件打开核对，重新保存后再上传。", name, want.name)
	case f == nil:
		return "", nil
	}
	if f.look != nil {
		if err := f.look(ctx, name, size, r); err != nil {
			return "", err
		}
	}
	if m, ok := medias[end]; ok {
		return m, nil
	}
	return f.media, nil
}

func executable(name string) error {
	return apperr.New(apperr.Invalid, "file.executable", "“%s”是可以运行的程序，平台不接收：请换成 PDF、Office 文档、图片或图纸。", name)
}

// recognise finds the format of a beginning. A PDF may have other bytes before
// its signature.
func recognise(head []byte) *format {
	for i := range formats {
		for _, m := range formats[i].magic {
			if bytes.HasPrefix(head, []byte(m)) {
				return &formats[i]
			}
		}
	}
	if bytes.Contains(head, []byte("%PDF-")) {
		return promised(".pdf")
	}
	return nil
}

// promised is the format that an ending promises, nil if it promises none.
func promised(end string) *format {
	for i := range formats {
		if slices.Contains(formats[i].anyOf, end) {
			return &formats[i]
		}
	}
	return nil
}
