package sealcli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"jianbiao/bidding/tenderform"
	"jianbiao/internal/certificate/keyfile"
	"jianbiao/internal/seal"
	"jianbiao/internal/vault"
)

const sealUsage = `用法：jianbiao seal --tender 招标.json --form 投标.json --file 部分=文件 … --vault 保险箱 --out 投标.jbe
Seals a bid on this machine, without a network.

  --tender FILE           招标信息（从平台下载）：lot、title、documentVersion、cutoffKey、openingKey、deadline，
                          以及招标文件的 sections、form 等，据以核对投标文件是否完整
                          what the platform publishes for the lot, as JSON
  --form FILE             投标表单：{"owner":{…},"forms":{"price":{…}}}；金额、费率一律写成字符串
                          who bids, and the structured form of each section
  --file SECTION=FILE     放入某一部分的文件，可多次使用；部分如 qualification、technical、price
                          a file for a section, repeatable
  --files FOLDER          文件夹：每个子文件夹是一个部分，如 technical/施工组织设计.pdf
                          a folder with a subfolder for each section
  --bill FILE             已标价的工程量清单（.xlsx），逐行核对 / the priced bill of quantities
  --bill-template FILE    写出空白清单供填写，不封装 / write the empty bill (.xlsx) and stop
  --check                 只核对是否完整，不封装 / only say what is missing
  --draft                 不完整也封装（试做用） / seal even an incomplete bid
  --vault FILE            保险箱；其中有签名私钥，封装后存入解密私钥。务必另存备份
                          the vault; without the keys kept in it nobody can open the bid
  --passphrase-file FILE  保险箱口令所在文件（首行），或用环境变量 JIANBIAO_PASSPHRASE
  --new-vault             保险箱文件不存在时新建 / make the vault if there is none
  --new-signing-keys      保险箱中缺少签名私钥时生成（演练用） / make missing signing keys (rehearsals)
  --certificate FILE      以单位的数字证书签署（演练证书文件） / sign with the firm's certificate
  --signer-certificate FILE  以法定代表人或委托代理人的数字证书签署 / the signer's
  --certificate-passphrase-file FILE  证书口令所在文件（首行），默认与保险箱口令相同
                          证书只用来签署；密封所用的密钥始终在本机生成
  --replace               替换保险箱中本标段的上一份投标 / replace the bid kept in the vault
  --withdraw              撤回保险箱中本标段的投标（不需要 --form 和 --file） / withdraw it
  --signed-at TIME        签署时间，默认为本机当前时间 / time of signing, RFC 3339
  --out FILE              封装后的加密投标文件 / the sealed envelope

最后一行是 JSON：{"digest","size","number","kind"}。
`

// tender is what the platform publishes of a lot for sealing; other members are
// ignored.
type tender struct {
	Lot             string         `json:"lot"`
	Title           string         `json:"title"`
	DocumentVersion string         `json:"documentVersion"`
	CutoffKey       seal.PublicKey `json:"cutoffKey"`
	OpeningKey      seal.PublicKey `json:"openingKey"`
	Deadline        time.Time      `json:"deadline"`
	// The document's own terms; without sections nothing is checked.
	tenderform.Terms
}

// form is the bidder's own file.
type form struct {
	Owner seal.Owner                 `json:"owner"`
	Forms map[string]json.RawMessage `json:"forms"`
}

// sealing is one run of the command.
type sealing struct {
	tenderPath, formPath, vaultPath, passphrasePath, out, signedAt string
	filesDir, billPath, templatePath                               string
	certificatePath, signerPath, certificatePassphrase             string
	newVault, newKeys, replace, withdraw, check, draft             bool
	files                                                          [][2]string

	tender tender
	vault  *vault.Vault
	in     seal.Input
}

// Seal is `jianbiao seal`. It prints one JSON line on stdout, or one Chinese
// sentence on stderr, and gives the exit code. The keys are saved in the vault
// before the envelope takes its name: no envelope without its keys.
func Seal(args []string, stdout, stderr io.Writer) int {
	var s sealing
	err := flags{
		values: map[string]func(string) error{
			"tender": text(&s.tenderPath), "form": text(&s.formPath), "vault": text(&s.vaultPath), "out": text(&s.out),
			"passphrase-file": text(&s.passphrasePath), "signed-at": text(&s.signedAt),
			"certificate": text(&s.certificatePath), "signer-certificate": text(&s.signerPath), "certificate-passphrase-file": text(&s.certificatePassphrase),
			"files": text(&s.filesDir), "bill": text(&s.billPath), "bill-template": text(&s.templatePath),
			"file": pair("file", func(section, path string) { s.files = append(s.files, [2]string{section, path}) }),
		},
		switches: map[string]*bool{"new-vault": &s.newVault, "new-signing-keys": &s.newKeys, "replace": &s.replace, "withdraw": &s.withdraw,
			"check": &s.check, "draft": &s.draft},
	}.parse(args)
	if err == nil {
		err = s.run(stdout, stderr)
	}
	return finish(err, sealUsage, stdout, stderr)
}

func (s *sealing) run(stdout, stderr io.Writer) error {
	if err := s.read(); err != nil {
		return err
	}
	switch {
	case s.templatePath != "":
		return s.template(stdout)
	case s.check:
		return s.onlyCheck(stdout, stderr)
	}
	for _, step := range []func() error{s.openVault, s.follow, func() error { return s.fill(stderr) }} {
		if err := step(); err != nil {
			return err
		}
	}
	sealed, err := s.write(stderr)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(map[string]any{
		"digest": sealed.Digest, "size": sealed.Size, "number": sealed.Header.Number, "kind": sealed.Header.Kind,
	})
}

// onlyCheck is --check: no vault, no envelope.
func (s *sealing) onlyCheck(stdout, stderr io.Writer) error {
	var f form
	if err := readJSON(s.formPath, &f); err != nil {
		return err
	}
	if _, err := s.inputs(f, stderr); err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(map[string]any{"complete": true})
}

func (s *sealing) read() error {
	options := [][2]string{{"tender", s.tenderPath}}
	if s.templatePath == "" && !s.check {
		options = append(options, [2]string{"vault", s.vaultPath}, [2]string{"out", s.out})
	}
	if err := required(options...); err != nil {
		return err
	}
	if s.templatePath != "" {
		return readJSON(s.tenderPath, &s.tender)
	}
	if !s.withdraw && s.formPath == "" {
		return required([2]string{"form", s.formPath})
	}
	if s.withdraw && (s.formPath != "" || len(s.files) > 0 || s.filesDir != "" || s.billPath != "" || s.replace || s.check) {
		return refuse("seal.argument", "撤回（--withdraw）不能带 --form、--file、--files、--bill、--check 或 --replace。")
	}
	if s.signedAt == "" {
		s.signedAt = time.Now().Format(time.RFC3339)
	}
	return readJSON(s.tenderPath, &s.tender)
}

func readJSON(path string, v any) error {
	raw, err := readFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%w: %w", refuse("seal.file", "文件“%s”不是所需格式的 JSON。", path), err)
	}
	return nil
}

func (s *sealing) openVault() error {
	passphrase, err := passphraseFrom(s.passphrasePath)
	if err != nil {
		return err
	}
	if _, err := os.Stat(s.vaultPath); errors.Is(err, fs.ErrNotExist) && s.newVault {
		s.vault, err = vault.New(passphrase)
		return err
	}
	blob, err := readFile(s.vaultPath)
	if err != nil {
		return err
	}
	s.vault, err = vault.Open(blob, passphrase)
	return err
}

// follow decides what this envelope is: the first, a replacement, a withdrawal.
func (s *sealing) follow() error {
	s.in = seal.Input{
		Lot: s.tender.Lot, DocumentVersion: s.tender.DocumentVersion, CutoffKey: s.tender.CutoffKey,
		OpeningKey: s.tender.OpeningKey, Deadline: s.tender.Deadline, Kind: seal.KindBid, Number: 1,
	}
	last, ok := s.vault.Doc.Current(s.tender.Lot)
	standing := ok && last.Header.Kind == seal.KindBid
	var err error
	if !s.replace && !s.withdraw {
		if standing && last.Receipt != nil {
			return refuse("seal.already", "保险箱中已有本标段提交过的投标，请加 --replace 替换，或用 --withdraw 撤回。")
		}
		s.in.OneTime, err = seal.GenerateKey()
		return err
	}
	if !standing {
		return refuse("seal.nothing_to_replace", "保险箱中没有本标段的投标，无法替换或撤回。")
	}
	s.in.OneTime, s.in.Number, s.in.Replaces = last.OneTime, last.Header.Number+1, last.Digest
	if s.withdraw {
		s.in.Kind, s.in.MinSize = seal.KindWithdrawal, last.Size
	}
	return nil
}

// fill reads form and files and finds the keys that sign.
func (s *sealing) fill(say io.Writer) (err error) {
	if s.withdraw {
		return nil
	}
	var f form
	if err := readJSON(s.formPath, &f); err != nil {
		return err
	}
	s.in.Owner = f.Owner
	s.in.Owner.SignedAt = s.signedAt
	if s.in.Owner.Capacity == "" {
		s.in.Owner.Capacity = seal.CapacityLegal
		if s.in.Owner.Agent != "" {
			s.in.Owner.Capacity = seal.CapacityAgent
		}
	}
	if s.in.Sections, err = s.inputs(f, say); err != nil {
		return err
	}
	if s.in.Firm, err = s.signer("firm", f.Owner.Name, s.certificatePath); err != nil {
		return err
	}
	name := f.Owner.LegalRepresentative
	if s.in.Owner.Capacity == seal.CapacityAgent {
		name = f.Owner.Agent
	}
	if s.in.Signatory, err = s.signer(string(s.in.Owner.Capacity), name, s.signerPath); err != nil {
		return err
	}
	s.in.Bidder, err = seal.GenerateKey()
	return err
}

// signer is who signs: the key of a certificate when a file of one is given,
// else a key of the vault. Codes: keyfile.*, certificate.encryption,
// seal.no_signing_key.
func (s *sealing) signer(use, name, certificate string) (seal.Signer, error) {
	if certificate != "" {
		return s.certificate(certificate)
	}
	uscc := s.in.Owner.USCC
	for _, k := range s.vault.Doc.Signing {
		if k.Use == use && k.USCC == uscc && (use == "firm" || k.Name == name) {
			return k.Key, nil
		}
	}
	if !s.newKeys {
		return nil, refuse("seal.no_signing_key", "保险箱中没有“%s”的签名私钥（%s）。", name, use)
	}
	k, err := seal.GenerateKey()
	if err != nil {
		return nil, err
	}
	s.vault.Doc.Signing = append(s.vault.Doc.Signing, vault.SigningKey{Use: use, Name: name, USCC: uscc, Key: k})
	return k, nil
}

func (s *sealing) certificate(path string) (seal.Signer, error) {
	from := s.certificatePassphrase
	if from == "" {
		from = s.passphrasePath
	}
	passphrase, err := passphraseFrom(from)
	if err != nil {
		return nil, err
	}
	raw, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return keyfile.Open(raw, passphrase)
}

// sections puts forms and files together, in order of their names.
func sections(forms map[string]json.RawMessage, files [][2]string) ([]seal.SectionInput, error) {
	byName := map[string]*seal.SectionInput{}
	section := func(name string) *seal.SectionInput {
		if byName[name] == nil {
			byName[name] = &seal.SectionInput{Name: name}
		}
		return byName[name]
	}
	for name, f := range forms {
		section(name).Form = f
	}
	for _, f := range files {
		info, err := os.Stat(f[1])
		if err != nil || !info.Mode().IsRegular() {
			return nil, refuse("seal.file", "无法读取文件“%s”。", f[1])
		}
		in := section(f[0])
		in.Files = append(in.Files, seal.FileInput{
			Name: filepath.Base(f[1]), Media: media(f[1]), Size: info.Size(),
			Open: func() (io.ReadCloser, error) { return os.Open(f[1]) },
		})
	}
	out := make([]seal.SectionInput, 0, len(byName))
	for _, in := range byName {
		out = append(out, *in)
	}
	slices.SortFunc(out, func(a, b seal.SectionInput) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// media is a fixed table: the system's would differ from machine to machine.
func media(path string) string {
	const office = "application/vnd.openxmlformats-officedocument."
	known := map[string]string{
		".pdf": "application/pdf", ".zip": "application/zip", ".xml": "application/xml", ".json": "application/json", ".txt": "text/plain",
		".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".docx": office + "wordprocessingml.document", ".xlsx": office + "spreadsheetml.sheet",
	}
	if m, ok := known[strings.ToLower(filepath.Ext(path))]; ok {
		return m
	}
	return "application/octet-stream"
}

// write seals into a temporary file, saves the keys, and only then gives the
// envelope its name.
func (s *sealing) write(stderr io.Writer) (seal.Sealed, error) {
	temporary := s.out + ".part"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return seal.Sealed{}, notWritten(s.out, err)
	}
	defer func() { _ = os.Remove(temporary) }() // gone already if all went well
	last := int64(-1)
	sealed, err := seal.Seal(f, s.in, func(done, total int64) {
		if percent := done * 100 / max(total, 1); percent/10 != last {
			last = percent / 10
			_, _ = fmt.Fprintf(stderr, "封装 %d%%\n", percent)
		}
	})
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = notWritten(s.out, closeErr)
	}
	if err != nil {
		return seal.Sealed{}, err
	}
	s.vault.Doc.Keep(vault.Bid{
		Lot: s.tender.Lot, Title: s.tender.Title, Digest: sealed.Digest, Size: sealed.Size, Header: sealed.Header,
		Bidder: s.in.Bidder, OneTime: s.in.OneTime, SealedAt: s.signedAt,
	})
	blob, err := s.vault.Save(time.Now())
	if err != nil {
		return seal.Sealed{}, err
	}
	if err := writeFile(s.vaultPath, blob); err != nil {
		return seal.Sealed{}, err
	}
	return sealed, rename(temporary, s.out)
}
