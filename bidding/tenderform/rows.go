package tenderform

import (
	"io"
)

// maxRowColumns is how many columns of a sheet are read for a list of items.
const maxRowColumns = 40

// ReadRows gives the texts of the first sheet of an .xlsx file that has any, row
// by row: what somebody who drafts a tender document imports his items from.
// Errors: bill.not_xlsx, bill.old_xls, bill.too_large.
func ReadRows(r io.ReaderAt, size int64) ([][]string, error) {
	w, err := openWorkbook(r, size)
	if err != nil {
		return nil, err
	}
	out := [][]string{}
	for _, s := range w.sheets {
		err := w.rows(s, func(r row) error {
			if len(out) >= limits.rows {
				return errHugeBook
			}
			width := 0
			for at := range r.cells {
				if at < maxRowColumns {
					width = max(width, at+1)
				}
			}
			cells := make([]string, width)
			for at := range cells {
				cells[at] = r.text(at)
			}
			out = append(out, cells)
			return nil
		})
		if err != nil || len(out) > 0 {
			return out, err
		}
	}
	return out, nil
}
