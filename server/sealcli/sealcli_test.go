package sealcli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/smx509"

	"jianbiao/internal/certificate/democa"
	"jianbiao/internal/certificate/keyfile"
	"jianbiao/internal/seal"
	"jianbiao/internal/vault"
	"jianbiao/server/sealcli"
)

const passphrase = "骆马湖边的第三棵柳树 7"

// desk is a bidder's folder and the tender's keys.
type desk struct {
	t               *testing.T
	dir             string
	cutoff, opening seal.PrivateKey
}

func setup(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir(), cutoff: key(t), opening: key(t)}
	tender, err := json.Marshal(map[string]any{
		"lot": "L1", "title": "宿迁市某道路工程", "documentVersion": "1", "deadline": "2026-03-24T09:30:00+08:00",
		"cutoffKey": d.cutoff.Public(), "openingKey": d.opening.Public(), "more": []int{1},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.write("tender.json", string(tender))
	d.write("form.json", `{"owner":{"name":"宿迁市第一建筑工程有限公司","uscc":"91321300134567890X","legalRepresentative":"王建国","agent":"李四"},"forms":{"price":{"price":"12345678.90"}}}`)
	d.write("pass", passphrase+"\n")
	d.write("施工组织设计.pdf", strings.Repeat("volume ", 300_000))
	d.write("opening.key", d.opening.Text()+"\n")
	d.write("cutoff.key", d.cutoff.Text())
	return d
}

func key(t *testing.T) seal.PrivateKey {
	t.Helper()
	k, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) write(name, content string) {
	d.t.Helper()
	if err := os.WriteFile(d.path(name), []byte(content), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) read(name string) []byte {
	d.t.Helper()
	raw, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	return raw
}

type result struct {
	Digest   string            `json:"digest"`
	Size     int64             `json:"size"`
	Number   int               `json:"number"`
	Kind     string            `json:"kind"`
	Sections map[string]string `json:"sections"`
}

// run gives the JSON line, the exit code and what was said.
func run(t *testing.T, command func([]string, *bytes.Buffer, *bytes.Buffer) int, args ...string) (r result, code int, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code = command(args, &stdout, &stderr); code == 0 {
		if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
			t.Fatalf("%v: %s", err, stdout.String())
		}
	}
	return r, code, stderr.String()
}

func sealCommand(args []string, out, err *bytes.Buffer) int   { return sealcli.Seal(args, out, err) }
func unsealCommand(args []string, out, err *bytes.Buffer) int { return sealcli.Unseal(args, out, err) }

func (d *desk) seal(out string, more ...string) (result, int, string) {
	d.t.Helper()
	args := []string{"--tender", d.path("tender.json"), "--vault", d.path("vault"), "--passphrase-file", d.path("pass"), "--out", d.path(out)}
	return run(d.t, sealCommand, append(args, more...)...)
}

func (d *desk) bid(out string, more ...string) (result, int, string) {
	d.t.Helper()
	args := []string{"--form", d.path("form.json"), "--file", "technical=" + d.path("施工组织设计.pdf"), "--new-vault", "--new-signing-keys"}
	return d.seal(out, append(args, more...)...)
}

func (d *desk) unseal(in string, more ...string) (result, int, string) {
	d.t.Helper()
	return run(d.t, unsealCommand, append([]string{"--in", d.path(in), "--passphrase-file", d.path("pass")}, more...)...)
}

func TestSealAndUnseal(t *testing.T) {
	t.Parallel()
	d := setup(t)
	sealed, code, said := d.bid("bid.jbe")
	if code != 0 {
		t.Fatal(said)
	}
	if !strings.Contains(said, "封装 100%") {
		t.Errorf("progress: %s", said)
	}
	tested, code, said := d.unseal("bid.jbe", "--vault", d.path("vault"))
	if code != 0 || tested.Digest != sealed.Digest || tested.Sections["price"] != "ready" || tested.Sections["owner"] != "closed" {
		t.Errorf("local test: %+v %s", tested, said)
	}
	opened, code, said := d.unseal("bid.jbe", "--vault", d.path("vault"), "--opening-key", d.path("opening.key"), "--out", d.path("opened"))
	if code != 0 || opened.Sections["technical"] != "opened" {
		t.Fatalf("%+v %s", opened, said)
	}
	if got := d.read("opened/technical/施工组织设计.pdf"); !bytes.Equal(got, d.read("施工组织设计.pdf")) {
		t.Errorf("%d bytes came out", len(got))
	}
	if got := string(d.read("opened/price/form.json")); got != "{\"price\":\"12345678.90\"}\n" {
		t.Errorf("form %s", got)
	}
	if !bytes.Contains(d.read("opened/owner/form.json"), []byte(`"capacity":"agent"`)) {
		t.Error("owner is not opened")
	}
}

// TestParts opens with parts alone, as a verifier does who has no key.
func TestParts(t *testing.T) {
	t.Parallel()
	d := setup(t)
	if _, code, said := d.bid("bid.jbe"); code != 0 {
		t.Fatal(said)
	}
	v, err := vault.Open(d.read("vault"), passphrase)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := v.Doc.Current("L1")
	s, _ := b.Header.Section("price")
	tender, err := seal.UnwrapTender(d.opening, s)
	if err != nil {
		t.Fatal(err)
	}
	bidder, err := seal.UnwrapBidder(b.Bidder, s)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	args := []string{"--cutoff-key", d.path("cutoff.key"), "--section", "price", "--out", d.path("opened"), "--tender-part", "price=" + text(tender)}
	r, code, said := d.unseal("bid.jbe", append(args, "--bidder-part", "price="+text(bidder))...)
	if code != 0 || r.Sections["price"] != "opened" || len(r.Sections) != 1 {
		t.Errorf("%+v %s", r, said)
	}
	if _, code, said := d.unseal("bid.jbe", append(args, "--bidder-part", "price="+text(tender))...); code != 2 || !strings.Contains(said, "seal.part_mismatch") {
		t.Errorf("false part: %d %s", code, said)
	}
}

func TestReplaceAndWithdraw(t *testing.T) {
	t.Parallel()
	d := setup(t)
	if _, code, said := d.seal("w.jbe", "--new-vault", "--withdraw"); code != 2 || !strings.Contains(said, "seal.nothing_to_replace") {
		t.Errorf("nothing there: %s", said)
	}
	first, _, said := d.bid("1.jbe")
	if first.Number != 1 {
		t.Fatal(said)
	}
	second, _, said := d.bid("2.jbe", "--replace")
	if second.Number != 2 || second.Kind != "bid" {
		t.Fatalf("%+v %s", second, said)
	}
	third, _, said := d.seal("3.jbe", "--withdraw")
	if third.Number != 3 || third.Kind != "withdrawal" || third.Size != second.Size {
		t.Fatalf("%+v %s", third, said)
	}
	var headers []seal.Header
	for _, name := range []string{"1.jbe", "2.jbe", "3.jbe"} {
		h, err := seal.ReadHeader(bytes.NewReader(d.read(name)), d.cutoff)
		if err != nil {
			t.Fatal(err)
		}
		headers = append(headers, h)
	}
	if err := seal.CheckReplacement(headers[0], first.Digest, headers[1]); err != nil {
		t.Error(err)
	}
	if err := seal.CheckReplacement(headers[1], second.Digest, headers[2]); err != nil {
		t.Error(err)
	}
	if _, code, said := d.seal("4.jbe", "--withdraw"); code != 2 || !strings.Contains(said, "seal.nothing_to_replace") {
		t.Errorf("withdrawn twice: %s", said)
	}
}

// TestRefusals: each ends with one Chinese sentence and its code, and leaves no file.
func TestRefusals(t *testing.T) {
	t.Parallel()
	d := setup(t)
	if _, code, said := d.bid("bid.jbe"); code != 0 {
		t.Fatal(said)
	}
	d.write("wrong", "another passphrase\n")
	tampered := d.read("bid.jbe")
	tampered[200_000] ^= 1
	d.write("tampered.jbe", string(tampered))
	v := []string{"--vault", d.path("vault")}
	seals := func(more ...string) func() (result, int, string) {
		return func() (result, int, string) { return d.seal("no.jbe", more...) }
	}
	unseals := func(in string, more ...string) func() (result, int, string) {
		return func() (result, int, string) { return d.unseal(in, more...) }
	}
	for name, c := range map[string]struct {
		run  func() (result, int, string)
		code string
	}{
		"no form":          {seals(), "seal.argument"},
		"unknown option":   {seals("--nope"), "seal.argument"},
		"stray argument":   {seals("x"), "seal.argument"},
		"value missing":    {seals("--form"), "seal.argument"},
		"file without =":   {seals("--file", "x"), "seal.argument"},
		"withdraw + form":  {seals("--withdraw", "--form", "x"), "seal.argument"},
		"no such form":     {seals("--form", d.path("none")), "seal.file"},
		"form is not JSON": {seals("--form", d.path("pass")), "seal.file"},
		"no such file":     {seals("--form", d.path("form.json"), "--file", "technical="+d.path("none")), "seal.file"},
		"a folder":         {seals("--form", d.path("form.json"), "--file", "technical="+d.dir), "seal.file"},
		"wrong passphrase": {seals("--form", d.path("form.json"), "--passphrase-file", d.path("wrong")), "vault.wrong_passphrase"},
		"not a vault":      {seals("--form", d.path("form.json"), "--vault", d.path("bid.jbe")), "vault.not_vault"},
		"section name":     {seals("--form", d.path("form.json"), "--file", "技术="+d.path("pass")), "seal.input"},
		"tampered":         {unseals("tampered.jbe", v...), "seal.not_in_vault"},
		"tampered, no vault": {unseals("tampered.jbe", "--cutoff-key", d.path("cutoff.key"), "--opening-key", d.path("opening.key"), "--out", d.path("x"),
			"--bidder-part", "price=AAAA"), "seal.part_mismatch"},
		"no keys":            {unseals("bid.jbe"), "seal.argument"},
		"not an envelope":    {unseals("pass", "--cutoff-key", d.path("cutoff.key")), "seal.not_envelope"},
		"other cut-off key":  {unseals("bid.jbe", "--cutoff-key", d.path("opening.key")), "seal.not_mine"},
		"not a key":          {unseals("bid.jbe", "--cutoff-key", d.path("pass")), "seal.file"},
		"other opening key":  {unseals("bid.jbe", append(v, "--opening-key", d.path("cutoff.key"))...), "seal.partial"},
		"no such section":    {unseals("bid.jbe", append(v, "--section", "none")...), "seal.no_section"},
		"part is not base64": {unseals("bid.jbe", append(v, "--tender-part", "price=!")...), "seal.argument"},
	} {
		_, code, said := c.run()
		if code != 2 || !strings.Contains(said, "（"+c.code+"）") {
			t.Errorf("%s: exit %d, %s", name, code, said)
		}
	}
	for _, name := range []string{"no.jbe", "no.jbe.part"} {
		if _, err := os.Stat(d.path(name)); err == nil {
			t.Errorf("%s was left behind", name)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]func([]string, *bytes.Buffer, *bytes.Buffer) int{"seal": sealCommand, "unseal": unsealCommand} {
		var stdout, stderr bytes.Buffer
		if code := command([]string{"--help"}, &stdout, &stderr); code != 0 || !strings.Contains(stdout.String(), "用法：jianbiao "+name) || stderr.Len() > 0 {
			t.Errorf("%s --help: exit %d, %s", name, code, stderr.String())
		}
	}
}

// TestSeal_WithCertificates: a CA's keys sign, and are in no vault; the file of
// an encryption certificate is refused, whatever it is offered for.
func TestSeal_WithCertificates(t *testing.T) {
	t.Parallel()
	d := setup(t)
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	ca, err := democa.New(at)
	if err != nil {
		t.Fatal(err)
	}
	to := democa.Subject{Organisation: "宿迁市第一建筑工程有限公司", USCC: "91321300134567890X"}
	firm, err := ca.Issue(to, at)
	if err != nil {
		t.Fatal(err)
	}
	to.Person, to.Title = "李四", "委托代理人"
	person, err := ca.Issue(to, at)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]keyfile.File{"firm.json": firm, "person.json": person} {
		raw, err := f.Seal("证书的口令 2026")
		if err != nil {
			t.Fatal(err)
		}
		d.write(name, string(raw))
	}
	d.write("certpass", "证书的口令 2026\n")
	args := []string{"--form", d.path("form.json"), "--file", "technical=" + d.path("施工组织设计.pdf"), "--new-vault",
		"--certificate", d.path("firm.json"), "--signer-certificate", d.path("person.json")}
	if _, code, said := d.seal("bid.jbe", args...); code != 2 || !strings.Contains(said, "keyfile.passphrase") {
		t.Errorf("the vault's passphrase: %d %s", code, said)
	}
	if _, code, said := d.seal("bid.jbe", append(args, "--certificate-passphrase-file", d.path("certpass"))...); code != 0 {
		t.Fatal(said)
	}
	if _, code, said := d.unseal("bid.jbe", "--vault", d.path("vault"), "--opening-key", d.path("opening.key"), "--out", d.path("opened")); code != 0 {
		t.Fatal(said)
	}
	var owner seal.Owner
	if err := json.Unmarshal(d.read("opened/owner/form.json"), &owner); err != nil {
		t.Fatal(err)
	}
	if owner.FirmCertificate != firm.Certificate() || owner.SignerCertificate != person.Certificate() || owner.FirmKey != firm.Public() {
		t.Errorf("%+v", owner)
	}
	if v, err := vault.Open(d.read("vault"), passphrase); err != nil || len(v.Doc.Signing) != 0 {
		t.Errorf("signing keys in the vault: %v", err)
	}

	k := key(t)
	der, err := ca.IssueFor(k, to, at, smx509.KeyUsageKeyEncipherment|smx509.KeyUsageDataEncipherment)
	if err != nil {
		t.Fatal(err)
	}
	// A file that says nothing of it: made by hand, with the certificate exchanged.
	var file map[string]any
	if err := json.Unmarshal(d.read("firm.json"), &file); err != nil {
		t.Fatal(err)
	}
	file["certificate"] = base64.RawURLEncoding.EncodeToString(der)
	raw, _ := json.Marshal(file)
	d.write("firm.json", string(raw))
	_, code, said := d.seal("second.jbe", append(args, "--certificate-passphrase-file", d.path("certpass"))...)
	if code != 2 || !strings.Contains(said, "certificate.encryption") || !strings.Contains(said, "密钥中心") {
		t.Errorf("an encryption certificate: %d %s", code, said)
	}
}
