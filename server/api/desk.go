package api

import (
	"context"
	"net/http"
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
)

func (t *trade) registerDesk() {
	Register(t.API, Route{Method: http.MethodPost, Path: "/api/lots/{id}/check", Allow: hosts, Summary: "校验拟定的时间和文件"}, t.checkLot)
}

type checkLotInput struct {
	ID   string `path:"id"`
	Body struct {
		IssuedAt    *time.Time  `json:"issuedAt,omitempty" doc:"发出招标文件的时间；不填为现在"`
		SaleEnd     *time.Time  `json:"saleEnd,omitempty"`
		NoticeEnd   *time.Time  `json:"noticeEnd,omitempty" doc:"公告期限届满，政府采购"`
		BidDeadline *time.Time  `json:"bidDeadline,omitempty"`
		Params      *lot.Params `json:"params,omitempty" doc:"不填为已保存的招标文件"`
	}
}

// CheckView is one rule held against the plan.
type CheckView struct {
	Rule     string    `json:"rule,omitempty"`
	Name     string    `json:"name"`
	Basis    string    `json:"basis,omitempty"`
	Kind     string    `json:"kind,omitempty"`
	Field    string    `json:"field,omitempty"`
	From     *string   `json:"from,omitempty"`
	Until    *string   `json:"until,omitempty"`
	Due      *string   `json:"due,omitempty" doc:"最早合法时间"`
	Bound    string    `json:"bound,omitempty"`
	OK       bool      `json:"ok"`
	Severity string    `json:"severity" enum:"block,warn"`
	Message  string    `json:"message"`
	Days     []lot.Day `json:"days"`
}

// OfferView is a set of dates that may be taken.
type OfferView struct {
	SaleEnd     *string `json:"saleEnd,omitempty"`
	NoticeEnd   *string `json:"noticeEnd,omitempty"`
	BidDeadline *string `json:"bidDeadline,omitempty"`
}

type checkLotOutput struct {
	Body struct {
		Checks   []CheckView `json:"checks"`
		Lawful   bool        `json:"lawful" doc:"没有阻断发布的问题"`
		Earliest OfferView   `json:"earliest" doc:"最早合法时间，取工作日"`
		Strict   OfferView   `json:"strict" doc:"间隔整日计算的最早时间"`
		Calendar []lot.Day   `json:"calendar"`
	}
}

func (t *trade) checkLot(ctx context.Context, who actor.Actor, in *checkLotInput) (*checkLotOutput, error) {
	b := in.Body
	plan := lot.Plan{SaleEnd: b.SaleEnd, NoticeEnd: b.NoticeEnd, BidDeadline: b.BidDeadline, Params: b.Params}
	if b.IssuedAt != nil {
		plan.IssuedAt = *b.IssuedAt
	} else {
		legal, err := t.deps.Clock.Legal(ctx)
		if err != nil {
			return nil, err
		}
		plan.IssuedAt = legal
	}
	e, err := t.Lots.Check(ctx, who, in.ID, plan)
	if err != nil {
		return nil, err
	}
	out := &checkLotOutput{}
	out.Body.Lawful, out.Body.Checks, out.Body.Calendar = e.Lawful(), []CheckView{}, e.Calendar
	out.Body.Earliest, out.Body.Strict = offerView(e.Earliest), offerView(e.Strict)
	for _, c := range e.Checks {
		v := CheckView{Rule: c.Rule, Name: c.Name, Basis: c.Basis, Kind: string(c.Kind), Field: c.Field, From: StampPtr(c.From), Until: StampPtr(c.Until),
			Due: StampPtr(c.Due), Bound: c.Bound, OK: c.OK, Severity: string(c.Severity), Message: c.Message, Days: c.Days}
		if v.Days == nil {
			v.Days = []lot.Day{}
		}
		out.Body.Checks = append(out.Body.Checks, v)
	}
	return out, nil
}

func offerView(o lot.Offer) OfferView {
	return OfferView{SaleEnd: StampPtr(o.SaleEnd), NoticeEnd: StampPtr(o.NoticeEnd), BidDeadline: StampPtr(o.BidDeadline)}
}
