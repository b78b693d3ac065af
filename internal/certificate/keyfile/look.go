package keyfile

import (
	"encoding/asn1"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"jianbiao/internal/seal"
)

// facts are what there is to see in an SM2 certificate without verifying it.
type facts struct {
	key             seal.PublicKey
	signs, encrypts bool
}

var errLook = errors.New("keyfile: not an SM2 certificate")

var oidKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 15}

// look walks through a certificate (RFC 5280, 4.1) to its key and its usage.
func look(der []byte) (f facts, err error) {
	var cert, tbs, info, bits cryptobyte.String
	in := cryptobyte.String(der)
	ok := in.ReadASN1(&cert, cbasn1.SEQUENCE) && in.Empty() && cert.ReadASN1(&tbs, cbasn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(cbasn1.Tag(0).Constructed().ContextSpecific()) && // version
		tbs.SkipASN1(cbasn1.INTEGER) && // serial number
		tbs.SkipASN1(cbasn1.SEQUENCE) && // signature
		tbs.SkipASN1(cbasn1.SEQUENCE) && // issuer
		tbs.SkipASN1(cbasn1.SEQUENCE) && // validity
		tbs.SkipASN1(cbasn1.SEQUENCE) && // subject
		tbs.ReadASN1(&info, cbasn1.SEQUENCE) &&
		info.SkipASN1(cbasn1.SEQUENCE) && info.ReadASN1(&bits, cbasn1.BIT_STRING) && len(bits) > 1
	if !ok {
		return f, errLook
	}
	if f.key, err = seal.PublicKeyOfPoint(bits[1:]); err != nil {
		return f, err
	}
	usage, ok := keyUsage(tbs)
	if !ok {
		return f, errLook
	}
	f.signs = usage.At(0) == 1 || usage.At(1) == 1
	f.encrypts = usage.At(2) == 1 || usage.At(3) == 1 || usage.At(4) == 1
	return f, nil
}

// keyUsage finds the extension after the key; false when there is none.
func keyUsage(tbs cryptobyte.String) (usage asn1.BitString, ok bool) {
	var outer, list cryptobyte.String
	var present bool
	for _, tag := range []uint8{1, 2} { // unique identifiers
		if !tbs.SkipOptionalASN1(cbasn1.Tag(tag).ContextSpecific()) {
			return usage, false
		}
	}
	if !tbs.ReadOptionalASN1(&outer, &present, cbasn1.Tag(3).Constructed().ContextSpecific()) || !present || !outer.ReadASN1(&list, cbasn1.SEQUENCE) {
		return usage, false
	}
	for !list.Empty() {
		var one, value cryptobyte.String
		var id asn1.ObjectIdentifier
		if !list.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&id) ||
			!one.SkipOptionalASN1(cbasn1.BOOLEAN) || !one.ReadASN1(&value, cbasn1.OCTET_STRING) {
			return usage, false
		}
		if id.Equal(oidKeyUsage) {
			return usage, value.ReadASN1BitString(&usage)
		}
	}
	return usage, false
}
