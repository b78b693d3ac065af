package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
	"jianbiao/internal/identity"
	"jianbiao/internal/workday"
)

// GrantView is a role that was asked for and what became of the request.
type GrantView struct {
	ID     string `json:"id"`
	Person struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Login string `json:"login"`
		New   bool   `json:"new" doc:"此人还没有任何角色，批准后才能登录"`
	} `json:"person"`
	Organisation OrganisationRef `json:"organisation"`
	Role         string          `json:"role"`
	Label        string          `json:"label"`
	Region       string          `json:"region"`
	RegionName   string          `json:"regionName"`
	State        string          `json:"state" enum:"pending,approved,rejected"`
	RequestedBy  string          `json:"requestedBy"`
	RequestedAt  string          `json:"requestedAt"`
	DecidedBy    string          `json:"decidedBy,omitempty"`
	DecidedAt    *string         `json:"decidedAt,omitempty"`
	Reason       string          `json:"reason,omitempty"`
}

func grantView(g identity.GrantRequest) GrantView {
	place, _ := identity.Region(g.Region)
	v := GrantView{ID: g.ID, Organisation: OrganisationRef{ID: g.OrganisationID, Name: g.OrganisationName}, Role: string(g.Role), Label: g.Role.Label(),
		Region: g.Region, RegionName: place.FullName(), State: g.State, RequestedBy: g.Requester, RequestedAt: Stamp(g.RequestedAt),
		DecidedBy: deref(g.Decider), DecidedAt: StampPtr(g.DecidedAt), Reason: deref(g.Reason)}
	v.Person.ID, v.Person.Name, v.Person.Login, v.Person.New = g.PersonID, g.PersonName, g.Login, g.New
	return v
}

type grantOutput struct{ Body GrantView }

type addMembershipInput struct {
	ID   string `path:"id"`
	Body struct {
		Organisation string `json:"organisation"`
		Role         string `json:"role"`
		Region       string `json:"region"`
	}
}

type removeMembershipInput struct {
	ID   string `path:"id"`
	Body struct {
		Organisation string `json:"organisation"`
		Role         string `json:"role"`
		Reason       string `json:"reason"`
	}
}

type grantsInput struct {
	State string `query:"state" enum:",pending,approved,rejected"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"200"`
}

type decisionInput struct {
	ID   string `path:"id"`
	Body struct {
		Approve bool   `json:"approve"`
		Reason  string `json:"reason,omitempty" doc:"驳回理由"`
	}
}

type auditInput struct {
	Kind    string `query:"kind" maxLength:"100"`
	Person  string `query:"person" maxLength:"100" doc:"谁做的"`
	Subject string `query:"subject" maxLength:"100" doc:"对谁做的：person/…，organisation/…"`
	From    string `query:"from" doc:"自这一天起"`
	Until   string `query:"until" doc:"到这一天止"`
	After   string `query:"after" doc:"上一页的 next"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// AuditView is an act of an administrator, or on what the administrators keep.
type AuditView struct {
	ID           string       `json:"id"`
	At           string       `json:"at"`
	Kind         string       `json:"kind"`
	Label        string       `json:"label"`
	Actor        string       `json:"actor,omitempty"`
	Role         string       `json:"role,omitempty"`
	Organisation string       `json:"organisation,omitempty"`
	Address      string       `json:"address,omitempty"`
	Subject      string       `json:"subject"`
	SubjectName  string       `json:"subjectName,omitempty" doc:"对谁做的"`
	Fields       []AuditField `json:"fields"`
}

// AuditField is one field of the event, as text.
type AuditField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type auditOutput struct{ Body Page[AuditView] }

func (a *API) registerAdmin() {
	system, security, none := Allow(actor.SystemAdmin), Allow(actor.SecurityAdmin), http.StatusNoContent
	Register(a, Route{Method: http.MethodPost, Path: "/api/people/{id}/memberships", Allow: system, Summary: "申请授予角色", Status: http.StatusAccepted}, a.requestMembership)
	Register(a, Route{Method: http.MethodPost, Path: "/api/people/{id}/memberships/removal", Allow: security, Summary: "收回角色", Status: none}, a.removeMembership)
	Register(a, Route{Method: http.MethodGet, Path: "/api/grants", Allow: Allow(actor.Administrators()...), Summary: "角色申请"}, a.listGrants)
	Register(a, Route{Method: http.MethodPost, Path: "/api/grants/{id}/decision", Allow: security, Summary: "审批角色申请"}, a.decideGrant)
	Register(a, Route{Method: http.MethodGet, Path: "/api/audit", Allow: Allow(actor.AuditAdmin), Summary: "审计记录"}, a.listAudit)
}

func (a *API) requestMembership(ctx context.Context, who actor.Actor, in *addMembershipInput) (*grantOutput, error) {
	g, err := a.deps.Identity.RequestMembership(ctx, who, identity.Membership{PersonID: in.ID,
		OrganisationID: in.Body.Organisation, Role: actor.Role(in.Body.Role), Region: in.Body.Region})
	return &grantOutput{grantView(g)}, err
}

func (a *API) removeMembership(ctx context.Context, who actor.Actor, in *removeMembershipInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.RemoveMembership(ctx, who, identity.Membership{PersonID: in.ID,
		OrganisationID: in.Body.Organisation, Role: actor.Role(in.Body.Role)}, in.Body.Reason)
}

func (a *API) listGrants(ctx context.Context, _ actor.Actor, in *grantsInput) (*pageOutput[GrantView], error) {
	rows, err := a.deps.Identity.Grants(ctx, in.State, in.Limit)
	if err != nil {
		return nil, err
	}
	return &pageOutput[GrantView]{page(rows, in.Limit, grantView, func(g identity.GrantRequest) string { return g.ID })}, nil
}

func (a *API) decideGrant(ctx context.Context, who actor.Actor, in *decisionInput) (*grantOutput, error) {
	g, err := a.deps.Identity.DecideGrant(ctx, who, in.ID, in.Body.Approve, in.Body.Reason)
	return &grantOutput{grantView(g)}, err
}

func (a *API) listAudit(ctx context.Context, who actor.Actor, in *auditInput) (*auditOutput, error) {
	f := identity.AuditFilter{Kind: in.Kind, PersonID: in.Person, Subject: in.Subject, Before: in.After, Limit: in.Limit + 1}
	var err error
	if f.From, err = dayStart(in.From, 0); err != nil {
		return nil, err
	}
	if f.Until, err = dayStart(in.Until, 1); err != nil {
		return nil, err
	}
	events, err := a.deps.Identity.Audit(ctx, who, f)
	if err != nil {
		return nil, err
	}
	var ids []string
	for i := range events {
		_, id, _ := strings.Cut(events[i].Stream, "/")
		ids = append(ids, id, events[i].Text("organisation"))
	}
	names, err := a.deps.Identity.Names(ctx, ids)
	if err != nil {
		return nil, err
	}
	view := func(e evidence.Event) AuditView { return a.auditView(&e, names) }
	return &auditOutput{page(events, in.Limit, view, func(e evidence.Event) string { return e.ID })}, nil
}

// dayStart is 0:00 of the day that lies some days after the one of the text; the
// zero time for no text.
func dayStart(text string, after workday.Day) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	d, err := workday.ParseDay(text)
	if err != nil {
		return time.Time{}, err
	}
	return (d + after).Start(), nil
}

// maxAuditValue bounds how much of one field a list shows; an import's rows are
// long.
const maxAuditValue = 300

// auditView is an event in words: roles, organisations and people by their names.
func (a *API) auditView(e *evidence.Event, names map[string]string) AuditView {
	v := AuditView{ID: e.ID, At: Stamp(e.At), Kind: e.Kind, Label: a.label(e.Kind), Actor: e.Text("actor.personName"),
		Role: actor.Role(e.Text("actor.role")).Label(), Organisation: e.Text("actor.organisationName"), Address: e.Text("actor.address"),
		Subject: e.Stream, Fields: []AuditField{}}
	_, id, _ := strings.Cut(e.Stream, "/")
	v.SubjectName = names[id]
	for _, f := range e.Fields {
		if strings.HasPrefix(f.Name, "actor.") || f.Value == nil {
			continue
		}
		value := strings.Trim(string(f.Value), `"`)
		switch f.Name {
		case "role":
			value = actor.Role(value).Label()
		case "organisation":
			value = names[value]
		}
		text := []rune(value)
		if len(text) > maxAuditValue {
			text = append(text[:maxAuditValue], '…')
		}
		v.Fields = append(v.Fields, AuditField{f.Name, string(text)})
	}
	return v
}

// label is the Chinese name of a kind of event.
func (a *API) label(kind string) string {
	if l, ok := a.deps.Meta.Events[kind]; ok {
		return l.Label
	}
	return kind
}

// errOncePassword keeps whoever logged in with a one-time password (一次性口令)
// from everything but changing it.
func errOncePassword() error {
	return apperr.New(apperr.Forbidden, "session.password_once", "您的口令由管理员设定，只能用来登录一次：请先改成只有自己知道的口令。").By("GB/T 22239-2019 8.1.4.1")
}
