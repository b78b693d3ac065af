package api

import (
	"context"
	"net/http"

	"jianbiao/internal/actor"
	"jianbiao/internal/identity"
)

// OrganisationView is an organisation for the administrators.
type OrganisationView struct {
	ID          string  `json:"id"`
	USCC        string  `json:"uscc" doc:"统一社会信用代码"`
	Name        string  `json:"name"`
	Region      string  `json:"region" doc:"GB/T 2260"`
	RegionName  string  `json:"regionName"`
	CertifiedAt *string `json:"certifiedAt,omitempty" doc:"核验时间"`
	SuspendedAt *string `json:"suspendedAt,omitempty" doc:"暂停使用平台的时间"`
	Suspension  string  `json:"suspension,omitempty" doc:"暂停理由"`
	CreatedAt   string  `json:"createdAt"`
}

// PersonView is a person for the administrators.
type PersonView struct {
	ID           string           `json:"id"`
	Login        string           `json:"login"`
	Name         string           `json:"name"`
	DisabledAt   *string          `json:"disabledAt,omitempty" doc:"停用时间"`
	PasswordOnce bool             `json:"passwordOnce" doc:"口令由别人设定，下次登录须修改"`
	Memberships  []MembershipView `json:"memberships"`
	CreatedAt    string           `json:"createdAt"`
}

func organisationView(o identity.Organisation) OrganisationView {
	place, _ := identity.Region(o.Region)
	return OrganisationView{ID: o.ID, USCC: o.USCC, Name: o.Name, Region: o.Region, RegionName: place.FullName(),
		CertifiedAt: StampPtr(o.CertifiedAt), SuspendedAt: StampPtr(o.SuspendedAt), Suspension: deref(o.Suspension), CreatedAt: Stamp(o.CreatedAt)}
}

func personView(p identity.Person) PersonView {
	return PersonView{ID: p.ID, Login: p.Login, Name: p.Name, DisabledAt: StampPtr(p.DisabledAt), PasswordOnce: p.Once,
		Memberships: []MembershipView{}, CreatedAt: Stamp(p.CreatedAt)}
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

type organisationsInput struct {
	PageInput
	Query string `query:"q" maxLength:"100" doc:"名称里的字，或统一社会信用代码的开头"`
	State string `query:"state" enum:",certified,uncertified,suspended"`
}

type peopleInput struct {
	PageInput
	Query string `query:"q" maxLength:"100" doc:"姓名或登录名里的字"`
}

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
		Password string `json:"password" doc:"一次性口令，本人首次登录后必须修改"`
	}
}

type idInput struct {
	ID string `path:"id"`
}

type reasonInput struct {
	ID   string `path:"id"`
	Body struct {
		Reason string `json:"reason"`
	}
}

type setPasswordInput struct {
	ID   string `path:"id"`
	Body struct {
		Password string `json:"password"`
	}
}

func (a *API) registerPeople() {
	system, security, none := Allow(actor.SystemAdmin), Allow(actor.SecurityAdmin), http.StatusNoContent
	any3 := Allow(actor.Administrators()...)
	Register(a, Route{Method: http.MethodGet, Path: "/api/organisations", Allow: any3, Summary: "单位"}, a.listOrganisations)
	Register(a, Route{Method: http.MethodPost, Path: "/api/organisations", Allow: system, Summary: "登记单位", Status: http.StatusCreated}, a.createOrganisation)
	Register(a, Route{Method: http.MethodPost, Path: "/api/organisations/{id}/certification", Allow: system, Summary: "核验单位", Status: none}, a.certify)
	Register(a, Route{Method: http.MethodPost, Path: "/api/organisations/{id}/suspension", Allow: system, Summary: "暂停单位使用平台", Status: none}, a.suspend)
	Register(a, Route{Method: http.MethodDelete, Path: "/api/organisations/{id}/suspension", Allow: system, Summary: "恢复单位使用平台", Status: none}, a.resume)
	Register(a, Route{Method: http.MethodGet, Path: "/api/people", Allow: any3, Summary: "人员"}, a.listPeople)
	Register(a, Route{Method: http.MethodPost, Path: "/api/people", Allow: system, Summary: "登记人员", Status: http.StatusCreated}, a.createPerson)
	Register(a, Route{Method: http.MethodPut, Path: "/api/people/{id}/password", Allow: security, Summary: "重设口令", Status: none}, a.setPassword)
	Register(a, Route{Method: http.MethodPost, Path: "/api/people/{id}/disable", Allow: security, Summary: "停用账号", Status: none}, a.disable)
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

func (a *API) listOrganisations(ctx context.Context, _ actor.Actor, in *organisationsInput) (*pageOutput[OrganisationView], error) {
	rows, err := a.deps.Identity.Organisations(ctx, identity.OrganisationFilter{Query: in.Query, State: in.State, After: in.After, Limit: in.Limit + 1})
	if err != nil {
		return nil, err
	}
	return &pageOutput[OrganisationView]{page(rows, in.Limit, organisationView, func(o identity.Organisation) string { return o.ID })}, nil
}

func (a *API) listPeople(ctx context.Context, _ actor.Actor, in *peopleInput) (*pageOutput[PersonView], error) {
	rows, err := a.deps.Identity.People(ctx, in.Query, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := &pageOutput[PersonView]{page(rows, in.Limit, personView, func(p identity.Person) string { return p.ID })}
	at, ids := map[string]*PersonView{}, []string{}
	for i := range out.Body.Items {
		p := &out.Body.Items[i]
		at[p.ID], ids = p, append(ids, p.ID)
	}
	ms, err := a.deps.Identity.MembershipsOf(ctx, ids)
	for _, m := range ms {
		at[m.PersonID].Memberships = append(at[m.PersonID].Memberships, membershipView(m))
	}
	return out, err
}

func (a *API) createOrganisation(ctx context.Context, who actor.Actor, in *createOrganisationInput) (*organisationOutput, error) {
	o, err := a.deps.Identity.CreateOrganisation(ctx, who, identity.CreateOrganisationInput(in.Body))
	return &organisationOutput{organisationView(o)}, err
}

func (a *API) certify(ctx context.Context, who actor.Actor, in *idInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.CertifyOrganisation(ctx, who, in.ID)
}

func (a *API) suspend(ctx context.Context, who actor.Actor, in *reasonInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.SuspendOrganisation(ctx, who, in.ID, in.Body.Reason)
}

func (a *API) resume(ctx context.Context, who actor.Actor, in *idInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.ResumeOrganisation(ctx, who, in.ID)
}

func (a *API) createPerson(ctx context.Context, who actor.Actor, in *createPersonInput) (*personOutput, error) {
	p, err := a.deps.Identity.CreatePerson(ctx, who, identity.CreatePersonInput(in.Body))
	return &personOutput{personView(p)}, err
}

func (a *API) setPassword(ctx context.Context, who actor.Actor, in *setPasswordInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.SetPassword(ctx, who, in.ID, in.Body.Password)
}

func (a *API) disable(ctx context.Context, who actor.Actor, in *reasonInput) (*Nothing, error) {
	return &Nothing{}, a.deps.Identity.DisablePerson(ctx, who, in.ID, in.Body.Reason)
}
