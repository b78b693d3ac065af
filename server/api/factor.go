package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/certificate"
	"jianbiao/internal/identity"
	"jianbiao/internal/totp"
)

// sensitive is the one table of acts before which a second factor (第二验证) is
// asked, of those whom the policy names: commands by their name, over HTTP and
// in the hall, and routes by method and path.
var sensitive = map[string]bool{
	"publish":      true, // 发布公告: public, and makes the lot's keys
	"terminate":    true, // 终止招标
	"start":        true, // 宣布开标
	"close_window": true, // 结束解密: from here the platform opens
	"decide_bid":   true, // 认定未解密原因: decides about a deposit

	"POST /api/organisations/:id/certification": true,
	"POST /api/organisations/:id/suspension":    true,
	"POST /api/organisations/imports":           true,
	"POST /api/holidays":                        true,
	"POST /api/holidays/:id/decision":           true,
	"POST /api/people":                          true,
	"POST /api/people/:id/memberships":          true,
	"POST /api/people/:id/memberships/removal":  true,
	"POST /api/grants/:id/decision":             true,
	"PUT /api/people/:id/password":              true,
	"POST /api/people/:id/disable":              true,
	"DELETE /api/people/:id/factor":             true,
}

// Guard refuses a sensitive command of the hall without a fresh second factor;
// for live.Options. Codes: those of identity.RequireFactor.
func Guard(ids *identity.Service) func(ctx context.Context, r *http.Request, command string) error {
	return func(ctx context.Context, r *http.Request, command string) error {
		if !sensitive[command] {
			return nil
		}
		v := visitOf(r.Context())
		return ids.RequireFactor(ctx, v.who, v.token)
	}
}

// factored is Guard for a request.
func (a *API) factored(c echo.Context, v *visit) error {
	if v.token == "" || !sensitive[c.Param("command")] && !sensitive[v.route.key()] {
		return nil
	}
	return a.deps.Identity.RequireFactor(c.Request().Context(), v.who, v.token)
}

func (a *API) registerFactor() {
	const account, none = "/api/account", http.StatusNoContent
	Register(a, Route{Method: http.MethodPost, Path: "/api/session/factor", Allow: AnyLoggedIn, Summary: "第二验证", Status: none}, a.giveFactor)
	Register(a, Route{Method: http.MethodGet, Path: account, Allow: AnyLoggedIn, Summary: "账户安全"}, a.showAccount)
	Register(a, Route{Method: http.MethodPost, Path: account + "/totp", Allow: AnyLoggedIn, Summary: "动态口令的新密钥"}, a.newSecret)
	Register(a, Route{Method: http.MethodPut, Path: account + "/totp", Allow: AnyLoggedIn, Summary: "启用动态口令"}, a.enrol)
	Register(a, Route{Method: http.MethodPost, Path: account + "/totp/removal", Allow: AnyLoggedIn, Summary: "停用动态口令", Status: none}, a.removeFactor)
	Register(a, Route{Method: http.MethodPost, Path: account + "/recovery-codes", Allow: AnyLoggedIn, Summary: "重新生成备用码"}, a.renewCodes)
	Register(a, Route{Method: http.MethodDelete, Path: account + "/sessions/{id}", Allow: AnyLoggedIn, Summary: "结束自己的一个登录", Status: none}, a.endSession)
	Register(a, Route{Method: http.MethodDelete, Path: "/api/people/{id}/factor", Allow: Allow(actor.SecurityAdmin), Summary: "重置第二验证", Status: none}, a.resetFactor)
}

type factorInput struct {
	Body struct {
		Code        string `json:"code,omitempty" maxLength:"40" doc:"动态口令或备用码"`
		Challenge   string `json:"challenge,omitempty" maxLength:"200"`
		Certificate string `json:"certificate,omitempty" maxLength:"12000"`
		Signature   string `json:"signature,omitempty" maxLength:"1400"`
	}
}

func (a *API) giveFactor(ctx context.Context, who actor.Actor, in *factorInput) (*Nothing, error) {
	f, b := identity.Factor{Code: in.Body.Code}, in.Body
	if b.Certificate != "" {
		p := a.proof(ctx, ProofBody{Challenge: b.Challenge, Certificate: b.Certificate, Signature: b.Signature})
		f.Proof = &p
	} else if b.Code == "" {
		return nil, apperr.New(apperr.Invalid, "factor.empty", "请输入动态口令，或用数字证书签名。").With("code", "请输入动态口令。")
	}
	return &Nothing{}, a.deps.Identity.GiveFactor(ctx, who, visitOf(ctx).token, f)
}

// OwnSessionView is one of a person's sessions.
type OwnSessionView struct {
	ID           string `json:"id"`
	Organisation string `json:"organisation"`
	Role         string `json:"role"`
	RoleLabel    string `json:"roleLabel"`
	Expires      string `json:"expires" doc:"不再使用则在此时结束(取整到小时)"`
	Current      bool   `json:"current"`
}

// AccountView is what a person's account is secured with.
type AccountView struct {
	TOTP struct {
		EnrolledAt *string `json:"enrolledAt,omitempty" doc:"启用的日期"`
		Recovery   int     `json:"recovery" doc:"还剩几个备用码"`
	} `json:"totp"`
	Policy       string            `json:"policy" doc:"off, enrolled, required"`
	Trusted      bool              `json:"trusted" doc:"本平台可以使用数字证书"`
	Certificates []CertificateView `json:"certificates"`
	Sessions     []OwnSessionView  `json:"sessions"`
}

type accountOutput struct{ Body AccountView }

func (a *API) showAccount(ctx context.Context, who actor.Actor, _ *Nothing) (*accountOutput, error) {
	sec, err := a.deps.Identity.Security(ctx, who)
	if err != nil {
		return nil, err
	}
	certificates, err := a.deps.Identity.Certificates(ctx, who.PersonID)
	if err != nil {
		return nil, err
	}
	sessions, err := a.deps.Identity.Sessions(ctx, who, visitOf(ctx).token)
	if err != nil {
		return nil, err
	}
	v := AccountView{Policy: string(sec.Policy), Trusted: sec.Trusted, Certificates: []CertificateView{}, Sessions: []OwnSessionView{}}
	v.TOTP.EnrolledAt, v.TOTP.Recovery = StampPtr(sec.EnrolledAt), sec.Recovery
	for _, c := range certificates {
		v.Certificates = append(v.Certificates, certificateView(c))
	}
	for _, s := range sessions {
		v.Sessions = append(v.Sessions, OwnSessionView{s.ID, s.Organisation, string(s.Role), s.Role.Label(), Stamp(s.ExpiresAt), s.Current})
	}
	return &accountOutput{v}, nil
}

func certificateView(b identity.Bound) CertificateView {
	return CertificateView{ID: b.ID, Kind: b.Kind, KindLabel: certificate.Kind(b.Kind).Label(), Algorithm: b.Algorithm, Organisation: b.Organisation,
		Subject: b.Subject, Issuer: b.Issuer, Serial: b.Serial, Fingerprint: b.Fingerprint, NotAfter: Stamp(b.NotAfter), BoundAt: Stamp(b.BoundAt)}
}

type secretOutput struct {
	Body struct {
		Secret string `json:"secret" doc:"输入验证器的密钥(base32)"`
		URI    string `json:"uri" doc:"二维码的内容"`
	}
}

// newSecret makes a secret and keeps nothing: it counts when it comes back with
// a code of the app that has taken it.
func (a *API) newSecret(ctx context.Context, who actor.Actor, _ *Nothing) (*secretOutput, error) {
	p, err := a.deps.Identity.Person(ctx, who.PersonID)
	if err != nil {
		return nil, err
	}
	secret, err := totp.NewSecret()
	if err != nil {
		return nil, err
	}
	out := &secretOutput{}
	out.Body.Secret, out.Body.URI = totp.Text(secret), totp.URI(secret, "见标", p.Login)
	return out, nil
}

type enrolInput struct {
	Body struct {
		Secret string `json:"secret" minLength:"1" maxLength:"100"`
		Code   string `json:"code" minLength:"1" maxLength:"40" doc:"验证器现在显示的动态口令"`
	}
}

type codeInput struct {
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"40" doc:"动态口令或备用码"`
	}
}

type codesOutput struct {
	Body struct {
		RecoveryCodes []string `json:"recoveryCodes" doc:"备用码，只显示这一次"`
	}
}

func codes(list []string, err error) (*codesOutput, error) {
	out := &codesOutput{}
	out.Body.RecoveryCodes = list
	return out, err
}

func (a *API) enrol(ctx context.Context, who actor.Actor, in *enrolInput) (*codesOutput, error) {
	return codes(a.deps.Identity.EnrolFactor(ctx, who, in.Body.Secret, in.Body.Code))
}

func (a *API) renewCodes(ctx context.Context, who actor.Actor, in *codeInput) (*codesOutput, error) {
	return codes(a.deps.Identity.RenewRecoveryCodes(ctx, who, in.Body.Code))
}

func (a *API) removeFactor(ctx context.Context, who actor.Actor, in *codeInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.RemoveFactor(ctx, who, in.Body.Code)
}

func (a *API) endSession(ctx context.Context, who actor.Actor, in *idInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.EndSession(ctx, who, in.ID)
}

func (a *API) resetFactor(ctx context.Context, who actor.Actor, in *idInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.ResetFactor(ctx, who, in.ID)
}
