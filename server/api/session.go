package api

import (
	"context"
	"net/http"
	"slices"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/identity"
)

// The cookies. With TLS the session's has the prefix that binds it to this host.
const (
	plainSession  = "jianbiao_session"
	secureSession = "__Host-jianbiao_session"
	deviceCookie  = "jianbiao_device"
	deviceSeconds = 180 * 24 * 3600
)

func (a *API) sessionCookie() string {
	if a.deps.Secure {
		return secureSession
	}
	return plainSession
}

// cookie is HttpOnly and SameSite=Strict; age in seconds, 0 until the browser is
// closed, negative to delete it.
func (a *API) cookie(name, value, path string, age int) string {
	c := http.Cookie{Name: name, Value: value, Path: path, MaxAge: age, HttpOnly: true, Secure: a.deps.Secure,
		SameSite: http.SameSiteStrictMode}
	return c.String()
}

// OrganisationRef names an organisation.
type OrganisationRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	USCC string `json:"uscc" doc:"统一社会信用代码"`
}

// MembershipView is a role that the person may take.
type MembershipView struct {
	Organisation OrganisationRef `json:"organisation"`
	Role         string          `json:"role"`
	Label        string          `json:"label"`
}

// SessionView is who is at this browser, and in which role.
type SessionView struct {
	Person struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Login string `json:"login"`
	} `json:"person"`
	Organisation OrganisationRef  `json:"organisation"`
	Role         string           `json:"role"`
	Region       string           `json:"region"`
	Certified    bool             `json:"certified" doc:"单位已经核验"`
	PasswordOnce bool             `json:"passwordOnce,omitempty" doc:"口令由别人设定，须先修改"`
	Memberships  []MembershipView `json:"memberships"`
}

type sessionOutput struct {
	SetCookie []string `header:"Set-Cookie"`
	Body      SessionView
}

type goneOutput struct {
	SetCookie []string `header:"Set-Cookie"`
}

// MembershipChoice names one of the person's memberships.
type MembershipChoice struct {
	Organisation string `json:"organisation" minLength:"1"`
	Role         string `json:"role" minLength:"1"`
}

type loginInput struct {
	Device string `cookie:"jianbiao_device"`
	Body   struct {
		Login      string            `json:"login" minLength:"1" maxLength:"100" doc:"登录名"`
		Password   string            `json:"password" minLength:"1" maxLength:"512" doc:"口令"`
		Membership *MembershipChoice `json:"membership,omitempty" doc:"以哪个单位的哪个身份；不填则取第一个"`
	}
}

type switchInput struct{ Body MembershipChoice }

type passwordInput struct {
	Body struct {
		Old string `json:"old" minLength:"1" maxLength:"512" doc:"现在的口令"`
		New string `json:"new" minLength:"1" maxLength:"512" doc:"新口令"`
	}
}

func (a *API) registerSession() {
	const path = "/api/session"
	Register(a, Route{Method: http.MethodGet, Path: path, Allow: AnyLoggedIn, Summary: "当前的身份"}, a.showSession)
	Register(a, Route{Method: http.MethodPost, Path: path, Allow: Public, Summary: "登录"}, a.login)
	Register(a, Route{Method: http.MethodDelete, Path: path, Allow: Public, Summary: "退出登录", Status: http.StatusNoContent}, a.logout)
	Register(a, Route{Method: http.MethodPost, Path: path + "/membership", Allow: AnyLoggedIn, Summary: "换一个身份"}, a.switchMembership)
	Register(a, Route{Method: http.MethodPut, Path: path + "/password", Allow: AnyLoggedIn, Summary: "修改自己的口令",
		Status: http.StatusNoContent}, a.changePassword)
}

func (a *API) sessionView(ctx context.Context, who actor.Actor) (SessionView, error) {
	p, err := a.deps.Identity.Person(ctx, who.PersonID)
	if err != nil {
		return SessionView{}, err
	}
	ms, err := a.deps.Identity.Memberships(ctx, who.PersonID)
	if err != nil {
		return SessionView{}, err
	}
	ms = slices.DeleteFunc(ms, func(m identity.Membership) bool { return m.Suspended })
	v := SessionView{Role: string(who.Role), Region: who.Region, Certified: who.Certified, PasswordOnce: p.Once,
		Organisation: OrganisationRef{ID: who.OrganisationID, Name: who.OrganisationName, USCC: who.USCC},
		Memberships:  make([]MembershipView, len(ms))}
	v.Person.ID, v.Person.Name, v.Person.Login = p.ID, p.Name, p.Login
	for i, m := range ms {
		v.Memberships[i] = membershipView(m)
	}
	return v, nil
}

func membershipView(m identity.Membership) MembershipView {
	return MembershipView{Role: string(m.Role), Label: m.Role.Label(),
		Organisation: OrganisationRef{ID: m.OrganisationID, Name: m.OrganisationName, USCC: m.USCC}}
}

func (a *API) showSession(ctx context.Context, who actor.Actor, _ *Nothing) (*sessionOutput, error) {
	v, err := a.sessionView(ctx, who)
	return &sessionOutput{Body: v}, err
}

func (a *API) login(ctx context.Context, _ actor.Actor, in *loginInput) (*sessionOutput, error) {
	visit := visitOf(ctx)
	li := identity.LoginInput{Login: in.Body.Login, Password: in.Body.Password, Device: in.Device, Address: visit.address}
	if m := in.Body.Membership; m != nil {
		li.Organisation, li.Role = m.Organisation, actor.Role(m.Role)
	}
	l, err := a.deps.Identity.Login(ctx, li)
	if err != nil {
		return nil, err
	}
	if visit.token != "" { // the session that this one takes the place of
		if err := a.deps.Identity.Logout(ctx, visit.token); err != nil {
			return nil, err
		}
	}
	v, err := a.sessionView(ctx, l.Actor)
	return &sessionOutput{Body: v, SetCookie: []string{
		a.cookie(a.sessionCookie(), l.Token, "/", 0),
		a.cookie(deviceCookie, l.Device, "/api/session", deviceSeconds),
	}}, err
}

func (a *API) logout(ctx context.Context, _ actor.Actor, _ *Nothing) (*goneOutput, error) {
	if token := visitOf(ctx).token; token != "" {
		if err := a.deps.Identity.Logout(ctx, token); err != nil {
			return nil, err
		}
	}
	return &goneOutput{SetCookie: []string{a.cookie(a.sessionCookie(), "", "/", -1)}}, nil
}

func (a *API) switchMembership(ctx context.Context, _ actor.Actor, in *switchInput) (*sessionOutput, error) {
	who, err := a.deps.Identity.SwitchMembership(ctx, visitOf(ctx).token, in.Body.Organisation, actor.Role(in.Body.Role))
	if err != nil {
		return nil, err
	}
	v, err := a.sessionView(ctx, who)
	return &sessionOutput{Body: v}, err
}

func (a *API) changePassword(ctx context.Context, who actor.Actor, in *passwordInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.ChangePassword(ctx, who, visitOf(ctx).token, in.Body.Old, in.Body.New)
}

// Recheck says whether the session with which a request came in still holds, in
// the same role: for connections that live longer than a request. Codes:
// session.none, session.role.
func Recheck(ids *identity.Service) func(ctx context.Context, r *http.Request) error {
	return func(ctx context.Context, r *http.Request) error {
		v := visitOf(r.Context())
		who, err := ids.Authenticate(ctx, v.token)
		if err != nil {
			return err
		}
		if who.PersonID != v.who.PersonID || who.OrganisationID != v.who.OrganisationID || who.Role != v.who.Role {
			return apperr.New(apperr.Forbidden, "session.role", "您已经换了身份，请重新进入大厅。")
		}
		return nil
	}
}
