package api

import (
	"context"
	"net/http"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/certificate"
	"jianbiao/internal/identity"
)

func (a *API) registerCertificates() {
	const session, none = "/api/session", http.StatusNoContent
	Register(a, Route{Method: http.MethodPost, Path: session + "/challenge", Allow: Public, Summary: "请求一个供数字证书签名的挑战"}, a.challenge)
	Register(a, Route{Method: http.MethodPost, Path: session + "/certificate", Allow: Public, Summary: "数字证书登录"}, a.certificateLogin)
	Register(a, Route{Method: http.MethodPost, Path: "/api/account/certificates", Allow: AnyLoggedIn, Summary: "绑定数字证书", Status: http.StatusCreated}, a.bindCertificate)
	Register(a, Route{Method: http.MethodDelete, Path: "/api/account/certificates/{id}", Allow: AnyLoggedIn, Summary: "解除数字证书", Status: none}, a.unbindCertificate)
}

// site is the address under which the request came: a challenge that was given
// here is answered here and nowhere else.
func (a *API) site(ctx context.Context) string {
	scheme := "http://"
	if a.deps.Secure {
		scheme = "https://"
	}
	return scheme + visitOf(ctx).host
}

type challengeInput struct {
	Body struct {
		Certificate string `json:"certificate" minLength:"1" maxLength:"12000" doc:"签名证书，DER 的 base64url"`
		Purpose     string `json:"purpose,omitempty" enum:"login,bind,factor" default:"login" doc:"用途:登录、绑定、第二验证"`
	}
}

type challengeOutput struct {
	Body struct {
		Challenge string `json:"challenge"`
		Expires   string `json:"expires"`
		Site      string `json:"site" doc:"签名只对这个网站有效"`
		Tag       string `json:"tag" doc:"签名的标签"`
		Message   string `json:"message" doc:"要签名的内容(规范 JSON)"`
	}
}

func (a *API) challenge(ctx context.Context, who actor.Actor, in *challengeInput) (*challengeOutput, error) {
	purpose := identity.Purpose(in.Body.Purpose)
	person := who.PersonID
	switch {
	case purpose == identity.PurposeLogin:
		person = ""
	case person == "":
		return nil, apperr.New(apperr.Unauthenticated, "session.none", "请先登录。")
	}
	site := a.site(ctx)
	c, err := a.deps.Identity.Challenge(ctx, purpose, in.Body.Certificate, site, person)
	if err != nil {
		return nil, err
	}
	out := &challengeOutput{}
	out.Body.Challenge, out.Body.Expires, out.Body.Site = c.Value, Stamp(c.Expires), site
	out.Body.Tag, out.Body.Message = certificate.TagSession, string(c.Message)
	return out, nil
}

// ProofBody is a certificate with its signature over a challenge.
type ProofBody struct {
	Challenge   string `json:"challenge" minLength:"1" maxLength:"200"`
	Certificate string `json:"certificate" minLength:"1" maxLength:"12000" doc:"签名证书，DER 的 base64url"`
	Signature   string `json:"signature" minLength:"1" maxLength:"1400" doc:"base64url"`
}

func (a *API) proof(ctx context.Context, b ProofBody) identity.CertificateProof {
	return identity.CertificateProof{Certificate: b.Certificate, Challenge: b.Challenge, Signature: b.Signature, Site: a.site(ctx)}
}

type certificateLoginInput struct {
	Body struct {
		ProofBody
		Membership *MembershipChoice `json:"membership,omitempty" doc:"以哪个单位的哪个身份；不填则取证书所属单位的第一个"`
	}
}

func (a *API) certificateLogin(ctx context.Context, _ actor.Actor, in *certificateLoginInput) (*sessionOutput, error) {
	visit := visitOf(ctx)
	li := identity.CertificateLogin{CertificateProof: a.proof(ctx, in.Body.ProofBody), Address: visit.address}
	if m := in.Body.Membership; m != nil {
		li.Organisation, li.Role = m.Organisation, actor.Role(m.Role)
	}
	l, err := a.deps.Identity.LoginByCertificate(ctx, li)
	if err != nil {
		return nil, err
	}
	if visit.token != "" { // the session that this one takes the place of
		if err := a.deps.Identity.Logout(ctx, visit.token); err != nil {
			return nil, err
		}
	}
	v, err := a.sessionView(ctx, l.Actor)
	return &sessionOutput{Body: v, SetCookie: []string{a.cookie(a.sessionCookie(), l.Token, "/", 0)}}, err
}

// CertificateView is a certificate that its person has bound.
type CertificateView struct {
	ID           string `json:"id"`
	Kind         string `json:"kind" doc:"organisation, person"`
	KindLabel    string `json:"kindLabel"`
	Algorithm    string `json:"algorithm"`
	Organisation string `json:"organisation"`
	Subject      string `json:"subject"`
	Issuer       string `json:"issuer"`
	Serial       string `json:"serial"`
	Fingerprint  string `json:"fingerprint"`
	NotAfter     string `json:"notAfter"`
	BoundAt      string `json:"boundAt" doc:"绑定的日期"`
}

type certificateOutput struct{ Body CertificateView }

type bindInput struct{ Body ProofBody }

func (a *API) bindCertificate(ctx context.Context, who actor.Actor, in *bindInput) (*certificateOutput, error) {
	b, err := a.deps.Identity.BindCertificate(ctx, who, a.proof(ctx, in.Body))
	return &certificateOutput{certificateView(b)}, err
}

func (a *API) unbindCertificate(ctx context.Context, who actor.Actor, in *idInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.UnbindCertificate(ctx, who, visitOf(ctx).token, in.ID)
}
