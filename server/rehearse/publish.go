package rehearse

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/lot"
	"jianbiao/internal/evidence"
	"jianbiao/server/firm"
)

// publish registers a project, makes a lot with its document, and publishes.
func (p *play) publish(ctx context.Context) error {
	now, err := p.now(ctx)
	if err != nil {
		return err
	}
	p.project = "演练 · 幸福社区服务中心工程"
	var agencies struct {
		Items []struct{ ID, Name string }
	}
	if err := p.buyer.do(ctx, http.MethodGet, "/api/agencies", nil, &agencies); err != nil {
		return err
	}
	agency := ""
	for _, a := range agencies.Items {
		if slices.ContainsFunc(p.people, func(x person) bool { return x.Login == "agency1" && x.Organisation == a.Name }) {
			agency = a.ID
		}
	}
	var project struct{ ID string }
	if err := p.buyer.do(ctx, http.MethodPost, "/api/projects", map[string]any{"code": "YL-" + strings.ToUpper(uuid.NewString()[:8]), "name": p.project,
		"compulsory": true, "region": "321302", "agency": agency, "approvalNumber": "宿发改审发〔2026〕12号", "approvalAuthority": "宿迁市发展和改革委员会"}, &project); err != nil {
		return err
	}
	var page struct{ Lot struct{ ID string } }
	if err := p.host.do(ctx, http.MethodPost, "/api/projects/"+project.ID+"/lots", map[string]string{"name": "施工", "estimate": "52000000"}, &page); err != nil {
		return err
	}
	p.lot.ID = page.Lot.ID
	if err := p.host.do(ctx, http.MethodPut, "/api/lots/"+p.lot.ID+"/document", p.params(), nil); err != nil {
		return err
	}
	deadline := time.Date(now.Year(), now.Month(), now.Day()+22, 9, 30, 0, 0, evidence.Beijing)
	if err := p.host.do(ctx, http.MethodPost, "/api/lots/"+p.lot.ID+"/commands/publish", map[string]any{"saleEnd": now.AddDate(0, 0, 6), "bidDeadline": deadline,
		"noticeTitle": p.project + "招标公告", "noticeBody": "本项目不设报名，任何经核验的单位登录后即可获取招标文件。"}, nil); err != nil {
		return err
	}
	p.tell("发布公告", "%s，投标截止 %s", p.project, deadline.Format("01-02 15:04"))
	return p.readLot(ctx)
}

func (p *play) params() lot.Params {
	sealCheck, decrypt := 5, 30
	if p.o.Seat != "" {
		sealCheck, decrypt = 3, 10
	}
	priced := 0
	if p.o.Two {
		priced = lot.SecondSession
	}
	return lot.Params{
		Sections: []lot.Section{{Name: "qualification", Label: "资格审查资料", Required: true}, {Name: "technical", Label: "技术标", Required: true},
			{Name: "price", Label: "报价文件", Required: true, Session: priced}},
		PriceCeiling: "52000000.00", DecryptMinutes: decrypt, SealCheckMinutes: sealCheck, ObjectionMinutes: 5, ConfirmMinutes: 5,
		Coefficient: &lot.Coefficient{Min: "0.95", Max: "0.98", Step: "0.005"}, BidValidityDays: 90, DurationDays: 365, Quality: "合格",
		Deposit: &lot.Deposit{Amount: "800000", Forms: []string{"银行保函", "保证保险", "转账"}},
	}
}

func (p *play) readLot(ctx context.Context) error {
	var page struct {
		Lot struct {
			Name            string
			BidDeadline     time.Time
			DocumentVersion int
			Keys            struct{ Cutoff, Opening string }
		}
	}
	if err := p.open.do(ctx, http.MethodGet, "/api/lots/"+p.lot.ID, nil, &page); err != nil {
		return err
	}
	p.lot = firm.Lot{ID: p.lot.ID, Title: p.project + " " + page.Lot.Name, DocumentVersion: page.Lot.DocumentVersion, CutoffKey: page.Lot.Keys.Cutoff,
		OpeningKey: page.Lot.Keys.Opening, Deadline: page.Lot.BidDeadline}
	return nil
}
