package filecheck

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"jianbiao/internal/apperr"
)

// tailSize is how many bytes of the end of a PDF are searched for its trailer.
const tailSize = 2048

var (
	startxref = regexp.MustCompile(`startxref[\r\n\t ]+([0-9]{1,12})[\r\n\t ]+%%EOF`)
	tableAt   = regexp.MustCompile(`^[\r\n\t ]{0,4}(?:xref[\r\n\t ]|[0-9]{1,10}[\r\n\t ]+[0-9]{1,5}[\r\n\t ]+obj)`)
)

// checkPDF looks for the parts that every whole PDF has: a version at its
// beginning, and at its end the position of its table of contents, which is
// there (ISO 32000-1, 7.5). A file that was cut off or renamed has not.
func checkPDF(_ context.Context, name string, size int64, r io.ReaderAt) error {
	damaged := apperr.New(apperr.Invalid, "file.damaged_pdf", "“%s”不是一份完整的 PDF（可能没有下载完，或是别的文件改了扩展名）：请重新导出后再上传。", name)
	n := min(size, tailSize)
	tail := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(r, size-n, n), tail); err != nil {
		return fmt.Errorf("read the end of a PDF: %w", err)
	}
	all := startxref.FindAllSubmatch(tail, -1)
	if len(all) == 0 {
		return damaged
	}
	at, err := strconv.ParseInt(string(all[len(all)-1][1]), 10, 64)
	if err != nil || at >= size {
		return damaged.Because(err)
	}
	// Bytes before the signature shift every position by as many.
	head := make([]byte, min(size, headSize))
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), head); err != nil {
		return fmt.Errorf("read the beginning of a PDF: %w", err)
	}
	shift := int64(max(bytes.Index(head, []byte("%PDF-")), 0))
	for _, offset := range []int64{at, at + shift} {
		table := make([]byte, 64)
		got, err := r.ReadAt(table, offset)
		if err != nil && err != io.EOF {
			return fmt.Errorf("read the table of a PDF: %w", err)
		}
		if tableAt.Match(table[:got]) {
			return nil
		}
	}
	return damaged
}
