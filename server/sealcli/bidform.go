package sealcli

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"jianbiao/bidding/tenderform"
	"jianbiao/internal/seal"
)

// folder adds the files of --files: each of its subfolders is a section, in the
// order of the files' names. Hidden files are left out.
func (s *sealing) folder() error {
	if s.filesDir == "" {
		return nil
	}
	sections, err := os.ReadDir(s.filesDir)
	if err != nil {
		return fmt.Errorf("%w: %w", refuse("seal.file", "无法读取文件夹“%s”。", s.filesDir), err)
	}
	for _, sec := range sections {
		if strings.HasPrefix(sec.Name(), ".") {
			continue
		}
		if !sec.IsDir() {
			return refuse("seal.file", "“%s”应放在以部分命名的子文件夹里，例如 technical/%s。", sec.Name(), sec.Name())
		}
		files, err := os.ReadDir(filepath.Join(s.filesDir, sec.Name()))
		if err != nil {
			return fmt.Errorf("%w: %w", refuse("seal.file", "无法读取文件夹“%s”。", sec.Name()), err)
		}
		files = slices.DeleteFunc(files, func(f fs.DirEntry) bool { return strings.HasPrefix(f.Name(), ".") })
		for _, f := range files {
			s.files = append(s.files, [2]string{sec.Name(), filepath.Join(s.filesDir, sec.Name(), f.Name())})
		}
	}
	return nil
}

// template writes the document's bill as a workbook to fill.
func (s *sealing) template(stdout io.Writer) error {
	if s.tender.Form == nil || s.tender.Form.Bill == nil {
		return refuse("seal.no_bill", "招标文件没有工程量清单。")
	}
	f, err := os.OpenFile(s.templatePath, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return notWritten(s.templatePath, err)
	}
	err = tenderform.WriteBill(f, *s.tender.Form.Bill, nil)
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = closeErr
	}
	if err != nil {
		return notWritten(s.templatePath, err)
	}
	return json.NewEncoder(stdout).Encode(map[string]any{"template": s.templatePath, "items": len(s.tender.Form.Bill.Items)})
}

// complete turns the bidder's form into the sections' forms, with the code that
// the browser runs: what follows is filled in, what is wrong is said line by
// line, and an incomplete bid is refused unless it is a draft. Errors:
// form.unreadable, bill.…, seal.incomplete.
func (s *sealing) complete(f form, say io.Writer) (map[string]json.RawMessage, error) {
	if len(s.tender.Sections) == 0 { // a tender.json without the document's sections
		return f.Forms, nil
	}
	bid := tenderform.Bid{
		Owner: tenderform.Owner{Name: f.Owner.Name, USCC: f.Owner.USCC, LegalRepresentative: f.Owner.LegalRepresentative, Agent: f.Owner.Agent},
		Forms: map[string]tenderform.SectionForm{}, Files: map[string][]string{},
	}
	for name, raw := range f.Forms {
		decoded, err := tenderform.DecodeForm(name, raw)
		if err != nil {
			return nil, err
		}
		bid.Forms[name] = decoded
	}
	for _, file := range s.files {
		bid.Files[file[0]] = append(bid.Files[file[0]], filepath.Base(file[1]))
	}
	wrongLines, err := s.bill(&bid, say)
	if err != nil {
		return nil, err
	}
	bid = tenderform.Complete(s.tender.Terms, bid)
	problems := tenderform.Check(s.tender.Terms, bid)
	for _, p := range problems {
		_, _ = fmt.Fprintln(say, spoken(p.Block, p.Field, p.Message, p.Basis))
	}
	if (wrongLines || tenderform.Blocked(problems)) && !s.draft {
		return nil, refuse("seal.incomplete", "投标文件还不完整：请按上面标 ✗ 的各行补正。只想试做的，加 --draft。")
	}
	return encoded(bid.Forms)
}

func encoded(forms map[string]tenderform.SectionForm) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for name, f := range forms {
		raw, err := json.Marshal(f)
		if err != nil {
			return nil, fmt.Errorf("form of %s: %w", name, err)
		}
		out[name] = raw
	}
	return out, nil
}

// spoken is one problem on one line: ✗ keeps from sealing, △ does not.
func spoken(block bool, at, message, basis string) string {
	mark := "△"
	if block {
		mark = "✗"
	}
	if basis != "" {
		basis = "（" + basis + "）"
	}
	return mark + " " + at + "：" + message + basis
}

// bill reads --bill into the form of its section.
func (s *sealing) bill(bid *tenderform.Bid, say io.Writer) (wrong bool, err error) {
	if s.billPath == "" {
		return false, nil
	}
	if s.tender.Form == nil || s.tender.Form.Bill == nil {
		return false, refuse("seal.no_bill", "招标文件没有工程量清单：请去掉 --bill。")
	}
	file, err := os.Open(s.billPath)
	if err != nil {
		return false, fmt.Errorf("%w: %w", refuse("seal.file", "无法读取文件“%s”。", s.billPath), err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return false, fmt.Errorf("%w: %w", refuse("seal.file", "无法读取文件“%s”。", s.billPath), err)
	}
	imported, err := tenderform.ReadBill(*s.tender.Form.Bill, file, info.Size())
	if err != nil {
		return false, err
	}
	for _, p := range imported.Problems {
		at := filepath.Base(s.billPath)
		if p.Line > 0 {
			at += fmt.Sprintf(" 第 %d 行", p.Line)
		}
		if p.Column != "" {
			at += fmt.Sprintf(" %s 列（%s）", p.Column, p.Title)
		}
		_, _ = fmt.Fprintln(say, spoken(p.Block, at, p.Message, ""))
	}
	if imported.More > 0 {
		_, _ = fmt.Fprintf(say, "✗ 另有 %d 处问题没有列出。\n", imported.More)
	}
	section := bid.Forms[s.tender.Form.Bill.Section]
	section.Bill = imported.Lines
	bid.Forms[s.tender.Form.Bill.Section] = section
	return !imported.OK(), nil
}

// inputs puts forms and files together as the sealer wants them.
func (s *sealing) inputs(f form, say io.Writer) ([]seal.SectionInput, error) {
	if err := s.folder(); err != nil {
		return nil, err
	}
	forms, err := s.complete(f, say)
	if err != nil {
		return nil, err
	}
	return sections(forms, s.files)
}
