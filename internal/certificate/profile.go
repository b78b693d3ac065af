package certificate

import (
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Place is where in a certificate something stands: the OID of an attribute of
// the subject, or of an extension.
type Place struct {
	In  string `json:"in"`  // "subject" or "extension"
	OID string `json:"oid"` // dotted
	// Prefix is cut off when it is there ("VATCN-", "USCC:"), without regard to case.
	Prefix string `json:"prefix,omitempty"`
}

// Profile says where a CA writes what. Places are tried in their order; the
// first that holds a code of the right form counts.
type Profile struct {
	USCC   []Place `json:"uscc"`   // 统一社会信用代码
	Person []Place `json:"person"` // name of the person, in a person's certificate
	Title  []Place `json:"title"`  // 法定代表人, 经办人
}

// The object identifiers of the default profile.
const (
	oidCommonName         = "2.5.4.3"
	oidSerialNumber       = "2.5.4.5"
	oidTitle              = "2.5.4.12"
	oidOrganisationID     = "2.5.4.97"            // organizationIdentifier, X.520
	oidOrganisationCode   = "1.2.156.10260.4.1.4" // 组织机构代码, GM/T 0015
	oidRegistrationNumber = "1.2.156.10260.4.1.3" // 工商注册号, GM/T 0015
	oidTaxNumber          = "1.2.156.10260.4.1.5" // 税号, GM/T 0015
)

// DefaultProfile reads what GM/T 0015 and X.520 provide for.
func DefaultProfile() Profile {
	return Profile{
		USCC: []Place{{In: "subject", OID: oidOrganisationID, Prefix: "USCC-"}, {In: "extension", OID: oidOrganisationCode},
			{In: "extension", OID: oidRegistrationNumber}, {In: "extension", OID: oidTaxNumber}, {In: "subject", OID: oidSerialNumber}},
		Person: []Place{{In: "subject", OID: oidCommonName}},
		Title:  []Place{{In: "subject", OID: oidTitle}},
	}
}

// ParseProfile reads a profile as JSON and refuses what it does not know.
func ParseProfile(raw []byte) (p Profile, err error) {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Profile{}, fmt.Errorf("certificate profile: %w", err)
	}
	for _, list := range [][]Place{p.USCC, p.Person, p.Title} {
		for _, place := range list {
			if place.In != "subject" && place.In != "extension" || len(place.OID) < 3 || strings.Trim(place.OID, "0123456789.") != "" {
				return Profile{}, fmt.Errorf("certificate profile: no such place: %s %s", place.In, place.OID)
			}
		}
	}
	if len(p.USCC) == 0 {
		return Profile{}, fmt.Errorf("certificate profile: no place for the credit code")
	}
	return p, nil
}

// read fills in whose the certificate is. One that names a title, or a common
// name other than the firm's, is a person's.
func (p Profile) read(c *Certificate) {
	c.Organisation = first(c.x.Subject.Organization)
	for _, place := range p.USCC {
		if v := strings.ToUpper(place.value(c)); usccForm.MatchString(v) {
			c.USCC = v
			break
		}
	}
	for _, place := range p.Title {
		if c.Title = place.value(c); c.Title != "" {
			break
		}
	}
	for _, place := range p.Person {
		if c.Person = place.value(c); c.Person != "" {
			break
		}
	}
	if c.Organisation == "" && c.Title == "" {
		c.Organisation = c.x.Subject.CommonName
	}
	c.Kind = KindPerson
	if c.Title == "" && (c.Person == "" || c.Person == c.Organisation) {
		c.Kind, c.Person = KindOrganisation, ""
	}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// value is the text at the place, "" when there is none.
func (p Place) value(c *Certificate) string {
	var text string
	if p.In == "subject" {
		for _, a := range c.x.Subject.Names {
			if s, ok := a.Value.(string); ok && a.Type.String() == p.OID {
				text = s
				break
			}
		}
	} else {
		for _, e := range c.x.Extensions {
			if e.Id.String() == p.OID {
				text = extensionText(e.Value)
				break
			}
		}
	}
	text = strings.TrimSpace(text)
	if n := len(p.Prefix); n > 0 && len(text) >= n && strings.EqualFold(text[:n], p.Prefix) {
		text = text[n:]
	}
	if !printable(text) || len(text) > 200 {
		return ""
	}
	return text
}

// extensionText reads an extension that is one string, as an ASN.1 string of
// some sort or as bare bytes; both are found.
func extensionText(raw []byte) string {
	in := cryptobyte.String(raw)
	var inner cryptobyte.String
	var tag cbasn1.Tag
	if in.ReadAnyASN1(&inner, &tag) && in.Empty() {
		switch int(tag) {
		case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagT61String:
			raw = inner
		}
	}
	if !utf8.Valid(raw) {
		return ""
	}
	return string(raw)
}
