package seal

import (
	"encoding/json"
	"fmt"
	"time"

	"jianbiao/internal/canon"
)

// Capacity is as what the second signer signs (实施条例 51: signed by the firm and
// by its legal representative or agent).
type Capacity string

// The capacities.
const (
	CapacityLegal Capacity = "legalRepresentative" // 法定代表人
	CapacityAgent Capacity = "agent"               // 委托代理人
)

// Owner is the form of the owner section: who bids, and the signatures made
// before sealing over everything that is sealed. Nonce, Lot, DocumentVersion,
// Number, Sections, the keys and the signatures are filled in by Seal.
type Owner struct {
	V                   int               `json:"v"`
	Name                string            `json:"name"`                // 投标人名称
	USCC                string            `json:"uscc"`                // 统一社会信用代码
	LegalRepresentative string            `json:"legalRepresentative"` // 法定代表人
	Agent               string            `json:"agent"`               // 委托代理人, "" if the legal representative signs
	Contact             string            `json:"contact"`             // 联系方式
	Capacity            Capacity          `json:"capacity"`
	Lot                 string            `json:"lot"`
	DocumentVersion     string            `json:"documentVersion"`
	Nonce               string            `json:"nonce"`
	Number              int               `json:"number"`
	Sections            map[string]string `json:"sections"` // name -> digest, all but the owner's own
	FirmKey             PublicKey         `json:"firmKey"`
	SignerKey           PublicKey         `json:"signerKey"`
	SignedAt            string            `json:"signedAt"` // RFC 3339
	FirmSignature       string            `json:"firmSignature"`
	SignerSignature     string            `json:"signerSignature"`
	// The certificates (数字证书) of the two keys, DER as unpadded base64url; absent
	// when a key is not a CA's. Whether they count, the reader asks his roots.
	FirmCertificate   string `json:"firmCertificate,omitempty"`
	SignerCertificate string `json:"signerCertificate,omitempty"`
}

// maxCertificate is the most that a certificate may hold, in bytes of DER.
const maxCertificate = 8 << 10

func isCertificate(text string) bool {
	raw, err := b64.DecodeString(text)
	return text == "" || err == nil && len(raw) > 0 && len(raw) <= maxCertificate && raw[0] == 0x30 // a SEQUENCE
}

// manifest is what both sign: the canonical owner without the signatures.
func (o Owner) manifest() ([]byte, error) {
	o.FirmSignature, o.SignerSignature = "", ""
	return canon.Marshal(o)
}

func (o Owner) check() error {
	agent := o.Capacity == CapacityAgent && o.Agent != ""
	legal := o.Capacity == CapacityLegal && o.Agent == ""
	_, err := time.Parse(time.RFC3339, o.SignedAt)
	switch {
	case o.V != Version:
		return fmt.Errorf("owner version %d: %w", o.V, ErrOwner)
	case o.Name == "" || len(o.Name) > 300 || !isToken(o.USCC, 18, "") || o.LegalRepresentative == "":
		return fmt.Errorf("owner name, code or legal representative: %w", ErrOwner)
	case !agent && !legal:
		return fmt.Errorf("owner capacity %q with agent %q: %w", o.Capacity, o.Agent, ErrOwner)
	case err != nil:
		return fmt.Errorf("owner signing time: %w: %w", ErrOwner, err)
	case !isCertificate(o.FirmCertificate) || !isCertificate(o.SignerCertificate):
		return fmt.Errorf("owner certificates: %w", ErrOwner)
	case o.FirmKey.IsZero() || o.SignerKey.IsZero():
		return fmt.Errorf("owner keys: %w", ErrOwner)
	}
	return nil
}

// sign completes the owner for one envelope.
func (o Owner) sign(firm, signer Signer) (Owner, error) {
	o.V, o.FirmKey, o.SignerKey = Version, firm.Public(), signer.Public()
	o.FirmCertificate, o.SignerCertificate = certificateOf(firm), certificateOf(signer)
	if err := o.check(); err != nil {
		return o, fmt.Errorf("%w: %w", ErrInput, err)
	}
	msg, err := o.manifest()
	if err != nil {
		return o, fmt.Errorf("owner: %w: %w", ErrInput, err)
	}
	if o.FirmSignature, err = firm.Sign(TagManifest, msg); err != nil {
		return o, err
	}
	o.SignerSignature, err = signer.Sign(TagManifest, msg)
	return o, err
}

// VerifyOwner says whether an opened owner section belongs to this header and
// both signatures hold. ErrOwner if not. Whether the keys are the firm's and its
// signer's is for the caller to ask the register of organisations.
func VerifyOwner(h Header, o Owner) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.Lot != h.Lot || o.DocumentVersion != h.DocumentVersion || o.Nonce != h.Nonce || o.Number != h.Number {
		return fmt.Errorf("owner speaks of another envelope: %w", ErrOwner)
	}
	if len(o.Sections) != len(h.Sections)-1 {
		return fmt.Errorf("owner signs %d sections: %w", len(o.Sections), ErrOwner)
	}
	for _, s := range h.Sections {
		if s.Name != OwnerSection && o.Sections[s.Name] != s.Digest {
			return fmt.Errorf("owner signs another %s: %w", s.Name, ErrOwner)
		}
	}
	msg, err := o.manifest()
	if err != nil {
		return fmt.Errorf("owner: %w: %w", ErrOwner, err)
	}
	if err := o.FirmKey.Verify(TagManifest, msg, o.FirmSignature); err != nil {
		return fmt.Errorf("firm's signature: %w: %w", ErrOwner, err)
	}
	if err := o.SignerKey.Verify(TagManifest, msg, o.SignerSignature); err != nil {
		return fmt.Errorf("signer's signature: %w: %w", ErrOwner, err)
	}
	return nil
}

// ParseOwner reads the form of an owner section; ErrOwner if it is not one.
func ParseOwner(form json.RawMessage) (o Owner, err error) {
	if err = canon.Unmarshal(form, &o); err != nil {
		return Owner{}, fmt.Errorf("owner: %w: %w", ErrOwner, err)
	}
	return o, nil
}
