package seal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"jianbiao/internal/certificate/democa"
	"jianbiao/internal/certificate/keyfile"
	"jianbiao/internal/seal"
)

func certified(t *testing.T, to democa.Subject) keyfile.File {
	t.Helper()
	ca, err := democa.New(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	f, err := ca.Issue(to, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A CA's keys sign a bid, and their certificates stand in the owner section.
func TestCertificates_signABid(t *testing.T) {
	t.Parallel()
	b := setup(t, 1000)
	firm := certified(t, democa.Subject{Organisation: b.in.Owner.Name, USCC: b.in.Owner.USCC})
	b.in.Firm = firm
	raw, sealed := b.seal(t)
	s, _ := sealed.Header.Section(seal.OwnerSection)
	part, err := seal.UnwrapTender(b.opening, s)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := seal.OpenOwner(bytes.NewReader(raw), sealed.Header, part)
	if err != nil {
		t.Fatal(err)
	}
	if owner.FirmCertificate != firm.Certificate() || owner.FirmKey != firm.Public() || owner.SignerCertificate != "" {
		t.Errorf("%+v", owner)
	}
	changed := owner
	changed.FirmCertificate = certified(t, democa.Subject{Organisation: "乙", USCC: "91350100M000100Y43"}).Certificate()
	if err := seal.VerifyOwner(sealed.Header, changed); !errors.Is(err, seal.ErrOwner) {
		t.Errorf("another certificate in the signed owner: %v", err)
	}
	for _, bad := range []string{"x", "AAAA", strings.Repeat("MAAA", 4000)} {
		changed.FirmCertificate = bad
		if err := seal.VerifyOwner(sealed.Header, changed); !errors.Is(err, seal.ErrOwner) {
			t.Errorf("%.8s: %v", bad, err)
		}
	}
	plain, err := json.Marshal(seal.Owner{})
	if err != nil || bytes.Contains(plain, []byte("ertificate")) {
		t.Errorf("an owner without certificates names them: %s", plain)
	}
}

// What signs never seals: neither the key of a certificate nor any other key
// that signs the bid can be the one that wraps the bidder's parts.
func TestSigningKeys_neverSeal(t *testing.T) {
	t.Parallel()
	b := setup(t, 10)
	firm, person := b.in.Firm, b.in.Signatory
	b.in.Bidder = b.firm
	var out bytes.Buffer
	if _, err := seal.Seal(&out, b.in, nil); !errors.Is(err, seal.ErrSigningKey) {
		t.Errorf("the firm's key: %v", err)
	}
	b.in.Firm, b.in.Signatory, b.in.Bidder = firm, person, b.person
	if _, err := seal.Seal(&out, b.in, nil); !errors.Is(err, seal.ErrSigningKey) {
		t.Errorf("the signer's key: %v", err)
	}
	if out.Len() != 0 {
		t.Errorf("%d bytes of an envelope were written", out.Len())
	}
}
