package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
)

// registerDocuments adds the routes of what happens to a tender document before
// the deadline: questions, versions, objections, re-tender.
func (t *trade) registerDocuments() {
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/lots/{id}/questions", Allow: Public, Silent: true, Summary: "对招标文件的提问和答复"}, t.listQuestions)
	Register(t.API, Route{Method: http.MethodPost, Path: "/api/lots/{id}/questions", Allow: Allow(actor.Bidder), Silent: true, Summary: "对招标文件提问",
		Status: http.StatusCreated}, t.ask)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/lots/{id}/objections", Allow: Public, Silent: true, Summary: "对招标文件的异议和答复"}, t.listObjections)
	Register(t.API, Route{Method: http.MethodPost, Path: "/api/lots/{id}/objections", Allow: Allow(actor.Bidder), Silent: true, Summary: "对招标文件提出异议",
		Status: http.StatusCreated}, t.object)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/lots/{id}/clarification", Allow: hosts, Summary: "现在发出澄清的时限校验"}, t.planClarification)
	Register(t.API, Route{Method: http.MethodPost, Path: "/api/lots/{id}/retender", Allow: hosts, Summary: "重新招标", Status: http.StatusCreated}, t.retender)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/matters", Allow: hosts, Summary: "等待本单位答复的提问和异议"}, t.listMatters)
}

func documentView(d *lot.Document) *DocumentView {
	return &DocumentView{Version: d.Version, IssuedAt: StampPtr(d.IssuedAt), Digest: d.Digest, Params: d.Params, Files: d.Files}
}

// VersionView is one issued version of the document.
type VersionView struct {
	Version            int     `json:"version"`
	IssuedAt           *string `json:"issuedAt,omitempty"`
	Digest             string  `json:"digest"`
	Summary            string  `json:"summary" doc:"改了什么"`
	Answers            int     `json:"answers" doc:"答复了几个问题"`
	AffectsPreparation bool    `json:"affectsPreparation" doc:"影响投标文件编制"`
}

// PeriodCheckView is one check of a statutory period (时限校验记录).
type PeriodCheckView struct {
	Rule    string `json:"rule"`
	Name    string `json:"name"`
	Basis   string `json:"basis"`
	From    string `json:"from"`
	Until   string `json:"until"`
	Bound   string `json:"bound"`
	OK      bool   `json:"ok"`
	Version int    `json:"version,omitempty" doc:"招标文件的版本"`
	Cause   string `json:"cause,omitempty" doc:"哪一个操作之后校验的"`
	At      string `json:"at,omitempty"`
}

// SuspensionView is one cause of a suspension.
type SuspensionView struct {
	Cause       string  `json:"cause"`
	Label       string  `json:"label"`
	Reason      string  `json:"reason"`
	OrderNumber string  `json:"orderNumber,omitempty" doc:"责令暂停的文号"`
	By          string  `json:"by,omitempty"`
	From        string  `json:"from"`
	Until       *string `json:"until,omitempty"`
}

// RaiseView is until when the document may be objected to.
type RaiseView struct {
	Kind  string `json:"kind" enum:"objection,challenge" doc:"异议；政府采购为质疑"`
	Until string `json:"until"`
	Bound string `json:"bound"`
	Rule  string `json:"rule"`
	Basis string `json:"basis"`
	Open  bool   `json:"open"`
}

// LotLine is a lot's place among the tenders of the same thing.
type LotLine struct {
	Attempt     int           `json:"attempt" doc:"第几次招标"`
	Predecessor *lot.Relative `json:"predecessor,omitempty"`
	Successor   *lot.Relative `json:"successor,omitempty"`
}

// LotRecord is what has happened to the lot's dates.
type LotRecord struct {
	Checks      []PeriodCheckView `json:"checks" doc:"时限校验记录，新的在前"`
	Suspensions []SuspensionView  `json:"suspensions"`
	Raise       *RaiseView        `json:"raise,omitempty"`
}

// addRecord adds versions, checks, suspensions and relatives to a lot's page.
func (t *trade) addRecord(ctx context.Context, who actor.Actor, l *lot.Lot, p *LotPage) error {
	p.Checks, p.Suspensions = []PeriodCheckView{}, []SuspensionView{}
	p.Lot.Attempt = l.Attempt
	before, after, err := t.Lots.Relatives(ctx, who, l)
	if err != nil {
		return err
	}
	p.Lot.Predecessor, p.Lot.Successor = before, after
	if l.PublishedAt == nil {
		return nil
	}
	if p.Document != nil {
		versions, err := t.Lots.Versions(ctx, l.ID)
		if err != nil {
			return err
		}
		for _, v := range versions {
			p.Document.Versions = append(p.Document.Versions, VersionView{v.Version, StampPtr(v.IssuedAt), v.Digest, v.Changes, v.Answers, v.Affects})
		}
	}
	checks, err := t.Lots.Checks(ctx, l.ID)
	if err != nil {
		return err
	}
	p.Checks = periodCheckViews(checks)
	suspensions, err := t.Lots.Suspensions(ctx, l.ID)
	for _, s := range suspensions {
		p.Suspensions = append(p.Suspensions, SuspensionView{s.Cause, s.Label, s.Reason, deref(s.OrderNumber), s.By, Stamp(s.From), StampPtr(s.Until)})
	}
	if err != nil || l.State != lot.Published {
		return err
	}
	p.Raise, err = t.raise(ctx, l)
	return err
}

func (t *trade) raise(ctx context.Context, l *lot.Lot) (*RaiseView, error) {
	now, err := t.deps.Clock.Legal(ctx)
	if err != nil {
		return nil, err
	}
	due, err := t.Lots.RaiseBy(ctx, l)
	if err != nil || due == nil {
		return nil, err
	}
	return &RaiseView{Kind: l.ObjectionKind(), Until: Stamp(due.At), Bound: due.Bound, Rule: due.Rule.Code, Basis: due.Rule.Article(),
		Open: !now.After(due.At) && now.Before(*l.BidDeadline)}, nil
}

func periodCheckViews(list []lot.PeriodCheck) []PeriodCheckView {
	out := []PeriodCheckView{}
	for _, c := range list {
		v := PeriodCheckView{Rule: c.Rule, Name: c.Name, Basis: c.Basis, From: Stamp(c.From), Until: Stamp(c.Until), Bound: c.Bound, OK: c.OK, Version: c.Version, Cause: c.Cause}
		if !c.At.IsZero() {
			v.At = Stamp(c.At)
		}
		out = append(out, v)
	}
	return out
}

// QuestionView is a question about the document. Nobody is told who asked.
type QuestionView struct {
	ID      string  `json:"id"`
	Text    string  `json:"text"`
	AskedOn string  `json:"askedOn" doc:"提问的日期"`
	Answer  string  `json:"answer,omitempty"`
	Version int     `json:"version,omitempty" doc:"答复所在的招标文件版本"`
	Mine    bool    `json:"mine" doc:"本单位提的"`
	Due     *string `json:"due,omitempty" doc:"法定的答复时限"`
	Basis   string  `json:"basis,omitempty"`
}

func questionView(q *lot.Question) QuestionView {
	v := QuestionView{ID: q.ID, Text: q.Text, AskedOn: q.AskedOn.Format(time.DateOnly), Answer: deref(q.Answer), Mine: q.Mine, Due: StampPtr(q.Due), Basis: q.Basis}
	if q.Answered != nil {
		v.Version = *q.Answered
	}
	return v
}

type questionsOutput struct{ Body Page[QuestionView] }

func (t *trade) listQuestions(ctx context.Context, who actor.Actor, in *lotInput) (*questionsOutput, error) {
	list, err := t.Lots.Questions(ctx, who, in.ID)
	out := &questionsOutput{}
	out.Body.Items = []QuestionView{}
	for i := range list {
		out.Body.Items = append(out.Body.Items, questionView(&list[i]))
	}
	return out, err
}

type askInput struct {
	ID   string `path:"id"`
	Body struct {
		Text string `json:"text" doc:"问题；会原样公布，不要写单位名称"`
	}
}

type questionOutput struct{ Body QuestionView }

func (t *trade) ask(ctx context.Context, who actor.Actor, in *askInput) (*questionOutput, error) {
	q, err := t.Lots.Ask(ctx, who, in.ID, in.Body.Text)
	if err != nil {
		return nil, err
	}
	return &questionOutput{questionView(q)}, nil
}

// ObjectionView is an objection to the document, or a challenge.
type ObjectionView struct {
	ID         string  `json:"id"`
	Kind       string  `json:"kind" enum:"objection,challenge"`
	Name       string  `json:"name,omitempty" doc:"署名的单位；只给招标人、代理机构和监督部门"`
	Subject    string  `json:"subject"`
	Text       string  `json:"text"`
	ReceivedAt string  `json:"receivedAt"`
	Due        string  `json:"due" doc:"法定的答复时限"`
	Basis      string  `json:"basis"`
	Answer     string  `json:"answer,omitempty"`
	AnsweredBy string  `json:"answeredBy,omitempty"`
	AnsweredAt *string `json:"answeredAt,omitempty"`
	Mine       bool    `json:"mine" doc:"本单位提出的"`
}

func objectionView(o *lot.Objection) ObjectionView {
	return ObjectionView{ID: o.ID, Kind: o.Kind, Name: deref(o.Name), Subject: o.Subject, Text: o.Text, ReceivedAt: Stamp(o.ReceivedAt), Due: Stamp(o.DueAt),
		Basis: o.Basis, Answer: deref(o.Answer), AnsweredBy: deref(o.AnsweredBy), AnsweredAt: StampPtr(o.AnsweredAt), Mine: o.Mine}
}

type objectionsOutput struct{ Body Page[ObjectionView] }

func (t *trade) listObjections(ctx context.Context, who actor.Actor, in *lotInput) (*objectionsOutput, error) {
	list, err := t.Lots.Objections(ctx, who, in.ID)
	out := &objectionsOutput{}
	out.Body.Items = []ObjectionView{}
	for i := range list {
		out.Body.Items = append(out.Body.Items, objectionView(&list[i]))
	}
	return out, err
}

type objectInput struct {
	ID   string `path:"id"`
	Body struct {
		Subject string `json:"subject" doc:"事项"`
		Text    string `json:"text" doc:"事实、理由和请求"`
		Signed  bool   `json:"signed,omitempty" doc:"署名；质疑都署名"`
	}
}

type objectionOutput struct{ Body ObjectionView }

func (t *trade) object(ctx context.Context, who actor.Actor, in *objectInput) (*objectionOutput, error) {
	o, err := t.Lots.Object(ctx, who, in.ID, lot.ObjectionInput{Subject: in.Body.Subject, Text: in.Body.Text, Signed: in.Body.Signed})
	if err != nil {
		return nil, err
	}
	return &objectionOutput{objectionView(o)}, nil
}

// PlanView is what a clarification would mean if it were given now.
type PlanView struct {
	Now      string            `json:"now"`
	Deadline string            `json:"deadline" doc:"现在的投标截止时间"`
	Rule     string            `json:"rule"`
	Name     string            `json:"name"`
	Basis    string            `json:"basis"`
	Bound    string            `json:"bound"`
	Earliest string            `json:"earliest" doc:"影响投标文件编制时，最早的合法截止时间"`
	OK       bool              `json:"ok"`
	Refusal  string            `json:"refusal,omitempty"`
	Checks   []PeriodCheckView `json:"checks" doc:"依赖截止时间的各项最短期间"`
	Raise    *RaiseView        `json:"raise,omitempty"`
}

type planInput struct {
	ID      string    `path:"id"`
	Affects bool      `query:"affects" doc:"影响投标文件编制"`
	To      time.Time `query:"to" doc:"新的投标截止时间"`
}

type planOutput struct{ Body PlanView }

func (t *trade) planClarification(ctx context.Context, who actor.Actor, in *planInput) (*planOutput, error) {
	var to *time.Time
	if !in.To.IsZero() {
		to = &in.To
	}
	p, err := t.Lots.PlanClarification(ctx, who, in.ID, in.Affects, to)
	if err != nil {
		return nil, err
	}
	out := PlanView{Now: Stamp(p.Now), Deadline: Stamp(p.Deadline), Rule: p.Rule, Name: p.Name, Basis: p.Basis, Bound: p.Bound,
		Earliest: Stamp(p.Earliest), OK: p.OK, Checks: periodCheckViews(p.Checks)}
	if p.Refusal != nil {
		out.Refusal = p.Refusal.Detail
	}
	if d := p.Raise; d != nil {
		out.Raise = &RaiseView{Kind: p.RaiseKind, Until: Stamp(d.At), Bound: d.Bound, Rule: d.Rule.Code, Basis: d.Rule.Article(), Open: !p.Now.After(d.At)}
	}
	return &planOutput{out}, nil
}

// clarify is the command of that name.
func (t *trade) clarify(ctx context.Context, who actor.Actor, id string, raw json.RawMessage) error {
	var in lot.ClarifyInput
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &in); err != nil {
			return apperr.New(apperr.Invalid, "lot.input", "提交的内容格式不对：时间写成 2026-03-24T09:30:00+08:00 这样。").Because(err)
		}
	}
	_, err := t.Lots.Clarify(ctx, who, id, in)
	return err
}

func (t *trade) retender(ctx context.Context, who actor.Actor, in *lotInput) (*lotOutput, error) {
	l, err := t.Lots.Retender(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	page, err := t.lotPage(ctx, who, l)
	return &lotOutput{page}, err
}

// MatterView is a question or an objection that waits for an answer.
type MatterView struct {
	Lot      string  `json:"lot"`
	LotName  string  `json:"lotName"`
	LotCode  string  `json:"lotCode"`
	Kind     string  `json:"kind" enum:"question,objection,challenge"`
	Label    string  `json:"label"`
	Text     string  `json:"text"`
	Received string  `json:"received" doc:"提问只有日期"`
	Due      *string `json:"due,omitempty"`
	Basis    string  `json:"basis,omitempty"`
}

type mattersOutput struct{ Body Page[MatterView] }

func (t *trade) listMatters(ctx context.Context, who actor.Actor, _ *Nothing) (*mattersOutput, error) {
	list, err := t.Lots.Matters(ctx, who)
	out := &mattersOutput{}
	out.Body.Items = []MatterView{}
	for _, m := range list {
		out.Body.Items = append(out.Body.Items, MatterView{Lot: m.LotID, LotName: m.LotName, LotCode: m.LotCode, Kind: m.Kind, Label: lot.MatterKinds[m.Kind],
			Text: m.Text, Received: m.Received.Format(time.DateOnly), Due: StampPtr(m.DueAt), Basis: m.Basis})
	}
	return out, err
}
