package certificate

import (
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/emmansun/gmsm/smx509"

	"jianbiao/internal/apperr"
)

// DemoMark is the organisational unit of the rehearsal's demo CA. A production
// platform refuses to trust a root that has it.
const DemoMark = "REHEARSAL ONLY 仅供演练"

// Trust are the roots (信任根) that a platform believes, with their revocation
// lists and the profile by which certificates are read. The zero value trusts
// nobody. It does not change after Load and Add.
type Trust struct {
	profile       Profile
	roots         []*smx509.Certificate
	intermediates []*smx509.Certificate
	revocations   []*smx509.RevocationList
}

// NewTrust trusts nobody yet and reads certificates by the default profile.
func NewTrust() *Trust { return &Trust{profile: DefaultProfile()} }

// Load reads a file, or all files of a folder: certificates of CAs (.pem, .crt,
// .cer), revocation lists (.crl), and profile.json. A CA's certificate that it
// has issued itself is a root, any other an intermediate. Errors name the file,
// for whoever starts the platform. Code: certificate.roots.
func Load(path string) (*Trust, error) {
	t := NewTrust()
	names := []string{path}
	info, err := os.Stat(path)
	if err != nil {
		return nil, errRoots(path, err)
	}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, errRoots(path, err)
		}
		names = nil
		for _, e := range entries {
			if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
				names = append(names, filepath.Join(path, e.Name()))
			}
		}
	}
	for _, name := range names {
		if err := t.loadFile(name); err != nil {
			return nil, errRoots(name, err)
		}
	}
	if len(t.roots) == 0 {
		return nil, errRoots(path, errors.New("no root certificate"))
	}
	return t, t.checkLists()
}

func errRoots(path string, cause error) error {
	return apperr.New(apperr.Invalid, "certificate.roots", "信任根目录中的“%s”不能使用：请放入 CA 的根证书（.pem、.crt、.cer）、吊销列表（.crl）或 profile.json。", path).Because(cause)
}

func (t *Trust) loadFile(name string) error {
	raw, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json":
		t.profile, err = ParseProfile(raw)
		return err
	case ".crl":
		return each(raw, "X509 CRL", func(der []byte) error {
			list, err := smx509.ParseRevocationList(der)
			if err == nil {
				t.revocations = append(t.revocations, list)
			}
			return err
		})
	case ".pem", ".crt", ".cer":
		return each(raw, "CERTIFICATE", t.AddCA)
	}
	return fmt.Errorf("unknown kind of file: %s", filepath.Ext(name))
}

// each gives every PEM block of the type, or the whole as one DER.
func each(raw []byte, kind string, f func(der []byte) error) error {
	if block, _ := pem.Decode(raw); block == nil {
		return f(raw)
	}
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != kind {
			return fmt.Errorf("a PEM block of type %s", block.Type)
		}
		if err := f(block.Bytes); err != nil {
			return err
		}
	}
	return nil
}

// AddCA trusts one more CA, given as DER: as a root when it has issued itself.
func (t *Trust) AddCA(der []byte) error {
	x, err := smx509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("certificate of a CA: %w", err)
	}
	if !x.IsCA || !x.BasicConstraintsValid || x.KeyUsage != 0 && x.KeyUsage&smx509.KeyUsageCertSign == 0 {
		return fmt.Errorf("not the certificate of a CA: %s", x.Subject)
	}
	if x.CheckSignatureFrom(x) == nil {
		t.roots = append(t.roots, x)
	} else {
		t.intermediates = append(t.intermediates, x)
	}
	return nil
}

// AddRevocations takes one more revocation list, given as DER.
func (t *Trust) AddRevocations(der []byte) error {
	list, err := smx509.ParseRevocationList(der)
	if err != nil {
		return fmt.Errorf("revocation list: %w", err)
	}
	t.revocations = append(t.revocations, list)
	return t.checkLists()
}

// checkLists refuses a revocation list that none of the CAs has signed: it
// would be obeyed by nobody, without a word.
func (t *Trust) checkLists() error {
	for _, list := range t.revocations {
		signed := slices.ContainsFunc(t.cas(), func(ca *smx509.Certificate) bool { return list.CheckSignatureFrom(ca) == nil })
		if !signed {
			return errRoots(list.Issuer.String(), errors.New("a revocation list that no CA here has signed"))
		}
	}
	return nil
}

func (t *Trust) cas() []*smx509.Certificate { return slices.Concat(t.roots, t.intermediates) }

// Profile is the profile by which certificates are read.
func (t *Trust) Profile() Profile { return t.profile }

// Empty says that nobody is trusted, so that no certificate can count.
func (t *Trust) Empty() bool { return t == nil || len(t.roots) == 0 }

// HasDemo says that one of the CAs is a rehearsal's.
func (t *Trust) HasDemo() bool {
	return t != nil && slices.ContainsFunc(t.cas(), func(ca *smx509.Certificate) bool {
		return slices.Contains(ca.Subject.OrganizationalUnit, DemoMark)
	})
}

// Verify says whether the certificate counts at a legal time. Codes:
// certificate.not_configured, certificate.not_yet, certificate.expired,
// certificate.untrusted, certificate.revoked, certificate.no_uscc.
func (t *Trust) Verify(c *Certificate, at time.Time) error {
	switch {
	case t.Empty():
		return apperr.New(apperr.Precondition, "certificate.not_configured", "本平台还没有配置受信任的 CA，不能使用数字证书；请用口令登录，或联系系统管理员。")
	case at.Before(c.NotBefore):
		return apperr.New(apperr.Invalid, "certificate.not_yet", "这张证书从 %s 起才有效。", day(c.NotBefore))
	case at.After(c.NotAfter):
		return apperr.New(apperr.Invalid, "certificate.expired", "这张证书已于 %s 到期，请到 CA 办理更新后再用。", day(c.NotAfter))
	}
	options := smx509.VerifyOptions{Roots: pool(t.roots), Intermediates: pool(t.intermediates), CurrentTime: at,
		KeyUsages: []smx509.ExtKeyUsage{smx509.ExtKeyUsageAny}}
	chains, err := c.x.Verify(options)
	if err != nil {
		return apperr.New(apperr.Forbidden, "certificate.untrusted", "这张证书不是本平台信任的 CA 颁发的（颁发者：%s）。请改用受信任的证书，或联系系统管理员。", c.Issuer).Because(err)
	}
	if t.revoked(chains[0], at) {
		return apperr.New(apperr.Forbidden, "certificate.revoked", "这张证书已经被 CA 吊销，不能再用；如有疑问请联系颁发它的 CA。")
	}
	if c.USCC == "" {
		return apperr.New(apperr.Invalid, "certificate.no_uscc", "证书里没有找到统一社会信用代码，无法对应到单位：请联系颁发它的 CA，或由系统管理员配置证书的读取位置。")
	}
	return nil
}

func day(t time.Time) string { return t.In(time.FixedZone("CST", 8*3600)).Format("2006年1月2日") }

func pool(list []*smx509.Certificate) *smx509.CertPool {
	p := smx509.NewCertPool()
	for _, x := range list {
		p.AddCert(x)
	}
	return p
}

// revoked looks up each certificate of the chain in its issuer's lists. A list
// that is out of date still revokes what it names.
func (t *Trust) revoked(chain []*smx509.Certificate, at time.Time) bool {
	for i := 0; i+1 < len(chain); i++ {
		for _, list := range t.revocations {
			if list.CheckSignatureFrom(chain[i+1]) != nil {
				continue
			}
			for _, r := range list.RevokedCertificateEntries {
				if r.SerialNumber.Cmp(chain[i].SerialNumber) == 0 && !at.Before(r.RevocationTime) {
					return true
				}
			}
		}
	}
	return false
}
