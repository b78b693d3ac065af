package sealcli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"jianbiao/internal/seal"
	"jianbiao/internal/vault"
)

const unsealUsage = `用法：jianbiao unseal --in 投标.jbe --vault 保险箱 [--opening-key 文件 | --tender-part 部分=分量 …] [--out 目录]
Opens a sealed bid, or tests that its keys are there, without a network.

  --in FILE                  加密投标文件 / the sealed envelope
  --vault FILE               制作它的保险箱（投标人一方） / the vault it was made with
  --passphrase-file FILE     保险箱口令所在文件（首行），或用环境变量 JIANBIAO_PASSPHRASE
  --cutoff-key FILE          截标密钥：没有保险箱时用来读信封信息 / cut-off key, where there is no vault
  --opening-key FILE         开标密钥（招标方） / the tender's opening key
  --tender-part SECTION=B64  某一部分的招标方分量，可多次使用 / a tender part, repeatable
  --bidder-part SECTION=B64  某一部分的投标人分量，代替保险箱 / a bidder part instead of the vault
  --section NAME             只打开这一部分 / open this section only
  --out DIR                  把打开的内容写入此目录；不写则只作解密自测
                             where to write what was opened; without it nothing is opened, the keys are tested

最后一行是 JSON：{"digest","size","sections":{"price":"opened"}}；ready 表示投标人一方的解密自测通过，closed 表示分量不全。
`

// Outcomes of a section.
const (
	outcomeOpened = "opened"
	outcomeReady  = "ready" // the bidder's part fits; the tender's is not here
	outcomeClosed = "closed"
)

var b64 = base64.RawURLEncoding.Strict()

// unsealing is one run of the command.
type unsealing struct {
	in, vaultPath, passphrasePath, cutoffPath, openingPath, section, out string
	tenderParts, bidderParts                                             map[string]string

	digest  string
	size    int64
	header  seal.Header
	bidder  seal.PrivateKey
	opening seal.PrivateKey
}

// Unseal is `jianbiao unseal`: it tests the bidder's keys against an envelope, and
// with the tender's parts opens it. One JSON line on stdout, or one Chinese
// sentence on stderr; it gives the exit code. A file appears under its name only
// when its whole section was found in order.
func Unseal(args []string, stdout, stderr io.Writer) int {
	u := unsealing{tenderParts: map[string]string{}, bidderParts: map[string]string{}}
	err := flags{values: map[string]func(string) error{
		"in": text(&u.in), "vault": text(&u.vaultPath), "passphrase-file": text(&u.passphrasePath), "cutoff-key": text(&u.cutoffPath),
		"opening-key": text(&u.openingPath), "section": text(&u.section), "out": text(&u.out),
		"tender-part": pair("tender-part", func(s, v string) { u.tenderParts[s] = v }),
		"bidder-part": pair("bidder-part", func(s, v string) { u.bidderParts[s] = v }),
	}}.parse(args)
	if err == nil {
		err = u.run(stdout)
	}
	return finish(err, unsealUsage, stdout, stderr)
}

func (u *unsealing) run(stdout io.Writer) error {
	if err := required([2]string{"in", u.in}); err != nil {
		return err
	}
	f, err := os.Open(u.in)
	if err != nil {
		return fmt.Errorf("%w: %w", refuse("seal.file", "无法读取文件“%s”。", u.in), err)
	}
	defer func() { _ = f.Close() }() // only read from
	d := seal.NewDigest()
	if _, err := io.Copy(d, f); err != nil {
		return fmt.Errorf("%w: %w", refuse("seal.file", "无法读取文件“%s”。", u.in), err)
	}
	u.digest, u.size = d.Sum(), d.Size()
	if err := u.learn(f); err != nil {
		return err
	}
	if err := seal.CheckStructure(u.header, u.size); err != nil {
		return err
	}
	outcomes := map[string]string{}
	for _, s := range u.header.Sections {
		if u.section != "" && s.Name != u.section {
			continue
		}
		if outcomes[s.Name], err = u.open(f, s); err != nil {
			return err
		}
	}
	if u.section != "" && len(outcomes) == 0 {
		return seal.ErrNoSection
	}
	return json.NewEncoder(stdout).Encode(map[string]any{"digest": u.digest, "size": u.size, "sections": outcomes})
}

// learn finds the header, in the vault or with the cut-off key, and the keys.
func (u *unsealing) learn(f io.ReadSeeker) error {
	if u.openingPath != "" {
		if err := readKey(u.openingPath, &u.opening); err != nil {
			return err
		}
	}
	if u.vaultPath != "" {
		return u.fromVault()
	}
	if u.cutoffPath == "" {
		return refuse("seal.argument", "请用 --vault 或 --cutoff-key 给出读信封信息的依据。")
	}
	var cutoff seal.PrivateKey
	if err := readKey(u.cutoffPath, &cutoff); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	header, err := seal.ReadHeader(f, cutoff)
	u.header = header
	return err
}

func (u *unsealing) fromVault() error {
	passphrase, err := passphraseFrom(u.passphrasePath)
	if err != nil {
		return err
	}
	blob, err := readFile(u.vaultPath)
	if err != nil {
		return err
	}
	v, err := vault.Open(blob, passphrase)
	if err != nil {
		return err
	}
	b, ok := v.Doc.Bid(u.digest)
	if !ok {
		return refuse("seal.not_in_vault", "保险箱中没有这份加密投标文件的密钥，或文件已被改动（摘要 %s）。", u.digest)
	}
	u.header, u.bidder = b.Header, b.Bidder
	return nil
}

func readKey(path string, key *seal.PrivateKey) error {
	raw, err := readFile(path)
	if err != nil {
		return err
	}
	if *key, err = seal.ParsePrivateKey(strings.TrimSpace(string(raw))); err != nil {
		return fmt.Errorf("%w: %w", refuse("seal.file", "文件“%s”中不是密钥。", path), err)
	}
	return nil
}

// open opens one section as far as the parts at hand go.
func (u *unsealing) open(r io.ReaderAt, s seal.Section) (string, error) {
	tenderPart, err := u.part(u.tenderParts[s.Name], u.opening, s, seal.UnwrapTender)
	if err != nil {
		return "", err
	}
	var bidderPart []byte
	if s.Parts == seal.PartsBoth {
		if bidderPart, err = u.part(u.bidderParts[s.Name], u.bidder, s, seal.UnwrapBidder); err != nil {
			return "", err
		}
		if bidderPart != nil && !u.header.CheckPart(s.Name, seal.RoleBidder, bidderPart) {
			return "", &seal.PartError{Section: s.Name, Role: seal.RoleBidder}
		}
	}
	complete := tenderPart != nil && (bidderPart != nil || s.Parts == seal.PartsTender)
	switch {
	case complete && u.out != "":
		return outcomeOpened, u.extract(r, s.Name, tenderPart, bidderPart)
	case bidderPart != nil:
		return outcomeReady, nil
	}
	return outcomeClosed, nil
}

// part takes what was given, or unwraps it where the key is here; nil if neither.
func (u *unsealing) part(given string, key seal.PrivateKey, s seal.Section, unwrap func(seal.PrivateKey, seal.Section) ([]byte, error)) ([]byte, error) {
	if given != "" {
		part, err := b64.DecodeString(given)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", refuse("seal.argument", "“%s”的分量不是 base64url 文本。", s.Name), err)
		}
		return part, nil
	}
	if key.IsZero() {
		return nil, nil
	}
	return unwrap(key, s)
}

// extract writes a section under temporary names and renames the files when all
// of it was found in order.
func (u *unsealing) extract(r io.ReaderAt, name string, tenderPart, bidderPart []byte) (err error) {
	dir := filepath.Join(u.out, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return notWritten(dir, err)
	}
	var written []string
	defer func() {
		for _, path := range written {
			if err == nil {
				err = rename(path+".part", path)
				continue
			}
			_ = os.Remove(path + ".part")
		}
	}()
	save := func(name string, r io.Reader) error {
		path := filepath.Join(dir, name)
		written = append(written, path)
		return saveTo(path+".part", r)
	}
	return seal.OpenSection(r, u.header, name, tenderPart, bidderPart, seal.Visit{
		Index: func(i seal.Index) error {
			if slices.ContainsFunc(i.Files, func(f seal.File) bool { return strings.EqualFold(f.Name, "form.json") }) {
				return nil // a file of that name takes precedence over the form
			}
			return save("form.json", bytes.NewReader(append(bytes.Clone(i.Form), '\n')))
		},
		File: func(f seal.File, r io.Reader) error { return save(f.Name, r) },
	})
}

func saveTo(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return notWritten(path, err)
	}
	_, err = io.Copy(f, r)
	if closeErr := f.Close(); closeErr != nil {
		err = errors.Join(err, notWritten(path, closeErr))
	}
	return err
}
