package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"

	"jianbiao/internal/apperr"
)

// The tags under which certificates sign for the platform; seal.TagManifest is
// the one for bids.
const (
	TagSession = "jianbiao/session/certificate/v1" // 登录、绑定、第二验证
)

// ErrSignature says that a signature is not of this certificate's key.
var ErrSignature = apperr.New(apperr.Unauthenticated, "certificate.signature", "证书的签名没有通过验证：请确认选择的证书和密钥是同一个 UKey 或同一个文件里的，然后重新签名。")

// VerifySignature checks a signature over tag || 00 || message, as unpadded
// base64url. SM2 (SM3, user id 1234567812345678) and P-256 (SHA-256): r || s, 64
// bytes; RSA: PKCS #1 v1.5 with SHA-256. Code: certificate.signature.
func (c *Certificate) VerifySignature(tag string, message []byte, signature string) error {
	switch c.Algorithm {
	case SM2:
		if err := c.SealKey().Verify(tag, message, signature); err != nil {
			return ErrSignature.Because(err)
		}
		return nil
	case P256, RSA:
	default:
		return ErrSignature
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil {
		return ErrSignature.Because(err)
	}
	h := sha256.New()
	h.Write([]byte(tag))
	h.Write([]byte{0})
	h.Write(message)
	ok := false
	switch key := c.x.PublicKey.(type) {
	case *ecdsa.PublicKey:
		ok = len(raw) == 64 && ecdsa.Verify(key, h.Sum(nil), new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:]))
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(key, crypto.SHA256, h.Sum(nil), raw) == nil
	}
	if !ok {
		return ErrSignature
	}
	return nil
}
