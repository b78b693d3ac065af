package api

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/tenderform"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
)

func (t *trade) registerDesk() {
	Register(t.API, Route{Method: http.MethodPost, Path: "/api/lots/{id}/check", Allow: hosts, Summary: "校验拟定的时间和文件"}, t.checkLot)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/lots/{id}/notices/{number}", Allow: Public, Summary: "一份公告和它的签名"}, t.getNotice)
	t.Raw(Route{Method: http.MethodPost, Path: "/api/workbook", Allow: hosts, Silent: true, Summary: "读出工作簿的行", Body: maxWorkbook}, readWorkbook)
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
	out.Body.Lawful, out.Body.Calendar = e.Lawful(), e.Calendar
	out.Body.Earliest, out.Body.Strict = offerView(e.Earliest), offerView(e.Strict)
	out.Body.Checks = checkViews(e.Checks)
	return out, nil
}

func checkViews(checks []lot.Check) []CheckView {
	out := []CheckView{}
	for _, c := range checks {
		v := CheckView{Rule: c.Rule, Name: c.Name, Basis: c.Basis, Kind: string(c.Kind), Field: c.Field, From: StampPtr(c.From), Until: StampPtr(c.Until),
			Due: StampPtr(c.Due), Bound: c.Bound, OK: c.OK, Severity: string(c.Severity), Message: c.Message, Days: c.Days}
		if v.Days == nil {
			v.Days = []lot.Day{}
		}
		out = append(out, v)
	}
	return out
}

func offerView(o lot.Offer) OfferView {
	return OfferView{SaleEnd: StampPtr(o.SaleEnd), NoticeEnd: StampPtr(o.NoticeEnd), BidDeadline: StampPtr(o.BidDeadline)}
}

type noticeInput struct {
	ID     string `path:"id"`
	Number int    `path:"number" minimum:"1" maximum:"100000"`
}

// MediumView is a medium that carries a notice.
type MediumView struct {
	Medium      string      `json:"medium"`
	URL         string      `json:"url"`
	Digest      string      `json:"digest" doc:"该媒介上内容的摘要"`
	Equal       bool        `json:"equal" doc:"与签名的公告内容一致"`
	SentAt      *string     `json:"sentAt,omitempty"`
	VerifiedAt  *string     `json:"verifiedAt,omitempty"`
	PublishedAt string      `json:"publishedAt"`
	RecordedAt  string      `json:"recordedAt"`
	Checks      []CheckView `json:"checks"`
}

type noticeOutput struct {
	Body struct {
		Notice        NoticeView      `json:"notice"`
		PeriodEnd     *string         `json:"periodEnd,omitempty" doc:"公告期限届满，政府采购"`
		Digest        string          `json:"digest" doc:"canonical 的摘要"`
		ContentDigest string          `json:"contentDigest" doc:"标题和正文的摘要，各媒介应当相同"`
		Canonical     string          `json:"canonical" doc:"被签名的规范 JSON"`
		Signature     json.RawMessage `json:"signature,omitempty" doc:"平台的 Ed25519 和 SM2 签名"`
		Verified      bool            `json:"verified" doc:"签名以平台现在的公钥验证通过"`
		Media         []MediumView    `json:"media"`
	}
}

func (t *trade) getNotice(ctx context.Context, who actor.Actor, in *noticeInput) (*noticeOutput, error) {
	l, err := t.visible(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	n, err := t.Lots.Notice(ctx, l.ID, in.Number)
	if err != nil {
		return nil, err
	}
	media, err := t.Lots.Media(ctx, l.ID, n.Number)
	if err != nil {
		return nil, err
	}
	out := &noticeOutput{}
	b := &out.Body
	b.Notice = NoticeView{n.Number, n.Kind, n.Title, n.Body, Stamp(n.PublishedAt), n.Digest}
	b.PeriodEnd, b.Digest, b.ContentDigest, b.Canonical, b.Signature = StampPtr(n.PeriodEnd), n.Digest, deref(n.ContentDigest), string(n.Canonical), n.Signature
	keys := t.Keys.Platform()
	b.Verified = len(n.Signature) > 0 && lot.VerifyNotice(n, keys.Ed25519.Public().(ed25519.PublicKey), keys.SM2.Public()) == nil
	b.Media = []MediumView{}
	for i := range media {
		m := &media[i]
		checks, err := t.Lots.MediumChecks(l, m)
		if err != nil {
			return nil, err
		}
		b.Media = append(b.Media, MediumView{Medium: m.Medium, URL: m.URL, Digest: m.Digest, Equal: m.Equal, SentAt: StampPtr(m.SentAt),
			VerifiedAt: StampPtr(m.VerifiedAt), PublishedAt: Stamp(m.PublishedAt), RecordedAt: Stamp(m.RecordedAt), Checks: checkViews(checks)})
	}
	return out, nil
}

// mediumInput is the input of the command record_medium.
type mediumInput struct {
	Number      int        `json:"number"`
	Medium      string     `json:"medium"`
	URL         string     `json:"url"`
	Text        string     `json:"text"`
	Digest      string     `json:"digest"`
	SentAt      *time.Time `json:"sentAt"`
	VerifiedAt  *time.Time `json:"verifiedAt"`
	PublishedAt time.Time  `json:"publishedAt"`
}

func (t *trade) recordMedium(ctx context.Context, who actor.Actor, id string, raw json.RawMessage) error {
	var in mediumInput
	if err := json.Unmarshal(raw, &in); err != nil {
		return apperr.New(apperr.Invalid, "lot.input", "提交的内容格式不对：时间写成 2026-03-24T09:30:00+08:00 这样。").Because(err)
	}
	_, err := t.Lots.RecordMedium(ctx, who, id, lot.MediumInput{Number: in.Number, Medium: in.Medium, URL: in.URL, Text: in.Text, Digest: in.Digest,
		SentAt: in.SentAt, VerifiedAt: in.VerifiedAt, PublishedAt: in.PublishedAt})
	return err
}

// maxWorkbook is the largest workbook that a host may import items from, in bytes.
const maxWorkbook = 20 << 20

// readWorkbook answers the rows of an .xlsx file as texts; nothing is kept of it.
func readWorkbook(c echo.Context) error {
	raw, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return unread(err)
	}
	rows, err := tenderform.ReadRows(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"rows": rows})
}
