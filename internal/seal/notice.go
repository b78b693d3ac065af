package seal

import (
	"crypto/ed25519"
	"errors"
	"fmt"
)

// TagNotice is the tag of a notice's (公告) signatures.
const TagNotice = "jianbiao/notice/v1"

// ErrNotice says that a notice is not as the platform signed it.
var ErrNotice = errors.New("seal: notice does not verify")

// PlatformSignature are the platform's two signatures over one paper. The keys
// named inside only tell which were used; verifiers bring their own.
type PlatformSignature struct {
	PlatformEd25519  string    `json:"platformEd25519"`
	PlatformSM2      PublicKey `json:"platformSM2"`
	SignatureEd25519 string    `json:"signatureEd25519"`
	SignatureSM2     string    `json:"signatureSM2"`
}

// SignNotice signs the canonical JSON of a notice with both platform keys, each
// over TagNotice || 00 || paper. ErrInput for keys that are none.
func SignNotice(paper []byte, ed ed25519.PrivateKey, sm Signer) (PlatformSignature, error) {
	if len(ed) != ed25519.PrivateKeySize || sm == nil || sm.Public().IsZero() {
		return PlatformSignature{}, fmt.Errorf("platform keys: %w", ErrInput)
	}
	s := PlatformSignature{PlatformEd25519: b64.EncodeToString(ed[ed25519.SeedSize:]), PlatformSM2: sm.Public(),
		SignatureEd25519: b64.EncodeToString(ed25519.Sign(ed, message(TagNotice, paper)))}
	var err error
	s.SignatureSM2, err = sm.Sign(TagNotice, paper)
	return s, err
}

// VerifyNotice checks both signatures of a notice with the platform keys that
// the verifier already has. ErrNotice.
func VerifyNotice(paper []byte, s PlatformSignature, ed ed25519.PublicKey, sm PublicKey) error {
	if len(ed) != ed25519.PublicKeySize || s.PlatformEd25519 != b64.EncodeToString(ed) || s.PlatformSM2 != sm {
		return fmt.Errorf("keys other than the platform's: %w", ErrNotice)
	}
	sig, err := b64.DecodeString(s.SignatureEd25519)
	if err != nil || !ed25519.Verify(ed, message(TagNotice, paper), sig) {
		return fmt.Errorf("Ed25519 signature: %w", ErrNotice)
	}
	if err := sm.Verify(TagNotice, paper, s.SignatureSM2); err != nil {
		return fmt.Errorf("SM2 signature: %w: %w", ErrNotice, err)
	}
	return nil
}
