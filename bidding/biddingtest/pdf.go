package biddingtest

import "fmt"

// PDF is the smallest whole PDF that carries the text, as a comment.
func PDF(text string) string {
	body := "%PDF-1.4\n%" + text + "\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n"
	return body + fmt.Sprintf("xref\n0 1\n0000000000 65535 f \ntrailer\n<</Size 3/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(body))
}
