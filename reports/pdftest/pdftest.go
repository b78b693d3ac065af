// Package pdftest reads documents in tests with the tools that other people
// read them with: poppler (pdftotext, pdffonts, pdfinfo, pdftoppm, pdfdetach)
// and qpdf. A missing tool fails the test and names the remedy.
package pdftest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// packages says which Debian package has a tool.
var packages = map[string]string{"qpdf": "qpdf"}

// Run runs a tool and returns what it printed on its standard output.
func Run(t testing.TB, tool string, args ...string) string {
	t.Helper()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			name := packages[tool]
			if name == "" {
				name = "poppler-utils"
			}
			t.Fatalf("%s is missing: run `make deps`, which installs the Debian package %s", tool, name)
		}
		t.Fatalf("%s %s: %v\n%s%s", tool, strings.Join(args, " "), err, out.String(), complaints.String())
	}
	if complaints.Len() > 0 {
		t.Errorf("%s complains: %s", tool, complaints.String())
	}
	return out.String()
}

// File puts a document into a file of the test and returns its path.
func File(t testing.TB, document []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "document.pdf")
	if err := os.WriteFile(path, document, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Check fails unless qpdf finds the document sound and all its fonts, which our
// pages share, are embedded and readable as Unicode.
func Check(t testing.TB, path string) {
	t.Helper()
	if report := Run(t, "qpdf", "--check", path); !strings.Contains(report, "No syntax or stream encoding errors found") {
		t.Errorf("qpdf --check: %s", report)
	}
	for _, line := range strings.Split(strings.TrimSpace(Run(t, "pdffonts", "-l", "3", path)), "\n")[2:] {
		columns := strings.Fields(line) // name, CID TrueType, Identity-H, emb, sub, uni, object, ID
		if len(columns) < 7 || columns[4] != "yes" || columns[6] != "yes" {
			t.Errorf("font not embedded: %s", line)
		}
	}
}

// Pages is the number of pages, by pdfinfo.
func Pages(t testing.TB, path string) int {
	t.Helper()
	_, rest, _ := strings.Cut(Run(t, "pdfinfo", path), "Pages:")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("pdfinfo names no pages: %v", err)
	}
	return n
}

// Text is everything on the pages in the order in which it was drawn, without
// white space.
func Text(t testing.TB, path string) string {
	t.Helper()
	return Squeeze(Run(t, "pdftotext", "-raw", path, "-"))
}

// Body is Text without header and footer, of a document in portrait.
func Body(t testing.TB, path string) string {
	t.Helper()
	return Squeeze(Run(t, "pdftotext", "-raw", "-x", "0", "-y", "62", "-W", "595", "-H", "692", path, "-"))
}

// Squeeze takes all white space out of a text.
func Squeeze(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}
