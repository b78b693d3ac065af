package main_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jianbiao/internal/certificate/democa"
	"jianbiao/internal/certificate/keyfile"
	"jianbiao/internal/seal"
	"jianbiao/internal/vault"
	"jianbiao/internal/vrf"
)

const passphrase, nextPassphrase = "骆马湖边的第三棵柳树 7", "洪泽湖边的第四棵柳树 8"

var b64 = base64.RawURLEncoding

// build compiles the sealer with the same script as the product.
func build(t *testing.T) (runtime, wasm string) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(filepath.Join("..", "..", "..", "scripts", "build-sealer.sh"), dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(dir, "wasm_exec.js"), filepath.Join(dir, "sealer.wasm")
}

func key(t *testing.T) seal.PrivateKey {
	t.Helper()
	k, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func must[T any](t *testing.T, what func() (T, error)) T {
	t.Helper()
	v, err := what()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type object = map[string]any

// report is what testdata/run.mjs found out.
type report struct {
	Version string `json:"version"`
	Sealed  struct {
		Digest string      `json:"digest"`
		Size   int64       `json:"size"`
		Header seal.Header `json:"header"`
	} `json:"sealed"`
	SealSeconds        float64 `json:"sealSeconds"`
	Progress           int64   `json:"progress"`
	Digest             string  `json:"digest"`
	Part               string  `json:"part"`
	PartFits           bool    `json:"partFits"`
	PartElsewhere      bool    `json:"partElsewhere"`
	WrongKey           string  `json:"wrongKey"`
	NoSection          string  `json:"noSection"`
	Receipt            string  `json:"receipt"`
	ReceiptChanged     string  `json:"receiptChanged"`
	Owner              string  `json:"owner"`
	OwnerChanged       string  `json:"ownerChanged"`
	VRFChanged         string  `json:"vrfChanged"`
	Signature          string  `json:"signature"`
	SignatureHolds     bool    `json:"signatureHolds"`
	SignatureElsewhere bool    `json:"signatureElsewhere"`
	Public             string  `json:"public"`
	Canonical          string  `json:"canonical"`
	NotCanonical       string  `json:"notCanonical"`
	VaultWrong         string  `json:"vaultWrong"`
	VaultClosed        string  `json:"vaultClosed"`
	Weak               string  `json:"weak"`
	BadCall            string  `json:"badCall"`

	Certificate          string `json:"certificate"`
	CertificateSignature string `json:"certificateSignature"`
	CertificateWrong     string `json:"certificateWrong"`
	CertificateClosed    string `json:"certificateClosed"`

	BadArity     string `json:"badArity"`
	ShortFile    string `json:"shortFile"`
	RejectedFile string `json:"rejectedFile"`
	VRF          struct {
		Output string `json:"output"`
		Choice int    `json:"choice"`
	} `json:"vrf"`
	Keys []struct {
		Private string `json:"private"`
		Public  string `json:"public"`
	} `json:"keys"`
}

// TestBrowserToServer seals in WASM under node and opens natively, and has the
// WASM program check what was made natively.
func TestBrowserToServer(t *testing.T) {
	t.Parallel()
	runtime, wasm := build(t)
	dir := t.TempDir()
	cutoff, opening, bidder, oneTime, firm, person := key(t), key(t), key(t), key(t), key(t), key(t)
	content := make([]byte, 3<<20+17)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
	write(t, filepath.Join(dir, "施工组织设计.pdf"), content)
	owner := seal.Owner{
		Name: "宿迁市第一建筑工程有限公司", USCC: "91321300134567890X", LegalRepresentative: "王建国",
		Capacity: seal.CapacityLegal, SignedAt: "2026-03-23T09:00:00+08:00",
	}
	input := object{
		"lot": "L1", "documentVersion": "1", "cutoffKey": cutoff.Public(), "openingKey": opening.Public(),
		"deadline": "2026-03-24T01:30:00Z", "kind": "bid", "number": 1, "oneTime": oneTime, "bidder": bidder,
		"firm": firm, "signatory": person, "owner": owner,
		"sections": []object{
			{"name": "technical", "files": []object{{"name": "施工组织设计.pdf", "media": "application/pdf", "size": len(content)}}},
			{"name": "price", "form": object{"price": "12345678.90"}, "files": []object{}},
		},
	}
	demo := demoCertificate(t, owner)
	file := must(t, func() ([]byte, error) { return demo.Seal(passphrase) })
	task := object{"certificate": string(file), "input": input, "passphrase": passphrase, "nextPassphrase": nextPassphrase, "receipt": receipted(t), "vrf": drawn(t)}
	write(t, filepath.Join(dir, "task.json"), must(t, func() ([]byte, error) { return json.Marshal(task) }))
	native := must(t, func() (*vault.Vault, error) { return vault.New(passphrase) })
	native.Doc.Followed = []vault.Followed{{Lot: "L1"}}
	write(t, filepath.Join(dir, "native.vault"), must(t, func() ([]byte, error) { return native.Save(time.Unix(0, 0)) }))

	cmd := exec.Command("node", filepath.Join("testdata", "run.mjs"), runtime, wasm, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var r report
	if err := json.Unmarshal(read(t, filepath.Join(dir, "report.json")), &r); err != nil {
		t.Fatal(err)
	}
	t.Logf("sealed 3 MiB in %.2f s", r.SealSeconds)
	checkReport(t, r, int64(len(content)), oneTime)

	raw := read(t, filepath.Join(dir, "wasm.jbe"))
	h := must(t, func() (seal.Header, error) { return seal.ReadHeader(bytes.NewReader(raw), cutoff) })
	if err := seal.CheckStructure(h, int64(len(raw))); err != nil {
		t.Error(err)
	}
	s, _ := h.Section("technical")
	tender := must(t, func() ([]byte, error) { return seal.UnwrapTender(opening, s) })
	part := must(t, func() ([]byte, error) { return b64.DecodeString(r.Part) })
	err := seal.OpenSection(bytes.NewReader(raw), h, "technical", tender, part, seal.Visit{File: func(_ seal.File, r io.Reader) error {
		if got := must(t, func() ([]byte, error) { return io.ReadAll(r) }); !bytes.Equal(got, content) {
			t.Errorf("%d bytes, not those sealed", len(got))
		}
		return nil
	}})
	if err != nil {
		t.Error(err)
	}
	s, _ = h.Section(seal.OwnerSection)
	tender = must(t, func() ([]byte, error) { return seal.UnwrapTender(opening, s) })
	if o, err := seal.OpenOwner(bytes.NewReader(raw), h, tender); err != nil || o.Name != owner.Name || o.FirmCertificate != demo.Certificate() || o.SignerCertificate != "" {
		t.Errorf("owner %+v, %v", o, err)
	}
	if r.Certificate != demo.Certificate() || demo.Public().Verify("tag", []byte("挑战"), r.CertificateSignature) != nil {
		t.Errorf("certificate %s signs %s", r.Certificate, r.CertificateSignature)
	}
	if r.CertificateWrong != "keyfile.passphrase" || r.CertificateClosed != "keyfile.not_keyfile" {
		t.Errorf("%s, %s", r.CertificateWrong, r.CertificateClosed)
	}
	again, err := vault.Open(read(t, filepath.Join(dir, "wasm.vault")), nextPassphrase)
	if err != nil || again.Doc.Settings["from"] != "wasm" || again.Doc.Revision != 2 || again.Doc.Followed[0].Lot != "L1" {
		t.Errorf("vault %+v, %v", again, err)
	}
}

func demoCertificate(t *testing.T, owner seal.Owner) keyfile.File {
	t.Helper()
	ca := must(t, func() (*democa.CA, error) { return democa.New(time.Unix(1_770_000_000, 0)) })
	return must(t, func() (keyfile.File, error) {
		return ca.Issue(democa.Subject{Organisation: owner.Name, USCC: owner.USCC}, time.Unix(1_770_000_000, 0))
	})
}

func checkReport(t *testing.T, r report, contentSize int64, oneTime seal.PrivateKey) {
	t.Helper()
	d, err := vrf.Verify(vrfPublic(t), []byte("alpha"), must(t, func() ([]byte, error) { return vrf.Prove(vrfSeed, []byte("alpha")) }))
	if err != nil {
		t.Fatal(err)
	}
	const internal = "seal.internal"
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"version", r.Version, seal.Sealer}, {"digest", r.Digest, r.Sealed.Digest}, {"progress", r.Progress, 2 * contentSize},
		{"part fits", r.PartFits, true}, {"part fits elsewhere", r.PartElsewhere, false},
		{"wrong key", r.WrongKey, "seal.partial"}, {"no section", r.NoSection, "seal.no_section"},
		{"receipt", r.Receipt, "resolved undefined"}, {"receipt changed", r.ReceiptChanged, "seal.receipt"},
		{"owner", r.Owner, "resolved undefined"}, {"owner changed", r.OwnerChanged, "seal.owner"},
		{"VRF", r.VRF.Output, b64.EncodeToString(d)}, {"choice", r.VRF.Choice, vrf.Choose(d, 41)}, {"VRF changed", r.VRFChanged, "vrf.proof"},
		{"signature", r.SignatureHolds, true}, {"signature under another tag", r.SignatureElsewhere, false},
		{"signature natively", seal.VerifyOneTime(oneTime.Public(), seal.TagSealCheck, []byte("检查"), r.Signature), error(nil)},
		{"public key", r.Public, r.Keys[0].Public}, {"canonical", r.Canonical, `{"a":"元","b":1}`}, {"not canonical", r.NotCanonical, "seal.input"},
		{"wrong passphrase", r.VaultWrong, "vault.wrong_passphrase"}, {"closed vault", r.VaultClosed, "vault.not_vault"},
		{"weak", r.Weak, "vault.weak_passphrase"}, {"bad call", r.BadCall, "seal.input"}, {"bad arity", r.BadArity, internal},
		{"short file", r.ShortFile, "seal.file_changed"}, {"file gone", r.RejectedFile, "seal.file_changed"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
}

// receipted is a receipt and an owner made natively, with the platform's keys.
func receipted(t *testing.T) object {
	t.Helper()
	cutoff, opening, bidder, oneTime, firm, platform := key(t), key(t), key(t), key(t), key(t), key(t)
	in := seal.Input{
		Lot: "L1", DocumentVersion: "1", CutoffKey: cutoff.Public(), OpeningKey: opening.Public(), Deadline: time.Unix(1_800_000_000, 0),
		Kind: seal.KindBid, Number: 1, OneTime: oneTime, Bidder: bidder, Firm: firm, Signatory: firm,
		Owner:    seal.Owner{Name: "甲", USCC: "A", LegalRepresentative: "乙", Agent: "丙", Capacity: seal.CapacityAgent, SignedAt: "2026-03-23T09:00:00+08:00"},
		Sections: []seal.SectionInput{{Name: "price", Form: json.RawMessage(`{"price":"1.00"}`)}},
	}
	var out bytes.Buffer
	sealed := must(t, func() (seal.Sealed, error) { return seal.Seal(&out, in, nil) })
	pub, priv, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := must(t, func() (seal.Receipt, error) {
		return seal.NewReceipt(sealed.Header, sealed.Digest, sealed.Size, time.Unix(1_700_000_000, 5_000_000), seal.ReceiptEvent{Stream: "s", ID: "i", Seq: 1})
	})
	r = must(t, func() (seal.Receipt, error) { return seal.SignReceipt(r, priv, platform) })
	s, _ := sealed.Header.Section(seal.OwnerSection)
	tender := must(t, func() ([]byte, error) { return seal.UnwrapTender(opening, s) })
	o := must(t, func() (seal.Owner, error) { return seal.OpenOwner(bytes.NewReader(out.Bytes()), sealed.Header, tender) })
	return object{"receipt": r, "header": sealed.Header, "owner": o, "ed25519": b64.EncodeToString(pub), "sm2": platform.Public()}
}

var vrfSeed = bytes.Repeat([]byte{7}, vrf.SeedSize)

func vrfPublic(t *testing.T) []byte {
	t.Helper()
	return must(t, func() ([]byte, error) { return vrf.Public(vrfSeed) })
}

func drawn(t *testing.T) object {
	t.Helper()
	proof := must(t, func() ([]byte, error) { return vrf.Prove(vrfSeed, []byte("alpha")) })
	return object{"public": b64.EncodeToString(vrfPublic(t)), "alpha": b64.EncodeToString([]byte("alpha")), "proof": b64.EncodeToString(proof)}
}

// TestReproducible: two builds from two folders give the same bytes.
func TestReproducible(t *testing.T) {
	t.Parallel()
	_, first := build(t)
	_, second := build(t)
	a, b := read(t, first), read(t, second)
	if !bytes.Equal(a, b) {
		t.Error("two builds differ")
	}
	wd := must(t, os.Getwd)
	if home := strings.TrimSuffix(wd, filepath.Join("internal", "seal", "wasm")); bytes.Contains(a, []byte(home)) {
		t.Errorf("the program holds the path %s", home)
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	return must(t, func() ([]byte, error) { return os.ReadFile(path) })
}
