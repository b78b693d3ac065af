package opening

import (
	"time"

	"jianbiao/internal/certificate"
	"jianbiao/internal/seal"
)

// SetTrust gives the CAs by which the certificates (数字证书) in bids are judged.
// Without one they are not looked at, and a bid is its owner's by the register
// of firm keys alone.
func (s *Service) SetTrust(t *certificate.Trust) { s.trust = t }

// certificateFlag judges the certificates of an owner at the deadline for bids:
// each must chain to a root, carry the owner's credit code, have the key that
// signed, and be the firm's own, or name the person who signs. byCA says that
// the firm's certificate proves whose the bid is.
func (s *Service) certificateFlag(owner seal.Owner, deadline string) (flag string, byCA bool) {
	if s.trust.Empty() {
		return "", false
	}
	at, err := time.Parse(time.RFC3339, deadline)
	if err != nil {
		return "owner_certificate", false // the header was checked when the bid came; not reached
	}
	signer := owner.LegalRepresentative
	if owner.Capacity == seal.CapacityAgent {
		signer = owner.Agent
	}
	for _, is := range []struct {
		text, flag, person string
		kind               certificate.Kind
		key                seal.PublicKey
	}{
		{owner.FirmCertificate, "owner_certificate", "", certificate.KindOrganisation, owner.FirmKey},
		{owner.SignerCertificate, "signer_certificate", signer, certificate.KindPerson, owner.SignerKey},
	} {
		if is.text == "" {
			continue
		}
		c, err := certificate.ParseText(is.text, s.trust.Profile())
		if err != nil || s.trust.Verify(c, at) != nil || c.USCC != owner.USCC || c.Kind != is.kind || c.Person != is.person || c.SealKey() != is.key {
			return is.flag, false
		}
	}
	return "", owner.FirmCertificate != ""
}
