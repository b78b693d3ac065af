package api

import (
	"context"
	"net/http"

	"jianbiao/internal/actor"
	"jianbiao/internal/identity"
)

// OrganisationView is an organisation for the administrator.
type OrganisationView struct {
	ID          string  `json:"id"`
	USCC        string  `json:"uscc" doc:"统一社会信用代码"`
	Name        string  `json:"name"`
	Region      string  `json:"region" doc:"GB/T 2260"`
	RegionName  string  `json:"regionName"`
	CertifiedAt *string `json:"certifiedAt,omitempty" doc:"核验时间"`
	CreatedAt   string  `json:"createdAt"`
}

// PersonView is a person for the administrator.
type PersonView struct {
	ID         string  `json:"id"`
	Login      string  `json:"login"`
	Name       string  `json:"name"`
	DisabledAt *string `json:"disabledAt,omitempty" doc:"停用时间"`
	CreatedAt  string  `json:"createdAt"`
}

func organisationView(o identity.Organisation) OrganisationView {
	place, _ := identity.Region(o.Region)
	return OrganisationView{ID: o.ID, USCC: o.USCC, Name: o.Name, Region: o.Region, RegionName: place.FullName(),
		CertifiedAt: StampPtr(o.CertifiedAt), CreatedAt: Stamp(o.CreatedAt)}
}

func personView(p identity.Person) PersonView {
	return PersonView{ID: p.ID, Login: p.Login, Name: p.Name, DisabledAt: StampPtr(p.DisabledAt), CreatedAt: Stamp(p.CreatedAt)}
}

// PageInput asks for one page of a list.
type PageInput struct {
	After string `query:"after" doc:"上一页的 next"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// Page is one page of a list; Next is absent on the last one.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

type pageOutput[T any] struct{ Body Page[T] }

type organisationOutput struct{ Body OrganisationView }

type personOutput struct{ Body PersonView }

type createOrganisationInput struct {
	Body struct {
		USCC   string `json:"uscc"`
		Name   string `json:"name"`
		Region string `json:"region"`
	}
}

type createPersonInput struct {
	Body struct {
		Login    string `json:"login"`
		Name     string `json:"name"`
		Password string `json:"password"`
	}
}

type idInput struct {
	ID string `path:"id"`
}

type addMembershipInput struct {
	ID   string `path:"id"`
	Body struct {
		Organisation string `json:"organisation"`
		Role         string `json:"role"`
		Region       string `json:"region"`
	}
}

type setPasswordInput struct {
	ID   string `path:"id"`
	Body struct {
		Password string `json:"password"`
	}
}

type disableInput struct {
	ID   string `path:"id"`
	Body struct {
		Reason string `json:"reason"`
	}
}

func (a *API) registerPeople() {
	admin, none := Allow(actor.Admin), http.StatusNoContent
	Register(a, Route{Method: http.MethodGet, Path: "/api/organisations", Allow: admin, Summary: "单位"}, a.listOrganisations)
	Register(a, Route{Method: http.MethodPost, Path: "/api/organisations", Allow: admin, Summary: "登记单位", Status: http.StatusCreated}, a.createOrganisation)
	Register(a, Route{Method: http.MethodPost, Path: "/api/organisations/{id}/certification", Allow: admin, Summary: "核验单位", Status: none}, a.certify)
	Register(a, Route{Method: http.MethodGet, Path: "/api/people", Allow: admin, Summary: "人员"}, a.listPeople)
	Register(a, Route{Method: http.MethodPost, Path: "/api/people", Allow: admin, Summary: "登记人员", Status: http.StatusCreated}, a.createPerson)
	Register(a, Route{Method: http.MethodPost, Path: "/api/people/{id}/memberships", Allow: admin, Summary: "授予角色", Status: none}, a.addMembership)
	Register(a, Route{Method: http.MethodPut, Path: "/api/people/{id}/password", Allow: admin, Summary: "重设口令", Status: none}, a.setPassword)
	Register(a, Route{Method: http.MethodPost, Path: "/api/people/{id}/disable", Allow: admin, Summary: "停用账号", Status: none}, a.disable)
}

// page makes views of one row more than was asked for, which is how the last
// page is known.
func page[R, V any](rows []R, limit int, view func(R) V, id func(R) string) Page[V] {
	var p Page[V]
	if len(rows) > limit {
		rows = rows[:limit]
		p.Next = id(rows[limit-1])
	}
	p.Items = make([]V, len(rows))
	for i, r := range rows {
		p.Items[i] = view(r)
	}
	return p
}

func (a *API) listOrganisations(ctx context.Context, _ actor.Actor, in *PageInput) (*pageOutput[OrganisationView], error) {
	rows, err := a.deps.Identity.Organisations(ctx, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &pageOutput[OrganisationView]{page(rows, in.Limit, organisationView, func(o identity.Organisation) string { return o.ID })}, nil
}

func (a *API) listPeople(ctx context.Context, _ actor.Actor, in *PageInput) (*pageOutput[PersonView], error) {
	rows, err := a.deps.Identity.People(ctx, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &pageOutput[PersonView]{page(rows, in.Limit, personView, func(p identity.Person) string { return p.ID })}, nil
}

func (a *API) createOrganisation(ctx context.Context, who actor.Actor, in *createOrganisationInput) (*organisationOutput, error) {
	o, err := a.deps.Identity.CreateOrganisation(ctx, who, identity.CreateOrganisationInput(in.Body))
	return &organisationOutput{organisationView(o)}, err
}

func (a *API) certify(ctx context.Context, who actor.Actor, in *idInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.CertifyOrganisation(ctx, who, in.ID)
}

func (a *API) createPerson(ctx context.Context, who actor.Actor, in *createPersonInput) (*personOutput, error) {
	p, err := a.deps.Identity.CreatePerson(ctx, who, identity.CreatePersonInput(in.Body))
	return &personOutput{personView(p)}, err
}

func (a *API) addMembership(ctx context.Context, who actor.Actor, in *addMembershipInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.AddMembership(ctx, who, identity.Membership{PersonID: in.ID,
		OrganisationID: in.Body.Organisation, Role: actor.Role(in.Body.Role), Region: in.Body.Region})
}

func (a *API) setPassword(ctx context.Context, who actor.Actor, in *setPasswordInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.SetPassword(ctx, who, in.ID, in.Body.Password)
}

func (a *API) disable(ctx context.Context, who actor.Actor, in *disableInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.DisablePerson(ctx, who, in.ID, in.Body.Reason)
}
