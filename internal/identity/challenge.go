package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"jianbiao/internal/apperr"
	"jianbiao/internal/canon"
	"jianbiao/internal/certificate"
)

// Purpose is what a certificate signs a challenge for; a signature for one
// purpose is none for another.
type Purpose string

// The purposes.
const (
	PurposeLogin  Purpose = "login"  // 登录
	PurposeBind   Purpose = "bind"   // 绑定数字证书
	PurposeFactor Purpose = "factor" // 第二验证
)

// challengeFor is how long a challenge may be answered.
const challengeFor = 2 * time.Minute

const nonceBytes = 16

// Challenge is what a certificate is asked to sign: Message, under the tag
// certificate.TagSession.
type Challenge struct {
	Value   string
	Expires time.Time
	Message []byte // canonical JSON of purpose, site, certificate and challenge
}

// CertificateProof is a certificate with its signature over a challenge.
type CertificateProof struct {
	Certificate string // DER, unpadded base64url
	Challenge   string
	Signature   string
	Site        string // where the challenge was given and comes back, "https://host"
}

func errChallenge() error {
	return apperr.New(apperr.Unauthenticated, "certificate.challenge", "这次签名已经失效（两分钟内有效，只能用一次，只在本网站有效），请重新签名。")
}

// Challenge makes one for a certificate, after a look whether the certificate
// counts at all. person is who is logged in, "" for a login. The server keeps
// nothing until the answer comes. Codes: those of certificate.Parse and Verify.
func (s *Service) Challenge(ctx context.Context, purpose Purpose, text, site, person string) (Challenge, error) {
	c, err := s.certificate(ctx, text)
	if err != nil {
		return Challenge{}, err
	}
	expires := s.cfg.Now().Add(challengeFor).Truncate(time.Second)
	head := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix()))
	head = append(head, random(nonceBytes)...)
	value := base64.RawURLEncoding.EncodeToString(append(head, s.challengeMAC(head, purpose, c.Fingerprint(), site, person)...))
	message, err := challengeMessage(purpose, c, value, site)
	return Challenge{value, expires, message}, err
}

func challengeMessage(purpose Purpose, c *certificate.Certificate, value, site string) ([]byte, error) {
	return canon.Marshal(map[string]string{"purpose": string(purpose), "site": site, "certificate": c.Fingerprint(), "challenge": value})
}

func (s *Service) challengeMAC(head []byte, purpose Purpose, fingerprint, site, person string) []byte {
	m := hmac.New(sha256.New, s.proofs)
	for _, part := range []string{"jianbiao/challenge/1", string(head), string(purpose), fingerprint, site, person} {
		fmt.Fprintf(m, "%d:%s", len(part), part)
	}
	return m.Sum(nil)
}

// certificate reads a certificate and verifies it at the legal time.
func (s *Service) certificate(ctx context.Context, text string) (*certificate.Certificate, error) {
	trust := s.cfg.Trust
	if trust == nil {
		trust = certificate.NewTrust()
	}
	c, err := certificate.ParseText(text, trust.Profile())
	if err != nil {
		return nil, err
	}
	var legal time.Time
	if err := s.store.DB().GetContext(ctx, &legal, `SELECT legal_now()`); err != nil {
		return nil, fmt.Errorf("read the legal time: %w", err)
	}
	return c, trust.Verify(c, legal)
}

// redeem checks the answer to a challenge and uses it up. Codes:
// certificate.challenge, certificate.signature and those of Challenge.
func (s *Service) redeem(ctx context.Context, purpose Purpose, in CertificateProof, person string) (*certificate.Certificate, error) {
	c, err := s.certificate(ctx, in.Certificate)
	if err != nil {
		return nil, err
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(in.Challenge)
	const head = 8 + nonceBytes
	if err != nil || len(raw) != head+sha256.Size || !hmac.Equal(raw[head:], s.challengeMAC(raw[:head], purpose, c.Fingerprint(), in.Site, person)) {
		return nil, errChallenge()
	}
	expires := time.Unix(int64(binary.BigEndian.Uint64(raw)), 0)
	if !s.cfg.Now().Before(expires) {
		return nil, errChallenge()
	}
	message, err := challengeMessage(purpose, c, in.Challenge, in.Site)
	if err != nil {
		return nil, err
	}
	if err := c.VerifySignature(certificate.TagSession, message, in.Signature); err != nil {
		return nil, err
	}
	fresh, err := s.spend(ctx, "challenge", in.Challenge, expires)
	if err == nil && !fresh {
		err = errChallenge()
	}
	return c, err
}

// spend uses something up that may be used once; false when it was used before,
// on whatever server. The row is forgotten some time after until.
func (s *Service) spend(ctx context.Context, kind, value string, until time.Time) (fresh bool, err error) {
	sum := sha256.Sum256([]byte("jianbiao/spent/1\x00" + kind + "\x00" + value))
	err = s.store.Aside(ctx, func(tx *sqlx.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO spent (hash, forget_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, sum[:], ceilHour(until.Add(time.Hour)))
		if err != nil {
			return fmt.Errorf("use up a %s: %w", kind, err)
		}
		n, err := res.RowsAffected()
		fresh = n == 1
		return err
	})
	return fresh, err
}
