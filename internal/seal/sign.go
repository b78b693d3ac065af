package seal

import (
	"crypto/rand"
	"fmt"
	"math/big"

	"github.com/emmansun/gmsm/sm2"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// The tags: one for each thing a key may sign, so that no signature can be taken
// for another.
const (
	TagReplacement = "jianbiao/envelope/replacement/v1" // 替换、撤回: canonical header
	TagManifest    = "jianbiao/envelope/manifest/v1"    // 投标人签署: canonical owner
	TagCapsule     = "jianbiao/envelope/capsule/v1"     // proof that the sealer made a capsule for this section
	TagReceipt     = "jianbiao/receipt/v1"              // 回执
	TagSealCheck   = "jianbiao/opening/seal-check/v1"   // 密封检查
	TagRelease     = "jianbiao/opening/release/v1"      // 解密分量的提交
)

const signatureSize = 64

// Signer signs for a firm or a person: a PrivateKey, or a hardware token behind
// the same two methods.
type Signer interface {
	// Public is the key that verifies.
	Public() PublicKey
	// Sign gives the text form of an SM2 signature over message(tag, msg).
	Sign(tag string, msg []byte) (string, error)
}

// CertifiedSigner is a Signer whose key a CA has certified; the certificate goes
// into the owner section with the signature.
type CertifiedSigner interface {
	Signer
	// Certificate is the DER of the signing certificate as unpadded base64url.
	Certificate() string
}

func certificateOf(s Signer) string {
	if c, ok := s.(CertifiedSigner); ok {
		return c.Certificate()
	}
	return ""
}

var _ Signer = PrivateKey{}

func message(tag string, msg []byte) []byte {
	m := make([]byte, 0, len(tag)+1+len(msg))
	return append(append(append(m, tag...), 0), msg...)
}

// Sign makes an SM2 signature (GB/T 32918.2, user id 1234567812345678, SM3) over
// tag || 00 || msg. Its text is the unpadded base64url of the 64 bytes r || s.
func (k PrivateKey) Sign(tag string, msg []byte) (string, error) {
	if k.key == nil {
		return "", fmt.Errorf("sign without a key: %w", ErrInput)
	}
	der, err := k.key.SignWithSM2(rand.Reader, nil, message(tag, msg))
	if err != nil {
		return "", fmt.Errorf("seal: sign: %w", err)
	}
	var r, s big.Int
	var inner cryptobyte.String
	in := cryptobyte.String(der)
	if !in.ReadASN1(&inner, asn1.SEQUENCE) || !inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) {
		return "", fmt.Errorf("seal: signature is not a DER pair")
	}
	var raw [signatureSize]byte
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return b64.EncodeToString(raw[:]), nil
}

// Verify checks a signature made by Sign; ErrSignature if it does not hold.
func (p PublicKey) Verify(tag string, msg []byte, signature string) error {
	raw, err := b64.DecodeString(signature)
	if err != nil || len(raw) != signatureSize {
		return fmt.Errorf("signature is not 64 bytes of base64url: %w", ErrSignature)
	}
	key, err := p.ecdsa()
	if err != nil {
		return err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(raw[:32]))
		b.AddASN1BigInt(new(big.Int).SetBytes(raw[32:]))
	})
	der, err := b.Bytes()
	if err != nil {
		return fmt.Errorf("signature: %w: %w", ErrSignature, err)
	}
	if !sm2.VerifyASN1WithSM2(key, nil, message(tag, msg), der) {
		return ErrSignature
	}
	return nil
}

// SignWithOneTime signs with a bid's one-time key: a seal check (密封检查), the
// release of a part, anything that must come from whoever made the bid.
func SignWithOneTime(priv PrivateKey, tag string, msg []byte) (string, error) {
	return priv.Sign(tag, msg)
}

// VerifyOneTime checks SignWithOneTime against the header's one-time key.
func VerifyOneTime(pub PublicKey, tag string, msg []byte, signature string) error {
	return pub.Verify(tag, msg, signature)
}
