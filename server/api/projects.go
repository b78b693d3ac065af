package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
)

// ProjectView is a project of the actor's organisation.
type ProjectView struct {
	ProjectRef
	Kind       string    `json:"kind" enum:"ENG,GOV"`
	Method     string    `json:"method"`
	Region     RegionRef `json:"region"`
	Compulsory bool      `json:"compulsory"`
	Buyer      string    `json:"buyer"`
	Agency     string    `json:"agency,omitempty"`
}

type projectsOutput struct{ Body Page[ProjectView] }

func projectView(p *lot.Project) ProjectView {
	return ProjectView{ProjectRef: ProjectRef{p.ID, p.Code, p.Name}, Kind: p.Kind, Method: p.Method, Region: regionRef(p.Region), Compulsory: p.Compulsory, Buyer: p.Buyer, Agency: deref(p.Agency)}
}

func (t *trade) listProjects(ctx context.Context, who actor.Actor, _ *Nothing) (*projectsOutput, error) {
	projects, err := t.Lots.Projects(ctx, who)
	out := &projectsOutput{}
	out.Body.Items = []ProjectView{}
	for i := range projects {
		out.Body.Items = append(out.Body.Items, projectView(&projects[i]))
	}
	return out, err
}

type createProjectInput struct {
	Body struct {
		Code              string     `json:"code" doc:"项目编号"`
		Name              string     `json:"name" doc:"项目名称"`
		Kind              string     `json:"kind,omitempty" doc:"ENG 工程建设（不填时），GOV 政府采购"`
		Method            string     `json:"method,omitempty" doc:"采购方式：open（不填时），invited"`
		MethodBasis       string     `json:"methodBasis,omitempty" doc:"邀请招标的批准或者认定"`
		Compulsory        bool       `json:"compulsory,omitempty" doc:"依法必须招标"`
		Region            string     `json:"region" doc:"行政区划代码"`
		Agency            string     `json:"agency,omitempty" doc:"代理机构"`
		ApprovalNumber    string     `json:"approvalNumber,omitempty" doc:"立项批复文号，工程建设"`
		ApprovalAuthority string     `json:"approvalAuthority,omitempty" doc:"批复机关，工程建设"`
		PlanFiling        string     `json:"planFiling,omitempty" doc:"采购计划备案号，政府采购"`
		IntentionAt       *time.Time `json:"intentionAt,omitempty" doc:"采购意向公开的时间，政府采购"`
	}
}

type projectOutput struct{ Body ProjectView }

func (t *trade) createProject(ctx context.Context, who actor.Actor, in *createProjectInput) (*projectOutput, error) {
	b := in.Body
	p, err := t.Lots.CreateProject(ctx, who, lot.ProjectInput{Code: b.Code, Name: b.Name, Compulsory: b.Compulsory, Region: b.Region,
		AgencyID: b.Agency, ApprovalNumber: b.ApprovalNumber, ApprovalAuthority: b.ApprovalAuthority,
		Kind: b.Kind, Method: b.Method, MethodBasis: b.MethodBasis, PlanFiling: b.PlanFiling, IntentionAt: b.IntentionAt})
	if err != nil {
		return nil, err
	}
	return &projectOutput{projectView(p)}, nil
}

type createLotInput struct {
	ID   string `path:"id"`
	Body struct {
		Name     string `json:"name" doc:"标段名称"`
		Estimate string `json:"estimate" doc:"估算价，元"`
	}
}

func (t *trade) createLot(ctx context.Context, who actor.Actor, in *createLotInput) (*lotOutput, error) {
	l, err := t.Lots.Create(ctx, who, in.ID, lot.Input{Name: in.Body.Name, Estimate: in.Body.Estimate})
	if err != nil {
		return nil, err
	}
	page, err := t.lotPage(ctx, who, l)
	return &lotOutput{page}, err
}

type setDocumentInput struct {
	ID   string `path:"id"`
	Body lot.Params
}

type documentOutput struct{ Body DocumentView }

func (t *trade) setDocument(ctx context.Context, who actor.Actor, in *setDocumentInput) (*documentOutput, error) {
	doc, err := t.Lots.SetDocument(ctx, who, in.ID, in.Body)
	if err != nil {
		return nil, err
	}
	return &documentOutput{*documentView(doc)}, nil
}

// addFile takes a file as the body, or the finished upload that is named.
func (t *trade) addFile(c echo.Context) error {
	ctx, r, who := c.Request().Context(), c.Request(), Viewer(c)
	var f *lot.File
	var err error
	if id := c.QueryParam("upload"); id != "" {
		f, err = t.fileOfUpload(ctx, who, c.Param("id"), c.QueryParam("name"), id)
	} else if err = lot.CheckFileSize(r.ContentLength); err == nil {
		f, err = t.Lots.AddFile(ctx, who, c.Param("id"), c.QueryParam("name"), r.Header.Get(echo.HeaderContentType), r.Body)
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, f)
}

type agenciesOutput struct{ Body Page[OrganisationView] }

func (t *trade) listAgencies(ctx context.Context, _ actor.Actor, _ *Nothing) (*agenciesOutput, error) {
	list, err := t.deps.Identity.WithRole(ctx, actor.Agency)
	out := &agenciesOutput{}
	out.Body.Items = []OrganisationView{}
	for _, o := range list {
		out.Body.Items = append(out.Body.Items, organisationView(o))
	}
	return out, err
}
