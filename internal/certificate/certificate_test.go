package certificate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/emmansun/gmsm/smx509"

	"jianbiao/internal/apperr"
	"jianbiao/internal/certificate"
	"jianbiao/internal/certificate/democa"
	"jianbiao/internal/certificate/keyfile"
	"jianbiao/internal/seal"
)

var (
	at   = time.Date(2026, 3, 23, 9, 0, 0, 0, time.UTC)
	firm = democa.Subject{Organisation: "苏北建设集团有限公司", USCC: "91350100M000100Y43"}
	boss = democa.Subject{Organisation: firm.Organisation, USCC: firm.USCC, Person: "李建国", Title: "法定代表人"}
)

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wants(t *testing.T, what string, err error, code string) {
	t.Helper()
	if got := apperr.CodeOf(err); got != code {
		t.Errorf("%s: %v, want %q", what, err, code)
	}
}

func newCA(t *testing.T) (*democa.CA, *certificate.Trust) {
	t.Helper()
	ca, err := democa.New(at)
	ca = must(t, ca, err)
	trust := certificate.NewTrust()
	if err := trust.AddCA(ca.Certificate); err != nil {
		t.Fatal(err)
	}
	return ca, trust
}

func issue(t *testing.T, ca *democa.CA, to democa.Subject) (keyfile.File, *certificate.Certificate) {
	t.Helper()
	f, err := ca.Issue(to, at)
	f = must(t, f, err)
	c, err := certificate.ParseText(f.Certificate(), certificate.DefaultProfile())
	return f, must(t, c, err)
}

func TestParse_saysWhoseItIs(t *testing.T) {
	t.Parallel()
	ca, trust := newCA(t)
	f, c := issue(t, ca, firm)
	if c.Kind != certificate.KindOrganisation || c.Organisation != firm.Organisation || c.USCC != firm.USCC || c.Person != "" || c.Algorithm != certificate.SM2 {
		t.Errorf("%+v", c)
	}
	if c.SealKey() != f.Public() || c.SealKey().IsZero() {
		t.Error("the certificate's key is another one")
	}
	_, c = issue(t, ca, boss)
	if c.Kind != certificate.KindPerson || c.Person != "李建国" || c.Title != "法定代表人" || c.USCC != firm.USCC {
		t.Errorf("%+v", c)
	}
	if c.Subject != "李建国（法定代表人） · 苏北建设集团有限公司 · 91350100M000100Y43" || c.Issuer != "见标演练 CA（见标演练）" {
		t.Errorf("%s, by %s", c.Subject, c.Issuer)
	}
	if err := trust.Verify(c, at); err != nil {
		t.Error(err)
	}
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.DER()})
	again, err := certificate.Parse(asPEM, certificate.DefaultProfile())
	if err != nil || again.Fingerprint() != c.Fingerprint() {
		t.Errorf("as PEM: %v", err)
	}
}

func TestVerify_refusals(t *testing.T) {
	t.Parallel()
	ca, trust := newCA(t)
	_, c := issue(t, ca, firm)
	other, _ := newCA(t)
	_, foreign := issue(t, other, firm)
	_, nobody := issue(t, ca, democa.Subject{Organisation: "没有代码的公司", USCC: "123"})
	wants(t, "good", trust.Verify(c, at), "")
	wants(t, "no roots", (&certificate.Trust{}).Verify(c, at), "certificate.not_configured")
	wants(t, "too early", trust.Verify(c, at.AddDate(0, 0, -2)), "certificate.not_yet")
	wants(t, "too late", trust.Verify(c, at.AddDate(11, 0, 0)), "certificate.expired")
	wants(t, "another CA", trust.Verify(foreign, at), "certificate.untrusted")
	wants(t, "no code", trust.Verify(nobody, at), "certificate.no_uscc")
	serial, _ := new(big.Int).SetString(c.Serial, 16)
	list, err := ca.Revoke(at.Add(time.Hour), serial)
	if err := trust.AddRevocations(must(t, list, err)); err != nil {
		t.Fatal(err)
	}
	wants(t, "before the revocation", trust.Verify(c, at), "")
	wants(t, "revoked", trust.Verify(c, at.Add(time.Hour)), "certificate.revoked")
	list, err = other.Revoke(at, serial)
	wants(t, "a list that nobody signed", trust.AddRevocations(must(t, list, err)), "certificate.roots")
}

// An encryption certificate is refused wherever a certificate or its key can
// come in: its private key was made by the CA's key centre.
func TestEncryptionCertificates_areRefusedEverywhere(t *testing.T) {
	t.Parallel()
	ca, _ := newCA(t)
	for _, c := range []struct {
		usage smx509.KeyUsage
		code  string
	}{
		{smx509.KeyUsageKeyEncipherment | smx509.KeyUsageDataEncipherment, "certificate.encryption"},
		{smx509.KeyUsageKeyAgreement, "certificate.encryption"},
		{smx509.KeyUsageDigitalSignature | smx509.KeyUsageKeyEncipherment, "certificate.encryption"},
		{smx509.KeyUsageCRLSign, "certificate.usage"},
		{0, "certificate.usage"},
	} {
		key, err := seal.GenerateKey()
		key = must(t, key, err)
		der, err := ca.IssueFor(key, firm, at, c.usage)
		der = must(t, der, err)
		_, err = certificate.Parse(der, certificate.DefaultProfile())
		wants(t, "parse", err, c.code)
		if c.code == "certificate.encryption" {
			_, err = keyfile.New(key, der)
			wants(t, "key file", err, c.code)
		}
	}
	_, err := certificate.Parse(ca.Certificate, certificate.DefaultProfile())
	wants(t, "the CA's own", err, "certificate.usage")
}

// foreign makes a self-signed root with a leaf of another algorithm.
func foreign(t *testing.T, key any, pub any, usage x509.KeyUsage) []byte {
	t.Helper()
	leaf := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: at.AddDate(0, 0, -1), NotAfter: at.AddDate(1, 0, 0), KeyUsage: usage,
		Subject: pkix.Name{CommonName: firm.Organisation, Organization: []string{firm.Organisation},
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: "USCC-" + firm.USCC}}}}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, pub, key)
	return must(t, der, err)
}

func TestVerifySignature_everyAlgorithm(t *testing.T) {
	t.Parallel()
	message := []byte("见标")
	sum := sha256.Sum256(append([]byte(certificate.TagSession+"\x00"), message...))
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ec = must(t, ec, err)
	big1, err := rsa.GenerateKey(rand.Reader, 2048)
	big1 = must(t, big1, err)
	r, s, err := ecdsa.Sign(rand.Reader, ec, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	var raw [64]byte
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	pkcs, err := rsa.SignPKCS1v15(rand.Reader, big1, 5, sum[:]) // 5: crypto.SHA256
	pkcs = must(t, pkcs, err)
	ca, _ := newCA(t)
	f, sm := issue(t, ca, firm)
	signature, err := f.Sign(certificate.TagSession, message)
	signature = must(t, signature, err)
	parse := func(der []byte) *certificate.Certificate {
		c, err := certificate.Parse(der, certificate.DefaultProfile())
		return must(t, c, err)
	}
	for _, c := range []struct {
		cert      *certificate.Certificate
		algorithm certificate.Algorithm
		signature string
	}{
		{parse(foreign(t, ec, &ec.PublicKey, x509.KeyUsageDigitalSignature)), certificate.P256, base64.RawURLEncoding.EncodeToString(raw[:])},
		{parse(foreign(t, big1, &big1.PublicKey, x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment)), certificate.RSA, base64.RawURLEncoding.EncodeToString(pkcs)},
		{sm, certificate.SM2, signature},
	} {
		if c.cert.Algorithm != c.algorithm || c.cert.USCC != firm.USCC {
			t.Errorf("%s: %+v", c.algorithm, c.cert)
		}
		wants(t, string(c.algorithm), c.cert.VerifySignature(certificate.TagSession, message, c.signature), "")
		wants(t, "another message", c.cert.VerifySignature(certificate.TagSession, []byte("x"), c.signature), "certificate.signature")
		wants(t, "another tag", c.cert.VerifySignature("x", message, c.signature), "certificate.signature")
		wants(t, "no signature", c.cert.VerifySignature(certificate.TagSession, message, "x"), "certificate.signature")
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no weak keys")
	}
	_, err = certificate.Parse(foreign(t, weak, &weak.PublicKey, x509.KeyUsageDigitalSignature), certificate.DefaultProfile())
	wants(t, "1024 bit", err, "certificate.algorithm")
}

func TestLoad_folder(t *testing.T) {
	t.Parallel()
	ca, _ := newCA(t)
	_, c := issue(t, ca, boss)
	serial, _ := new(big.Int).SetString(c.Serial, 16)
	list, err := ca.Revoke(at.Add(time.Hour), serial)
	list = must(t, list, err)
	dir := t.TempDir()
	for name, raw := range map[string][]byte{
		"root.pem":     pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate}),
		"list.crl":     list,
		"profile.json": []byte(`{"uscc":[{"in":"subject","oid":"2.5.4.97"}],"person":[{"in":"subject","oid":"2.5.4.3"}],"title":[{"in":"subject","oid":"2.5.4.12"}]}`),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trust, err := certificate.Load(dir)
	trust = must(t, trust, err)
	wants(t, "good", trust.Verify(c, at), "")
	wants(t, "revoked", trust.Verify(c, at.Add(time.Hour)), "certificate.revoked")
	if !trust.HasDemo() || certificate.NewTrust().HasDemo() {
		t.Error("a demo CA is not known as one")
	}
	for name, raw := range map[string]string{"notes.txt": "x", "bad.pem": "x", "profile.json": `{"uscc":[{"in":"body","oid":"1.2"}]}`} {
		broken := t.TempDir()
		if err := os.WriteFile(filepath.Join(broken, name), []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := certificate.Load(broken)
		wants(t, name, err, "certificate.roots")
	}
	_, err = certificate.Load(filepath.Join(dir, "none"))
	wants(t, "no folder", err, "certificate.roots")
	_, err = certificate.Load(t.TempDir())
	wants(t, "an empty folder", err, "certificate.roots")
}

// The place of the credit code is the CA's choice, and a profile follows it.
func TestProfile_findsTheCodeElsewhere(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ec = must(t, ec, err)
	utf8, err := asn1.MarshalWithParams(firm.USCC, "utf8")
	utf8 = must(t, utf8, err)
	for name, c := range map[string]struct {
		subject   pkix.Name
		extension []pkix.Extension
	}{
		"serial number": {subject: pkix.Name{SerialNumber: firm.USCC}},
		"GM/T 0015":     {extension: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 156, 10260, 4, 1, 4}, Value: utf8}}},
		"bare bytes":    {extension: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 156, 10260, 4, 1, 3}, Value: []byte(firm.USCC)}}},
	} {
		c.subject.CommonName = firm.Organisation
		leaf := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: at, NotAfter: at.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
			Subject: c.subject, ExtraExtensions: c.extension}
		der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, &ec.PublicKey, ec)
		parsed, err := certificate.Parse(must(t, der, err), certificate.DefaultProfile())
		if err != nil || parsed.USCC != firm.USCC || parsed.Organisation != firm.Organisation || parsed.Kind != certificate.KindOrganisation {
			t.Errorf("%s: %+v, %v", name, parsed, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	ca, err := democa.New(at)
	if err != nil {
		f.Fatal(err)
	}
	file, err := ca.Issue(boss, at)
	if err != nil {
		f.Fatal(err)
	}
	der, _ := base64.RawURLEncoding.DecodeString(file.Certificate())
	f.Add(der)
	f.Add(ca.Certificate)
	f.Add(der[:len(der)/2])
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----"))
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff})
	trust := certificate.NewTrust()
	if err := trust.AddCA(ca.Certificate); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := certificate.Parse(raw, certificate.DefaultProfile())
		if err != nil {
			if _, ours := apperr.From(err); !ours {
				t.Errorf("not one of our refusals: %v", err)
			}
			return
		}
		if trust.Verify(c, at) == nil && c.USCC != firm.USCC {
			t.Errorf("a certificate that the CA did not issue: %s", c.Subject)
		}
		_ = c.VerifySignature(certificate.TagSession, raw, "AAAA")
	})
}
