// Package certificate reads and verifies the X.509 certificates (数字证书) with
// which firms and people log in and sign: SM2 as in GM/T 0015, and P-256 or RSA.
// A certificate counts when it chains to a configured root, is valid at a legal
// time, is not revoked, may sign, and names a firm by its unified social credit
// code (统一社会信用代码).
//
// It refuses encryption certificates (加密证书) for everything: their private key
// was made by the CA's key centre, which has it too. So nothing is ever sealed
// with the key of a certificate.
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/smx509"

	"jianbiao/internal/apperr"
	"jianbiao/internal/seal"
)

// MaxSize is the most that a certificate may hold, in bytes of DER.
const MaxSize = 8 << 10

// Kind says whose a certificate is.
type Kind string

// The kinds: a firm's seal (机构证书), or a person's who acts for it (个人证书).
const (
	KindOrganisation Kind = "organisation"
	KindPerson       Kind = "person"
)

// Label is the kind's Chinese name.
func (k Kind) Label() string {
	if k == KindPerson {
		return "个人证书"
	}
	return "机构证书"
}

// Algorithm is the sort of a certificate's key.
type Algorithm string

// The algorithms.
const (
	SM2  Algorithm = "SM2"
	P256 Algorithm = "P-256"
	RSA  Algorithm = "RSA"
)

// Certificate is one that was read; whether it counts, Trust.Verify says.
type Certificate struct {
	Kind         Kind
	Algorithm    Algorithm
	Organisation string // name of the firm
	USCC         string // 统一社会信用代码 of the firm
	Person       string // name of the person, "" for a firm's
	Title        string // 法定代表人, 经办人; "" if it says nothing
	Serial       string // hexadecimal
	Issuer       string // in words, for people
	Subject      string // in words, for people
	NotBefore    time.Time
	NotAfter     time.Time
	der          []byte
	x            *smx509.Certificate
}

// ErrEncryption refuses an encryption certificate.
var ErrEncryption = apperr.New(apperr.Invalid, "certificate.encryption", "这是加密证书，不能用来登录或签名；CA 的加密证书私钥由密钥中心生成，不能用来密封。请改用同一 UKey 里的签名证书。").
	By("GM/T 0015-2023")

func errMalformed(cause error) error {
	return apperr.New(apperr.Invalid, "certificate.malformed", "这不是一张可以识别的数字证书，请选择签名证书文件（DER 或 PEM）。").Because(cause)
}

// Parse reads one certificate as DER or PEM. Codes: certificate.malformed,
// certificate.algorithm, certificate.encryption, certificate.usage.
func Parse(raw []byte, p Profile) (*Certificate, error) {
	if block, _ := pem.Decode(raw); block != nil && block.Type == "CERTIFICATE" {
		raw = block.Bytes
	}
	if len(raw) == 0 || len(raw) > MaxSize {
		return nil, errMalformed(nil)
	}
	x, err := smx509.ParseCertificate(raw)
	if err != nil {
		return nil, errMalformed(err)
	}
	c := &Certificate{Serial: hex.EncodeToString(x.SerialNumber.Bytes()), Issuer: issuerWords(x.Issuer),
		NotBefore: x.NotBefore, NotAfter: x.NotAfter, der: x.Raw, x: x}
	if c.Algorithm, err = algorithmOf(x); err != nil {
		return nil, err
	}
	if err := checkUsage(x, c.Algorithm); err != nil {
		return nil, err
	}
	p.read(c)
	c.Subject = c.words()
	if !printable(c.Issuer) || !printable(c.Subject) {
		return nil, errMalformed(nil)
	}
	return c, nil
}

// words are the holder: who, as what, for which firm.
func (c *Certificate) words() string {
	parts := []string{c.Organisation, c.USCC}
	if c.Person != "" && c.Title != "" {
		parts = append([]string{c.Person + "（" + c.Title + "）"}, parts...)
	} else if c.Person != "" {
		parts = append([]string{c.Person}, parts...)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

func issuerWords(n pkix.Name) string {
	if o := first(n.Organization); o != "" && o != n.CommonName {
		return n.CommonName + "（" + o + "）"
	}
	return n.CommonName
}

// ParseText reads the unpadded base64url text of a certificate's DER, as it
// stands in messages and bids; codes as those of Parse.
func ParseText(text string, p Profile) (*Certificate, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errMalformed(err)
	}
	return Parse(raw, p)
}

func algorithmOf(x *smx509.Certificate) (Algorithm, error) {
	switch key := x.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if sm2.IsSM2PublicKey(key) {
			return SM2, nil
		}
		if key.Curve == elliptic.P256() {
			return P256, nil
		}
	case *rsa.PublicKey:
		if key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192 {
			return RSA, nil
		}
	}
	return "", apperr.New(apperr.Invalid, "certificate.algorithm", "这张证书的密钥算法不受支持：请使用 SM2、P-256 或不少于 2048 位的 RSA 签名证书。")
}

const (
	signs    = smx509.KeyUsageDigitalSignature | smx509.KeyUsageContentCommitment
	encrypts = smx509.KeyUsageKeyEncipherment | smx509.KeyUsageDataEncipherment | smx509.KeyUsageKeyAgreement
)

// checkUsage wants a certificate that may sign. Of SM2 there are two for each
// holder, and the key of the one that encrypts was made elsewhere; so an SM2
// certificate that may do both is not trusted to sign.
func checkUsage(x *smx509.Certificate, a Algorithm) error {
	may := x.KeyUsage
	switch {
	case may&encrypts != 0 && (a == SM2 || may&signs == 0):
		return ErrEncryption
	case may&signs == 0:
		return apperr.New(apperr.Invalid, "certificate.usage", "这张证书没有写明可以用于数字签名，不能用来登录或签名。")
	case x.IsCA:
		return apperr.New(apperr.Invalid, "certificate.usage", "这是证书颁发机构自己的证书，不能用来登录或签名。")
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && len(s) <= 2000 && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}

var usccForm = regexp.MustCompile(`^[0-9A-HJ-NPQRTUWXY]{18}$`)

// DER is the certificate itself.
func (c *Certificate) DER() []byte { return append([]byte(nil), c.der...) }

// Text is DER as unpadded base64url.
func (c *Certificate) Text() string { return base64.RawURLEncoding.EncodeToString(c.der) }

// Fingerprint names the certificate: SM3 of its DER, as "sm3:" and hexadecimal.
func (c *Certificate) Fingerprint() string {
	sum := sm3.Sum(c.der)
	return "sm3:" + hex.EncodeToString(sum[:])
}

// SealKey is the certificate's key in the form of package seal, for comparing
// it with the key that signed a bid; zero unless the key is SM2's.
func (c *Certificate) SealKey() seal.PublicKey {
	info := c.x.RawSubjectPublicKeyInfo // ends with the point, 04 || x || y
	if c.Algorithm != SM2 || len(info) < pointSize {
		return seal.PublicKey{}
	}
	p, err := seal.PublicKeyOfPoint(info[len(info)-pointSize:])
	if err != nil {
		return seal.PublicKey{}
	}
	return p
}

const pointSize = 65
