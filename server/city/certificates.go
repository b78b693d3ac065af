package city

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/certificate"
	"jianbiao/internal/certificate/democa"
	"jianbiao/server/api"
	"jianbiao/server/platform"
)

// registerCertificates adds the route by which a rehearsal person gets the demo
// certificates of his firm and of himself, as files under the rehearsal's
// passphrase. They are issued when they are first asked for, and kept.
func registerCertificates(p *platform.Platform) {
	p.API.Raw(api.Route{Method: http.MethodGet, Path: "/api/rehearsal/certificates/{kind}", Allow: api.AnyLoggedIn, Summary: "下载自己的演练证书"},
		func(c echo.Context) error {
			who := api.Viewer(c)
			to, name, err := subjectOf(who, certificate.Kind(c.Param("kind")))
			if err != nil {
				return err
			}
			raw, err := demoCertificate(c, p, to, name)
			if err != nil {
				return err
			}
			c.Response().Header().Set("Content-Disposition", "attachment; filename*=UTF-8''"+
				url.PathEscape("演练证书-"+certificate.Kind(c.Param("kind")).Label()+"-"+to.Organisation+".json"))
			return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, raw)
		})
}

// subjectOf says to whom a certificate is issued, and under which name it is
// kept. Codes: rehearsal.no_certificate, rehearsal.person.
func subjectOf(who actor.Actor, kind certificate.Kind) (to democa.Subject, name string, err error) {
	if !who.Rehearsal {
		return to, "", apperr.New(apperr.Forbidden, "rehearsal.person", "演练证书只发给演练人员。")
	}
	to = democa.Subject{Organisation: who.OrganisationName, USCC: who.USCC}
	switch kind {
	case certificate.KindOrganisation:
		return to, "demo-organisation-" + who.OrganisationID, nil
	case certificate.KindPerson:
		to.Person, to.Title = who.PersonName, "经办人"
		if who.In(actor.Bidder) {
			to.Title = "法定代表人"
		}
		return to, "demo-person-" + who.PersonID + "-" + who.OrganisationID, nil
	}
	return to, "", apperr.New(apperr.NotFound, "rehearsal.no_certificate", "没有这种演练证书：请选择机构证书或个人证书。")
}

func demoCertificate(c echo.Context, p *platform.Platform, to democa.Subject, name string) ([]byte, error) {
	r, err := p.Clock.Read(c.Request().Context())
	if err != nil {
		return nil, err
	}
	file, err := p.DemoCA.Issue(to, r.Legal)
	if err != nil {
		return nil, err
	}
	sealed, err := file.Seal(Password)
	if err != nil {
		return nil, err
	}
	var kept json.RawMessage
	if err := p.Keys.Keep(name, json.RawMessage(sealed), &kept); err != nil {
		return nil, fmt.Errorf("demo certificate: %w", err)
	}
	return kept, nil
}
