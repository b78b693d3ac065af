package pdf

import (
	"bytes"
	"fmt"

	"github.com/skip2/go-qrcode"
)

// pixelsPerModule is fine enough for a printer of 600 dpi at qrSide.
const pixelsPerModule = 8

// code is a QR code (GB/T 18284) as a PNG, without a quiet zone: the paper
// around it is white.
func code(content string) ([]byte, error) {
	q, err := qrcode.New(content, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("pdf: QR code: %w", err)
	}
	q.DisableBorder = true
	var b bytes.Buffer
	if err := q.Write(-pixelsPerModule, &b); err != nil {
		return nil, fmt.Errorf("pdf: QR code: %w", err)
	}
	return b.Bytes(), nil
}
