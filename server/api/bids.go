package api

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"jianbiao/bidding/tenderform"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/seal"
)

func (t *trade) registerBids() {
	t.Raw(Route{Method: http.MethodPost, Path: "/api/bids", Allow: Allow(actor.Bidder), Silent: true, Summary: "提交密封投标文件，取得回执",
		Body: -1, Status: http.StatusCreated}, t.submitBid)
	Register(t.API, Route{Method: http.MethodPost, Path: "/api/firm-key", Allow: Allow(actor.Bidder), Summary: "登记单位签名公钥"}, t.registerFirmKey)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/lots/{id}/tender.json", Allow: Public, Summary: "离线投标工具所需的招标信息"}, t.getTender)
	Register(t.API, Route{Method: http.MethodGet, Path: "/api/keys", Allow: Public, Summary: "平台签署回执的公钥"}, t.platformKeys)
}

// submitBid takes the envelope as the body, or the finished upload that is named.
// The route names no lot, is not logged, and its answer is the receipt and
// nothing else.
func (t *trade) submitBid(c echo.Context) error {
	var receipt seal.Receipt
	var err error
	if id := c.QueryParam("upload"); id != "" {
		receipt, err = t.Submissions.SubmitUpload(c.Request().Context(), Viewer(c), id)
	} else {
		receipt, err = t.Submissions.Submit(c.Request().Context(), Viewer(c), c.Request().Body)
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, receipt)
}

type firmKeyInput struct {
	Body struct {
		PublicKey string `json:"publicKey" doc:"保险箱里生成的签名公钥"`
	}
}

func (t *trade) registerFirmKey(ctx context.Context, who actor.Actor, in *firmKeyInput) (*Nothing, error) {
	return nil, t.Submissions.RegisterFirmKey(ctx, who, in.Body.PublicKey)
}

// Tender is what the offline sealer needs of a lot (jianbiao seal --tender): its
// keys, and the terms of the document that the bid is checked against.
type Tender struct {
	Lot             string `json:"lot"`
	Title           string `json:"title"`
	DocumentVersion string `json:"documentVersion"`
	CutoffKey       string `json:"cutoffKey"`
	OpeningKey      string `json:"openingKey"`
	Deadline        string `json:"deadline"`
	tenderform.Terms
}

type tenderOutput struct{ Body Tender }

func (t *trade) getTender(ctx context.Context, who actor.Actor, in *lotInput) (*tenderOutput, error) {
	l, err := t.visible(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	if l.CutoffKey == nil || l.BidDeadline == nil {
		return nil, apperr.New(apperr.Precondition, "lot.not_published", "标段还没有发布公告：发布之后才能制作投标文件。")
	}
	doc, err := t.Lots.Document(ctx, l.ID)
	if err != nil {
		return nil, err
	}
	return &tenderOutput{Tender{Terms: doc.Params.Terms(), Lot: l.ID, Title: l.Project.Name + " " + l.Name, DocumentVersion: strconv.Itoa(l.DocumentVersion),
		CutoffKey: *l.CutoffKey, OpeningKey: *l.OpeningKey, Deadline: Stamp(*l.BidDeadline)}}, nil
}

// PlatformKeys verify receipts.
type PlatformKeys struct {
	Ed25519 string `json:"ed25519"`
	SM2     string `json:"sm2"`
}

type keysOutput struct{ Body PlatformKeys }

func (t *trade) platformKeys(context.Context, actor.Actor, *Nothing) (*keysOutput, error) {
	p := t.Keys.Platform()
	pub, _ := p.Ed25519.Public().(ed25519.PublicKey)
	return &keysOutput{PlatformKeys{Ed25519: base64.RawURLEncoding.EncodeToString(pub), SM2: p.SM2.Public().Text()}}, nil
}
