package keyfile_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/emmansun/gmsm/smx509"

	"jianbiao/internal/apperr"
	"jianbiao/internal/certificate/democa"
	"jianbiao/internal/certificate/keyfile"
	"jianbiao/internal/seal"
)

var at = time.Date(2026, 3, 23, 9, 0, 0, 0, time.UTC)

const passphrase = "Yanlian-2026"

func made(t testing.TB) (*democa.CA, keyfile.File, []byte) {
	t.Helper()
	ca, err := democa.New(at)
	if err != nil {
		t.Fatal(err)
	}
	f, err := ca.Issue(democa.Subject{Organisation: "苏北建设集团有限公司", USCC: "91350100M000100Y43"}, at)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := f.Seal(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return ca, f, raw
}

func TestOpen(t *testing.T) {
	t.Parallel()
	_, f, raw := made(t)
	opened, err := keyfile.Open(raw, passphrase)
	if err != nil || opened.Public() != f.Public() || opened.Certificate() != f.Certificate() {
		t.Fatalf("%v", err)
	}
	signature, err := opened.Sign("tag", []byte("message"))
	if err != nil || f.Public().Verify("tag", []byte("message"), signature) != nil {
		t.Errorf("sign: %v", err)
	}
	if bytes.Contains(raw, []byte("key")) {
		t.Error("the file names a key in the open")
	}
}

func TestOpen_refusals(t *testing.T) {
	t.Parallel()
	ca, f, raw := made(t)
	wants := func(what string, err error, code string) {
		t.Helper()
		if apperr.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	_, err := keyfile.Open(raw, "Yanlian-2025")
	wants("wrong passphrase", err, "keyfile.passphrase")
	_, err = keyfile.Open([]byte(`{"format":"x"}`), passphrase)
	wants("another file", err, "keyfile.not_keyfile")
	_, err = keyfile.Open(bytes.Repeat([]byte("x"), keyfile.MaxSize+1), passphrase)
	wants("a large file", err, "keyfile.not_keyfile")

	key, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	subject := democa.Subject{Organisation: "甲", USCC: "91350100M000100Y43"}
	encryption, err := ca.IssueFor(key, subject, at, smx509.KeyUsageKeyEncipherment|smx509.KeyUsageDataEncipherment)
	if err != nil {
		t.Fatal(err)
	}
	_, err = keyfile.New(key, encryption)
	wants("an encryption certificate", err, "certificate.encryption")
	_, err = keyfile.New(key, []byte("x"))
	wants("no certificate", err, "keyfile.not_keyfile")
	signing, err := ca.IssueFor(key, subject, at, smx509.KeyUsageDigitalSignature)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := seal.GenerateKey()
	_, err = keyfile.New(other, signing)
	wants("another's certificate", err, "keyfile.mismatch")

	// A certificate that was exchanged in the file does not open with it.
	var d map[string]any
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	second, err := ca.Issue(subject, at)
	if err != nil {
		t.Fatal(err)
	}
	d["certificate"] = second.Certificate()
	changed, _ := json.Marshal(d)
	_, err = keyfile.Open(changed, passphrase)
	wants("an exchanged certificate", err, "keyfile.passphrase")
	_ = f
}

func FuzzOpen(f *testing.F) {
	_, _, raw := made(f)
	f.Add(raw)
	f.Add([]byte(`{"format":"jianbiao-demo-certificate","v":1,"certificate":"MAA","salt":"","nonce":"","box":""}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := keyfile.Open(raw, "x"); err == nil {
			t.Error("opened with a wrong passphrase")
		} else if _, ours := apperr.From(err); !ours {
			t.Errorf("not one of our refusals: %v", err)
		}
	})
}
