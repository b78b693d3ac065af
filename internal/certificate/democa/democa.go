// Package democa is the certificate authority of a rehearsal (演练 CA): it issues
// SM2 signing certificates to made-up firms and people, so that login and
// signing by certificate can be tried without a UKey. Its root carries
// certificate.DemoMark, and a production platform refuses to trust it.
package democa

import (
	"crypto/rand"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"

	"jianbiao/internal/certificate"
	"jianbiao/internal/certificate/keyfile"
	"jianbiao/internal/seal"
)

// CA is a demo CA with its private key.
type CA struct {
	Key         seal.PrivateKey `json:"key"`
	Certificate []byte          `json:"certificate"` // DER of the root
}

// Subject is to whom a certificate is issued.
type Subject struct {
	Organisation, USCC string
	Person, Title      string // both empty: a certificate of the firm
}

// years that a root and a certificate are valid. A rehearsal's clock is moved
// forward, and its certificates should not run out on the way.
const (
	rootYears = 30
	leafYears = 10
)

// New makes a CA that is valid from a legal time on.
func New(from time.Time) (*CA, error) {
	key, err := seal.GenerateKey()
	if err != nil {
		return nil, err
	}
	signer, err := keyOf(key)
	if err != nil {
		return nil, err
	}
	root := &smx509.Certificate{
		SerialNumber: serial(), NotBefore: from.AddDate(0, 0, -1), NotAfter: from.AddDate(rootYears, 0, 0), SignatureAlgorithm: smx509.SM2WithSM3,
		Subject:  pkix.Name{CommonName: "见标演练 CA", Organization: []string{"见标演练"}, OrganizationalUnit: []string{certificate.DemoMark}, Country: []string{"CN"}},
		KeyUsage: smx509.KeyUsageCertSign | smx509.KeyUsageCRLSign, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := smx509.CreateCertificate(rand.Reader, root, root, &signer.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("demo CA: %w", err)
	}
	return &CA{Key: key, Certificate: der}, nil
}

// Issue makes a key and its signing certificate, valid from a legal time on.
func (ca *CA) Issue(to Subject, from time.Time) (keyfile.File, error) {
	key, err := seal.GenerateKey()
	if err != nil {
		return keyfile.File{}, err
	}
	der, err := ca.IssueFor(key, to, from, smx509.KeyUsageDigitalSignature|smx509.KeyUsageContentCommitment)
	if err != nil {
		return keyfile.File{}, err
	}
	return keyfile.New(key, der)
}

// IssueFor issues a certificate for a key that is there, with a key usage of
// choice: tests make what must be refused with it.
func (ca *CA) IssueFor(key seal.PrivateKey, to Subject, from time.Time, usage smx509.KeyUsage) ([]byte, error) {
	root, err := smx509.ParseCertificate(ca.Certificate)
	if err != nil {
		return nil, fmt.Errorf("demo CA: %w", err)
	}
	signer, err := keyOf(ca.Key)
	if err != nil {
		return nil, err
	}
	holder, err := keyOf(key)
	if err != nil {
		return nil, err
	}
	leaf := &smx509.Certificate{
		SerialNumber: serial(), NotBefore: from.AddDate(0, 0, -1), NotAfter: from.AddDate(leafYears, 0, 0), SignatureAlgorithm: smx509.SM2WithSM3,
		Subject: name(to), KeyUsage: usage, BasicConstraintsValid: true,
	}
	der, err := smx509.CreateCertificate(rand.Reader, leaf, root, &holder.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("demo CA: %w", err)
	}
	return der, nil
}

// Revoke makes a revocation list of certificates with these serial numbers.
func (ca *CA) Revoke(at time.Time, serials ...*big.Int) ([]byte, error) {
	root, err := smx509.ParseCertificate(ca.Certificate)
	if err != nil {
		return nil, fmt.Errorf("demo CA: %w", err)
	}
	signer, err := keyOf(ca.Key)
	if err != nil {
		return nil, err
	}
	list := &smx509.RevocationList{Number: big.NewInt(1), ThisUpdate: at, NextUpdate: at.AddDate(0, 1, 0), SignatureAlgorithm: smx509.SM2WithSM3}
	for _, s := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, smx509.RevocationListEntry{SerialNumber: s, RevocationTime: at})
	}
	return smx509.CreateRevocationList(rand.Reader, list, root, signer)
}

func name(to Subject) pkix.Name {
	n := pkix.Name{Country: []string{"CN"}, Organization: []string{to.Organisation}, CommonName: to.Organisation,
		ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: to.USCC}}}
	if to.Person != "" {
		n.CommonName = to.Person
		n.ExtraNames = append(n.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 12}, Value: to.Title})
	}
	return n
}

func keyOf(k seal.PrivateKey) (*sm2.PrivateKey, error) {
	raw, err := base64.RawURLEncoding.DecodeString(k.Text())
	if err != nil {
		return nil, fmt.Errorf("demo CA: %w", err)
	}
	key, err := sm2.NewPrivateKey(raw)
	if err != nil {
		return nil, fmt.Errorf("demo CA: %w", err)
	}
	return key, nil
}

func serial() *big.Int {
	b := make([]byte, 15)
	if _, err := rand.Read(b); err != nil {
		panic("demo CA: no randomness: " + err.Error())
	}
	b[0] |= 0x40
	return new(big.Int).SetBytes(b)
}
