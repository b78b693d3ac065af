package lot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
	"jianbiao/internal/evidence"
	"jianbiao/internal/identity"
	"jianbiao/internal/lifecycle"
	"jianbiao/internal/rule"
)

// ProjectInput is an approved project to be tendered.
type ProjectInput struct {
	Kind              string     // ENG 工程建设 (default) | GOV 政府采购
	Method            string     // 采购方式, open by default
	MethodBasis       string     // 邀请招标的批准或认定
	PlanFiling        string     // 采购计划备案号, GOV
	IntentionAt       *time.Time // 采购意向公开的时间, GOV
	Code              string
	Name              string
	Compulsory        bool
	Region            string
	AgencyID          string // the agency by the buyer's mandate, "" for none
	ApprovalNumber    string
	ApprovalAuthority string
}

// CreateProject registers a project with its approval (立项批复; 采购计划备案 in
// government procurement), which must come before the tender (招标投标法 9,
// 政府采购法实施条例 29). Only a buyer does so, for himself. Errors:
// project.invalid, project.method_not_supported, project.method_unknown,
// project.code_taken, project.role.
func (s *Service) CreateProject(ctx context.Context, who actor.Actor, in ProjectInput) (*Project, error) {
	if !who.In(actor.Buyer) {
		return nil, apperr.New(apperr.Forbidden, "project.role", "项目由招标人登记：请用招标人的账号登录。")
	}
	in.settle()
	if err := checkMethod(in.Method); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := s.checkIntention(in.IntentionAt); err != nil {
		return nil, err
	}
	p := &Project{ID: uuid.NewString(), Code: in.Code, Name: in.Name, Kind: in.Kind, Compulsory: in.Compulsory, Region: in.Region,
		BuyerID: who.OrganisationID, Buyer: who.OrganisationName, ApprovalNumber: in.ApprovalNumber, ApprovalAuthority: in.ApprovalAuthority,
		Method: in.Method, MethodBasis: in.MethodBasis, PlanFiling: in.PlanFiling, IntentionAt: in.IntentionAt}
	if in.AgencyID != "" {
		p.AgencyID = &in.AgencyID
	}
	err := s.store.Change(ctx, func(tx *evidence.Tx) error {
		p.CreatedAt = tx.Now()
		_, err := tx.ExecContext(ctx, `INSERT INTO project (id, code, name, kind, compulsory, region, buyer_id, agency_id,
			approval_number, approval_authority, created_at, method, method_basis, plan_filing, intention_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
			p.ID, p.Code, p.Name, p.Kind, p.Compulsory, p.Region, p.BuyerID, p.AgencyID, p.ApprovalNumber, p.ApprovalAuthority, p.CreatedAt,
			p.Method, p.MethodBasis, p.PlanFiling, p.IntentionAt)
		switch {
		case database.Violates(err, "project_code_unique"):
			return apperr.New(apperr.Conflict, "project.code_taken", "项目编号“%s”已经登记过：请核对编号。", in.Code)
		case database.Violates(err, "project_agency_id_fkey"):
			return apperr.New(apperr.Invalid, "project.agency_unknown", "没有找到所选的代理机构。")
		case err != nil:
			return fmt.Errorf("create project: %w", err)
		}
		tx.Record(evidence.Draft{Stream: "project/" + p.ID, Kind: p.approved(), Actor: who, Fields: map[string]any{
			"code": p.Code, "name": p.Name, "approvalNumber": p.ApprovalNumber, "approvalAuthority": p.ApprovalAuthority,
			"kind": p.Kind, "method": p.Method, "methodBasis": p.MethodBasis, "planFiling": p.PlanFiling, "intentionAt": stampPtr(p.IntentionAt),
			"compulsory": p.Compulsory, "region": p.Region, "agency": in.AgencyID}})
		return nil
	})
	return p, err
}

// checkIntention refuses a date from which the rule of intentions (R03-1) does
// not count: before it was in force, or beyond the calendar.
func (s *Service) checkIntention(at *time.Time) error {
	if at == nil {
		return nil
	}
	_, _, err := s.periods.Bound("R03-1", *at)
	if ae, ok := apperr.From(err); ok {
		return apperr.New(apperr.Invalid, "project.invalid", "项目信息不完整：请按提示补充。").With("intentionAt", "请核对采购意向公开的日期："+ae.Detail)
	}
	return err
}

func (in *ProjectInput) check() error {
	e := apperr.New(apperr.Invalid, "project.invalid", "项目信息不完整：请按提示补充。")
	if _, ok := Words[rule.Domain(in.Kind)]; !ok {
		e = e.With("kind", "请选择工程建设或者政府采购。")
	}
	for field, v := range in.required() {
		*v = strings.TrimSpace(*v)
		if *v == "" || !plausible(*v, 200) {
			e = e.With(field, "必填，不超过 200 个字。")
		}
	}
	if identity.CheckRegion(in.Region) != nil {
		e = e.With("region", "请选择项目所在的市或者县区。")
	}
	if _, err := uuid.Parse(in.AgencyID); in.AgencyID != "" && err != nil {
		e = e.With("agency", "请重新选择代理机构。")
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// Input is a new lot of a project.
type Input struct {
	Name     string
	Estimate string // 估算价, 元
}

// Create adds a lot to a project of the actor's. Errors: lot.invalid,
// lot.not_yours, project.not_found.
func (s *Service) Create(ctx context.Context, who actor.Actor, projectID string, in Input) (*Lot, error) {
	in.Name = strings.TrimSpace(in.Name)
	e := apperr.New(apperr.Invalid, "lot.invalid", "标段信息不完整：请按提示补充。")
	if in.Name == "" || !plausible(in.Name, 200) {
		e = e.With("name", "必填，不超过 200 个字。")
	}
	if !amount(in.Estimate) {
		e = e.With("estimate", "应为大于 0 的金额，单位元，最多两位小数。")
	}
	if len(e.Fields) > 0 {
		return nil, e
	}
	id := uuid.NewString()
	err := s.store.Change(ctx, func(tx *evidence.Tx) error { return s.create(ctx, tx, who, projectID, id, in) })
	if err != nil {
		return nil, err
	}
	return s.Get(ctx, id)
}

func (s *Service) create(ctx context.Context, tx *evidence.Tx, who actor.Actor, projectID, id string, in Input) error {
	notFound := apperr.New(apperr.NotFound, "project.not_found", "没有找到这个项目。")
	if _, err := uuid.Parse(projectID); err != nil {
		return notFound
	}
	var p Project
	var lots int
	if err := tx.GetContext(ctx, &p, `SELECT id, code, name, kind, compulsory, region, buyer_id, agency_id FROM project WHERE id = $1 FOR UPDATE`, projectID); err != nil {
		return notFound.Because(err)
	}
	l := &Lot{ID: id, Project: p}
	if !l.HostedBy(who) {
		return errNotYours()
	}
	if err := tx.GetContext(ctx, &lots, `SELECT count(*) FROM lot WHERE project_id = $1`, p.ID); err != nil {
		return fmt.Errorf("count lots: %w", err)
	}
	l.Code = fmt.Sprintf("%s-%02d", p.Code, lots+1)
	if _, err := tx.ExecContext(ctx, `INSERT INTO lot (id, project_id, code, name, state, estimate, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`, id, p.ID, l.Code, in.Name, Table.Initial, decimal.RequireFromString(in.Estimate), tx.Now()); err != nil {
		return fmt.Errorf("create lot: %w", err)
	}
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: "lot.created", Actor: who, Fields: map[string]any{
		"project": p.ID, "code": l.Code, "name": in.Name, "estimate": in.Estimate}})
	return nil
}

// lock authorises a command on the locked lot and asks the table.
func (s *Service) lock(ctx context.Context, tx *evidence.Tx, who actor.Actor, id, command string) (*Lot, lifecycle.Row[State, Facts], error) {
	l, err := Lock(ctx, tx, id)
	if err != nil {
		return nil, lifecycle.Row[State, Facts]{}, err
	}
	if l.PublishedAt == nil && !l.HostedBy(who) {
		return nil, lifecycle.Row[State, Facts]{}, ErrNotFound() // a draft is nobody else's business
	}
	if err := authorise(l, who); err != nil {
		return nil, lifecycle.Row[State, Facts]{}, err
	}
	row, err := Table.Next(l.State, command, who.Role, facts(l, who, tx.Now()))
	return l, row, err
}

// PublishInput is what the host decides when the notice goes out. The document
// is issued at that moment.
type PublishInput struct {
	SaleEnd     time.Time  // the document is to be had until then
	NoticeEnd   *time.Time // 公告期限届满 (GOV); nil: the earliest lawful
	BidDeadline time.Time  // 投标截止时间 = 开标时间 (招标投标法 34)
	Title       string
	Body        string
}

// Publish issues the document and publishes the notice. The lot's keys are made
// here; its opening is scheduled for the deadline. Errors: rule.min_period with
// the article (R08-1, R09-1), lot.no_document, notice.invalid, lot.state.
func (s *Service) Publish(ctx context.Context, who actor.Actor, id string, in PublishInput) (*Lot, error) {
	in.Title, in.Body = strings.TrimSpace(in.Title), strings.TrimSpace(in.Body)
	if in.Title == "" || in.Body == "" || !plausible(in.Title, 200) || !plausible(in.Body, 50_000) {
		return nil, apperr.New(apperr.Invalid, "notice.invalid", "公告要有标题（不超过 200 字）和正文（不超过 5 万字）。").With("title", "请填写公告标题和正文。")
	}
	in.SaleEnd, in.BidDeadline = in.SaleEnd.Truncate(time.Second), in.BidDeadline.Truncate(time.Second)
	err := s.store.Change(ctx, func(tx *evidence.Tx) error { return s.publish(ctx, tx, who, id, in) })
	if err != nil {
		return nil, err
	}
	return s.Get(ctx, id)
}

func (s *Service) publish(ctx context.Context, tx *evidence.Tx, who actor.Actor, id string, in PublishInput) error {
	l, row, err := s.lock(ctx, tx, who, id, "publish")
	if err != nil {
		return err
	}
	now := tx.Now()
	draft, err := readDocument(ctx, tx, l.ID)
	if err != nil {
		return err
	}
	plan := &Plan{IssuedAt: now, SaleEnd: &in.SaleEnd, NoticeEnd: in.NoticeEnd, BidDeadline: &in.BidDeadline, Params: &draft.Params}
	if err := s.lawful(l, plan); err != nil {
		return err
	}
	doc, err := writeDocument(ctx, tx, l, draft.Params, &now, nil)
	if err != nil {
		return err
	}
	cutoff, opening, vrf, err := s.keys.CreateLot(l.ID)
	if err != nil {
		return fmt.Errorf("make the lot's keys: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE lot SET published_at = $1, sale_end = $2, bid_deadline = $3, cutoff_key = $4, opening_key = $5, vrf_key = $6 WHERE id = $7`,
		now, in.SaleEnd, in.BidDeadline, cutoff, opening, vrf, l.ID); err != nil {
		return fmt.Errorf("publish lot: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO opening (lot_id, state, scheduled_at) VALUES ($1, 'scheduled', $2)`, l.ID, in.BidDeadline); err != nil {
		return fmt.Errorf("schedule opening: %w", err)
	}
	if err := move(ctx, tx, l, row.To); err != nil {
		return err
	}
	l.PublishedAt, l.SaleEnd, l.BidDeadline, l.DocumentVersion = &now, &in.SaleEnd, &in.BidDeadline, doc.Version
	notice, err := s.PublishNotice(ctx, tx, l, NoticeText{Kind: TenderNotice, Title: in.Title, Body: in.Body, PeriodEnd: plan.NoticeEnd})
	if err != nil {
		return err
	}
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: "tender.doc_issued", Actor: who, Fields: map[string]any{
		"version": doc.Version, "digest": doc.Digest, "cutoffKey": cutoff, "openingKey": opening, "vrfKey": vrf}})
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: "tender.sale_started", Actor: who, Fields: map[string]any{"saleEnd": stamp(in.SaleEnd)}})
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: row.Emit, Actor: who, Fields: map[string]any{
		"number": notice.Number, "title": in.Title, "digest": notice.Digest, "contentDigest": *notice.ContentDigest,
		"periodEnd": stampPtr(notice.PeriodEnd), "saleEnd": stamp(in.SaleEnd), "bidDeadline": stamp(in.BidDeadline)}})
	return s.recheck(ctx, tx, l, "publish")
}

// field hangs a refusal on the input field that caused it.
func field(err error, name string) error {
	if e, ok := apperr.From(err); ok {
		return e.With(name, e.Detail)
	}
	return err
}

func stamp(t time.Time) string { return t.In(evidence.Beijing).Format(time.RFC3339) }

func stampPtr(t *time.Time) string {
	if t == nil {
		return ""
	}
	return stamp(*t)
}
