package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/shopspring/decimal"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/bidding/submission"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
	"jianbiao/internal/holiday"
	"jianbiao/internal/identity"
	"jianbiao/internal/keystore"
	"jianbiao/internal/lifecycle"
	"jianbiao/internal/upload"
	"jianbiao/server/room"
)

// Trade is what the routes of bidding are made of.
type Trade struct {
	Lots        *lot.Service
	Submissions *submission.Service
	Openings    *opening.Service
	Uploads     *upload.Store
	Keys        *keystore.Store
	Holidays    *holiday.Service
	Dictionary  evidence.Dictionary
	PublicURL   string // the address at which people reach the platform
}

// trade has the handlers of bidding.
type trade struct {
	*API
	Trade
}

var hosts = Allow(actor.Buyer, actor.Agency)

// RegisterTrade adds the routes of lots, bids and openings.
func RegisterTrade(a *API, d Trade) {
	t := &trade{API: a, Trade: d}
	Register(a, Route{Method: http.MethodGet, Path: "/api/lots", Allow: Public, Summary: "标段列表"}, t.listLots)
	Register(a, Route{Method: http.MethodGet, Path: "/api/lots/{id}", Allow: Public, Summary: "标段"}, t.getLot)
	Register(a, Route{Method: http.MethodGet, Path: "/api/lots/{id}/events", Allow: Public, Summary: "标段的留痕"}, t.listEvents)
	a.Raw(Route{Method: http.MethodGet, Path: "/api/lots/{id}/document/files/{file}", Allow: Public, Summary: "下载招标文件的附件"}, t.getFile)
	Register(a, Route{Method: http.MethodGet, Path: "/api/projects", Allow: hosts, Summary: "本单位的项目"}, t.listProjects)
	Register(a, Route{Method: http.MethodPost, Path: "/api/projects", Allow: Allow(actor.Buyer), Summary: "登记项目", Status: http.StatusCreated}, t.createProject)
	Register(a, Route{Method: http.MethodPost, Path: "/api/projects/{id}/lots", Allow: hosts, Summary: "建立标段", Status: http.StatusCreated}, t.createLot)
	Register(a, Route{Method: http.MethodPut, Path: "/api/lots/{id}/document", Allow: hosts, Summary: "编制招标文件"}, t.setDocument)
	a.Raw(Route{Method: http.MethodPost, Path: "/api/lots/{id}/document/files", Allow: hosts, Summary: "上传招标文件的附件", Body: -1, Status: http.StatusCreated}, t.addFile)
	Register(a, Route{Method: http.MethodGet, Path: "/api/agencies", Allow: Allow(actor.Buyer), Summary: "代理机构"}, t.listAgencies)
	t.registerDocuments()
	t.registerBids()
	t.registerUploads()
	t.registerHall()
	t.registerDeadline()
	t.registerDesk()
	t.registerHolidays()
}

// LotSummary is a lot in a list.
type LotSummary struct {
	ID           string     `json:"id"`
	Code         string     `json:"code"`
	Name         string     `json:"name"`
	Project      ProjectRef `json:"project"`
	Kind         string     `json:"kind" enum:"ENG,GOV" doc:"工程建设，政府采购"`
	Method       string     `json:"method" doc:"采购方式"`
	Buyer        string     `json:"buyer"`
	Agency       string     `json:"agency,omitempty"`
	Region       RegionRef  `json:"region"`
	State        string     `json:"state"`
	StateLabel   string     `json:"stateLabel"`
	OpeningState string     `json:"openingState,omitempty"`
	OpeningLabel string     `json:"openingLabel,omitempty"`
	PublishedAt  *string    `json:"publishedAt,omitempty"`
	BidDeadline  *string    `json:"bidDeadline,omitempty"`
	OpeningAt    *string    `json:"openingAt,omitempty"`
	PriceCeiling string     `json:"priceCeiling,omitempty" doc:"最高投标限价，元"`
	Suspended    bool       `json:"suspended"`
	// DocumentVersion lets a bidder's own page find out which of his bids answer an older one.
	DocumentVersion int    `json:"documentVersion"`
	UpdatedAt       string `json:"updatedAt"`
}

// ProjectRef names a project.
type ProjectRef struct {
	ID   string `json:"id"`
	Code string `json:"code"`
	Name string `json:"name"`
}

// RegionRef is a region of GB/T 2260.
type RegionRef struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

func regionRef(code string) RegionRef {
	place, ok := identity.Region(code)
	if !ok {
		return RegionRef{code, code}
	}
	return RegionRef{code, place.FullName()}
}

func amountText(d *decimal.Decimal) string {
	if d == nil {
		return ""
	}
	return d.StringFixed(2)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func summary(l *lot.Lot, o *opening.Brief) LotSummary {
	s := LotSummary{ID: l.ID, Code: l.Code, Name: l.Name, Project: ProjectRef{l.Project.ID, l.Project.Code, l.Project.Name},
		Kind: l.Project.Kind, Method: l.Project.Method, Buyer: l.Project.Buyer, Agency: deref(l.Project.Agency), Region: regionRef(l.Project.Region), State: string(l.State),
		StateLabel: lot.Table.Labels[l.State], PublishedAt: StampPtr(l.PublishedAt), BidDeadline: StampPtr(l.BidDeadline),
		PriceCeiling: amountText(l.PriceCeiling), Suspended: l.SuspendedSince != nil, DocumentVersion: l.DocumentVersion, UpdatedAt: Stamp(l.UpdatedAt)}
	if o != nil {
		s.OpeningState, s.OpeningLabel, s.OpeningAt = string(o.State), opening.Table.Labels[o.State], StampPtr(&o.ScheduledAt)
		if o.State == opening.BetweenSessions {
			s.OpeningAt = StampPtr(o.SecondAt) // nothing until it is announced
		}
	}
	return s
}

type listLotsInput struct {
	State  string `query:"state" doc:"标段状态"`
	Region string `query:"region" doc:"行政区划代码"`
	Q      string `query:"q" maxLength:"100" doc:"名称、编号、招标人"`
	After  string `query:"after"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}

type listLotsOutput struct{ Body Page[LotSummary] }

func (t *trade) listLots(ctx context.Context, who actor.Actor, in *listLotsInput) (*listLotsOutput, error) {
	lots, err := t.Lots.List(ctx, who, lot.Filter{State: lot.State(in.State), Region: in.Region, Query: strings.TrimSpace(in.Q), After: in.After, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(lots))
	for i := range lots {
		ids[i] = lots[i].ID
	}
	briefs, err := t.Openings.Briefs(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := &listLotsOutput{}
	out.Body.Items = []LotSummary{}
	for i := range lots {
		out.Body.Items = append(out.Body.Items, summary(&lots[i], briefs[lots[i].ID]))
	}
	if len(lots) == in.Limit {
		out.Body.Next = lots[len(lots)-1].ID
	}
	return out, nil
}

// LotDetail is a lot with what its own page shows.
type LotDetail struct {
	LotSummary
	Estimate        string   `json:"estimate,omitempty" doc:"估算价，元；只给招标人和代理机构"`
	Compulsory      bool     `json:"compulsory" doc:"依法必须招标"`
	ApprovalNumber  string   `json:"approvalNumber"`
	PlanFiling      string   `json:"planFiling,omitempty" doc:"采购计划备案号"`
	IntentionAt     *string  `json:"intentionAt,omitempty" doc:"采购意向公开的时间"`
	SaleEnd         *string  `json:"saleEnd,omitempty"`
	SuspendedReason string   `json:"suspendedReason,omitempty"`
	Keys            *LotKeys `json:"keys,omitempty"`
	Hosted          bool     `json:"hosted" doc:"由本单位办理"`
	LotLine
}

// LotKeys are the public keys of a published lot.
type LotKeys struct {
	Cutoff  string `json:"cutoff"`
	Opening string `json:"opening"`
	VRF     string `json:"vrf"`
}

// DocumentView is the tender document.
type DocumentView struct {
	Version  int           `json:"version"`
	IssuedAt *string       `json:"issuedAt,omitempty"`
	Digest   string        `json:"digest"`
	Params   lot.Params    `json:"params"`
	Files    []lot.File    `json:"files"`
	Versions []VersionView `json:"versions,omitempty"`
}

// NoticeView is a notice.
type NoticeView struct {
	Number      int    `json:"number"`
	Kind        string `json:"kind"`
	Title       string `json:"title"`
	Body        string `json:"body"`
	PublishedAt string `json:"publishedAt"`
	Digest      string `json:"digest"`
}

// Milestone is a date in a lot's life.
type Milestone struct {
	Code  string `json:"code"`
	Label string `json:"label"`
	At    string `json:"at"`
	Done  bool   `json:"done"`
	Basis string `json:"basis,omitempty"`
}

// LotPage is everything of a lot's page.
type LotPage struct {
	Lot        LotDetail     `json:"lot"`
	Document   *DocumentView `json:"document,omitempty"`
	Notices    []NoticeView  `json:"notices"`
	Milestones []Milestone   `json:"milestones"`
	Actions    []room.Action `json:"actions"`
	LotRecord
}

type lotInput struct {
	ID string `path:"id"`
}

type lotOutput struct{ Body LotPage }

// visible reads a lot as far as the actor may know of it: a draft is its host's.
func (t *trade) visible(ctx context.Context, who actor.Actor, id string) (*lot.Lot, error) {
	l, err := t.Lots.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if l.PublishedAt == nil && !l.HostedBy(who) {
		return nil, lot.ErrNotFound()
	}
	return l, nil
}

func (t *trade) getLot(ctx context.Context, who actor.Actor, in *lotInput) (*lotOutput, error) {
	l, err := t.visible(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	page, err := t.lotPage(ctx, who, l)
	return &lotOutput{page}, err
}

func (t *trade) lotPage(ctx context.Context, who actor.Actor, l *lot.Lot) (LotPage, error) {
	briefs, err := t.Openings.Briefs(ctx, []string{l.ID})
	if err != nil {
		return LotPage{}, err
	}
	p := LotPage{Lot: detail(l, briefs[l.ID], who), Notices: []NoticeView{}, Milestones: []Milestone{}}
	legal, err := t.deps.Clock.Legal(ctx)
	if err != nil {
		return p, err
	}
	p.Actions = room.Actions(slices.DeleteFunc(lot.Actions(l, who, legal), ofOpening), lot.Commands)
	doc, err := t.Lots.Document(ctx, l.ID)
	switch {
	case err == nil:
		p.Document = documentView(doc)
	case apperr.CodeOf(err) != "document.not_found":
		return p, err
	}
	notices, err := t.Lots.Notices(ctx, l.ID)
	for _, n := range notices {
		p.Notices = append(p.Notices, NoticeView{n.Number, n.Kind, n.Title, n.Body, Stamp(n.PublishedAt), n.Digest})
	}
	if err != nil {
		return p, err
	}
	p.Milestones = milestones(l, notices, briefs[l.ID], legal)
	return p, t.addRecord(ctx, who, l, &p)
}

// ofOpening are the moves of a lot that its opening makes; nobody gives them by
// themselves.
func ofOpening(a lifecycle.Action) bool {
	return slices.Contains([]string{"cut_off", "open", "fail"}, a.Command)
}

func detail(l *lot.Lot, o *opening.Brief, who actor.Actor) LotDetail {
	d := LotDetail{LotSummary: summary(l, o), Compulsory: l.Project.Compulsory, ApprovalNumber: l.Project.ApprovalNumber,
		PlanFiling: l.Project.PlanFiling, IntentionAt: StampPtr(l.Project.IntentionAt),
		SaleEnd: StampPtr(l.SaleEnd), SuspendedReason: deref(l.SuspendedReason), Hosted: l.HostedBy(who)}
	if d.Hosted {
		d.Estimate = amountText(&l.Estimate)
	}
	if l.CutoffKey != nil {
		d.Keys = &LotKeys{*l.CutoffKey, *l.OpeningKey, *l.VRFKey}
	}
	return d
}

type eventsInput struct {
	ID    string `path:"id"`
	After int64  `query:"after" minimum:"0"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"200"`
}

type eventsOutput struct {
	Body struct {
		Items []room.EventView `json:"items"`
		Next  int64            `json:"next,omitempty"`
	}
}

func (t *trade) listEvents(ctx context.Context, who actor.Actor, in *eventsInput) (*eventsOutput, error) {
	v, err := t.Openings.Admit(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	events, err := t.deps.Store.Since(ctx, "lot/"+in.ID, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &eventsOutput{}
	out.Body.Items = []room.EventView{}
	for i := range events {
		out.Body.Items = append(out.Body.Items, room.Show(t.Dictionary, &events[i], v.Class))
	}
	if len(events) == in.Limit {
		out.Body.Next = events[len(events)-1].Seq
	}
	return out, nil
}

func (t *trade) getFile(c echo.Context) error {
	f, r, err := t.Lots.OpenFile(c.Request().Context(), Viewer(c), c.Param("id"), c.Param("file"))
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	h := c.Response().Header()
	h.Set("Content-Disposition", "attachment; filename*=UTF-8''"+url.PathEscape(f.Name))
	h.Set("Content-Length", fmt.Sprint(f.Size))
	return c.Stream(http.StatusOK, media(f.Media), r)
}

// media lets no document be taken for a page of ours.
func media(m string) string {
	if t, _, err := mime.ParseMediaType(m); err == nil && (t == "application/pdf" || strings.HasPrefix(t, "image/")) {
		return t
	}
	return echo.MIMEOctetStream
}

// commandInput is the input of a lot's own commands.
type commandInput struct {
	SaleEnd     time.Time  `json:"saleEnd"`
	NoticeEnd   *time.Time `json:"noticeEnd"`
	BidDeadline time.Time  `json:"bidDeadline"`
	NoticeTitle string     `json:"noticeTitle"`
	NoticeBody  string     `json:"noticeBody"`
	To          time.Time  `json:"to"`
	Reason      string     `json:"reason"`
	Order       string     `json:"order"`
	Objection   string     `json:"objection"`
	Text        string     `json:"text"`
}

// lotCommand carries out a command of the lot's table; ok is false for one of
// the opening's.
func (t *trade) lotCommand(ctx context.Context, who actor.Actor, id, command string, raw json.RawMessage) (ok bool, err error) {
	var in commandInput
	switch command {
	case "record_medium":
		return true, t.recordMedium(ctx, who, id, raw)
	case "publish", "postpone_deadline", "suspend", "terminate", "resume_lot", "answer_document_objection", "clarify":
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &in); err != nil {
				return true, apperr.New(apperr.Invalid, "lot.input", "提交的内容格式不对：时间写成 2026-03-24T09:30:00+08:00 这样。").Because(err)
			}
		}
	default:
		return false, nil
	}
	switch command {
	case "publish":
		_, err = t.Lots.Publish(ctx, who, id, lot.PublishInput{SaleEnd: in.SaleEnd, NoticeEnd: in.NoticeEnd, BidDeadline: in.BidDeadline, Title: in.NoticeTitle, Body: in.NoticeBody})
	case "postpone_deadline":
		err = t.Lots.PostponeDeadline(ctx, who, id, in.To, in.Reason)
	case "suspend":
		err = t.Lots.Suspend(ctx, who, id, lot.SuspendInput{Reason: in.Reason, Order: in.Order})
	case "answer_document_objection":
		err = t.Lots.AnswerDocumentObjection(ctx, who, id, in.Objection, in.Text)
	case "clarify":
		err = t.clarify(ctx, who, id, raw)
	case "resume_lot":
		err = t.Lots.Resume(ctx, who, id)
	default:
		err = t.Lots.Terminate(ctx, who, id, in.Reason)
	}
	return true, err
}

// readBody reads a small JSON body of a raw route.
func readBody(c echo.Context) (json.RawMessage, error) {
	raw, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return nil, unread(err)
	}
	if len(raw) > 0 && !json.Valid(raw) {
		return nil, apperr.New(apperr.Invalid, "request.json", "提交的内容不是有效的 JSON。")
	}
	return raw, nil
}
