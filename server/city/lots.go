package city

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/evidence"
	"jianbiao/reports/pdf"
)

// plan is one lot of the city: where it is to stand when the rehearsal begins.
type plan struct {
	project, lot string
	buyer        int // login buyer<n>
	agency       int // login agency<n>
	region       string
	estimate     string
	prices       []string
	deadline     time.Time
	state        lot.State
	opening      opening.State // "" for none
}

func at(month time.Month, day, hour, minute int) time.Time {
	return time.Date(2026, month, day, hour, minute, 0, 0, evidence.Beijing)
}

// Begin is the legal time at which a rehearsal starts.
var Begin = at(3, 2, 8, 30)

var (
	birth  = at(1, 5, 8, 30)
	sealed = at(1, 20, 10, 0)
	early  = at(2, 10, 9, 30)
	late   = at(2, 26, 9, 0)
	middle = at(2, 27, 9, 30)
	today  = at(3, 2, 9, 0)
)

func plans() []plan {
	three := []string{"45600000.00", "46880000.00", "47250000.00"}
	five := []string{"45600000.00", "46880000.00", "47250000.00", "44990000.00", "50800000.00"}
	mid := func(project, name string, s opening.State) plan {
		return plan{project, name, 1, 1, "321302", "48000000", three, middle, lot.CutOff, s}
	}
	return []plan{
		{"泗洪县人民医院门诊综合楼工程", "施工", 5, 2, "321324", "86000000", nil, time.Time{}, lot.Drafting, ""},
		{"宿迁市第一中学改扩建工程", "施工一标段", 3, 1, "321302", "48000000", nil, at(3, 24, 9, 30), lot.Published, opening.Scheduled},
		{"沭阳县塘沟至韩山公路改建工程", "道路施工", 4, 2, "321322", "32000000", nil, at(3, 26, 14, 30), lot.Published, opening.Scheduled},
		{"古黄河水环境综合治理二期工程", "河道整治", 2, 3, "321311", "48000000", nil, at(3, 30, 9, 30), lot.Published, opening.Scheduled},
		{"宿迁市老旧小区改造（2026年度）", "宿城片区施工", 1, 1, "321302", "48000000", three, today, lot.Published, opening.LobbyOpen},
		{"宿迁市体育馆维修改造工程", "施工", 1, 1, "321302", "48000000", five, early, lot.Opened, opening.Closed},
		{"骆马湖水源地取水泵站工程", "土建与设备安装", 2, 3, "321311", "48000000", three, early, lot.Opened, opening.Closed},
		{"晓店镇农村公路提档升级工程", "路面施工", 1, 2, "321311", "48000000", three[:2], early, lot.Failed, opening.AbortedLt3},
		{"宿豫区文化活动中心装饰工程", "装饰装修", 1, 2, "321311", "48000000", nil, early, lot.Terminated, opening.Scheduled},
		mid("市民服务中心附属工程", "室外工程", opening.Started),
		mid("幸福路人行天桥工程", "桥梁施工", opening.RosterPublished),
		mid("宿迁市第二人民医院急诊楼工程", "施工", opening.Decrypting),
		mid("城南污水处理厂提标工程", "设备安装", opening.DecryptClosed),
		mid("项里路拓宽改造工程", "市政施工", opening.Imported),
		mid("宿迁学院实训楼工程", "施工", opening.Announcing),
		mid("运河文化公园绿化工程", "绿化施工", opening.ObjectionWindow),
		mid("经开区标准厂房四期工程", "施工二标段", opening.RecordConfirming),
		mid("城区雨污分流改造工程", "第三标段", opening.Postponed),
		mid("公安监管中心迁建工程", "施工", opening.Reconvened),
		{"宿迁市第一中学智慧教室设备采购", "教学设备", 3, 1, "321302", "2600000", nil, time.Time{}, lot.Drafting, ""},
		{"泗洪县人民医院彩色超声诊断仪采购", "医疗设备", 5, 2, "321324", "3800000", nil, at(3, 25, 14, 0), lot.Published, opening.Scheduled},
		mid("泗洪至宿城公路路面改造工程", "路面施工（双信封）", opening.BetweenSessions),
	}
}

// filings are the numbers of the filed procurement plans (采购计划备案号): the
// projects named here are government procurement, all others are engineering.
var filings = map[string]string{"宿迁市第一中学智慧教室设备采购": "SQCG-2026-0031", "泗洪县人民医院彩色超声诊断仪采购": "SHCG-2026-0018"}

func (p plan) params() lot.Params {
	out := p.works()
	if filings[p.project] != "" {
		out.Deposit.Amount, out.DurationDays = "30000", 60
		out.QualificationNeeded = "符合《中华人民共和国政府采购法》第二十二条的规定；不设报名，登录后即可获取采购文件。"
		out.Scope = p.project + "（" + p.lot + "）的供货、安装、调试和售后服务，以采购文件的清单为准。"
	}
	return out
}

// works are the parameters of a lot of construction.
func (p plan) works() lot.Params {
	priced := 0
	if p.opening == opening.BetweenSessions {
		priced = lot.SecondSession
	}
	return lot.Params{
		Form: forms[p.project],
		Sections: []lot.Section{{Name: "qualification", Label: "资格审查资料", Required: true}, {Name: "technical", Label: "技术标", Required: true},
			{Name: "price", Label: "报价文件", Required: true, Session: priced}},
		PriceCeiling: p.estimate + ".00", DecryptMinutes: 30, SealCheckMinutes: 5, ObjectionMinutes: 5, ConfirmMinutes: 10,
		Coefficient: &lot.Coefficient{Min: "0.95", Max: "0.98", Step: "0.005"}, BidValidityDays: 90, DurationDays: 365, Quality: "合格",
		Deposit:             &lot.Deposit{Amount: "500000", Forms: []string{"银行保函", "保证保险", "转账"}},
		QualificationNeeded: "具有与本工程相应的施工总承包资质；不设报名，登录后即可获取招标文件。",
		Scope:               p.project + p.lot + "的全部内容，以工程量清单和图纸为准。",
	}
}

// draft registers the project and makes the lot with its document.
func (m *maker) draft(ctx context.Context, number int, p plan) (*lot.Lot, error) {
	buyer, agency := m.who[fmt.Sprintf("buyer%d", p.buyer)], m.who[fmt.Sprintf("agency%d", p.agency)]
	in := lot.ProjectInput{Code: fmt.Sprintf("SQ-GC-2026-%04d", number), Name: p.project, Compulsory: true,
		Region: p.region, AgencyID: agency.OrganisationID, ApprovalNumber: fmt.Sprintf("宿发改审发〔2025〕%d号", 100+number), ApprovalAuthority: "宿迁市发展和改革委员会"}
	if filing := filings[p.project]; filing != "" {
		intention := birth.AddDate(0, 0, -20)
		in.Kind, in.Compulsory, in.PlanFiling, in.IntentionAt, in.ApprovalNumber, in.ApprovalAuthority = "GOV", false, filing, &intention, "", ""
		in.Code = fmt.Sprintf("SQ-ZC-2026-%04d", number)
	}
	project, err := m.p.Lots.CreateProject(ctx, buyer, in)
	if err != nil {
		return nil, fmt.Errorf("project %s: %w", p.project, err)
	}
	l, err := m.p.Lots.Create(ctx, agency, project.ID, lot.Input{Name: p.lot, Estimate: p.estimate})
	if err != nil {
		return nil, err
	}
	paper, err := document(p)
	if err != nil {
		return nil, err
	}
	if _, err := m.p.Lots.AddFile(ctx, agency, l.ID, "招标文件.pdf", "application/pdf", bytes.NewReader(paper)); err != nil {
		return nil, err
	}
	_, err = m.p.Lots.SetDocument(ctx, agency, l.ID, p.params())
	return l, err
}

// document draws the tender document that bidders download.
func document(p plan) ([]byte, error) {
	d := pdf.New(pdf.Frame{Kind: "招标文件", Lot: p.project + " " + p.lot, Number: "演练用", Author: "演练", Issued: birth})
	d.Title(pdf.TitleBlock{Title: "招标文件"})
	d.Heading("一、招标范围")
	d.Paragraph(p.params().Scope)
	d.Heading("二、投标人资格")
	d.Paragraph(p.params().QualificationNeeded)
	d.Heading("三、投标文件")
	d.Paragraph("投标文件由资格审查资料、技术标、报价文件组成，在投标人自己的电脑上加密后提交。截止时间以平台授时为准。")
	d.Heading("四、开标")
	d.Paragraph("采用不见面开标。各投标人在解密时限内用自己的保险箱解密；因投标人原因未解密的，视为撤销其投标文件。")
	var out bytes.Buffer
	err := d.Write(&out)
	return out.Bytes(), err
}

func (m *maker) publish(ctx context.Context, l *lot.Lot, p plan, now time.Time) (*lot.Lot, error) {
	body := fmt.Sprintf("%s已由宿迁市发展和改革委员会批准建设，现对%s进行公开招标。\n不设报名，任何经核验的单位登录后即可获取招标文件。\n投标截止和开标时间：%s。",
		p.project, p.lot, p.deadline.Format("2006年1月2日 15:04"))
	if filing := filings[p.project]; filing != "" {
		body = fmt.Sprintf("%s的采购计划已经备案（%s），现对%s公开招标，供应商可以参加投标。\n不设报名，登录后即可获取采购文件。\n本公告期限为发布之日起5个工作日。\n投标截止和开标时间：%s。",
			p.project, filing, p.lot, p.deadline.Format("2006年1月2日 15:04"))
	}
	return m.p.Lots.Publish(ctx, m.who[fmt.Sprintf("agency%d", p.agency)], l.ID, lot.PublishInput{
		SaleEnd: now.AddDate(0, 0, 6), BidDeadline: p.deadline, Title: p.project + p.lot + "招标公告", Body: body})
}

// open takes a lot's opening to its planned state, by the commands of its own
// people; what would run on is paused, so that a visitor finds it there.
func (m *maker) open(ctx context.Context, l *lot.Lot, p plan) error {
	host, system, o := m.who[fmt.Sprintf("agency%d", p.agency)], actor.System(), m.p.Openings
	bidders := m.bidders[:len(p.prices)]
	steps := []struct {
		to opening.State
		do func() error
	}{
		{opening.LobbyOpen, func() error { return o.OpenLobby(ctx, system, l.ID) }},
		{opening.Started, func() error {
			if err := o.RecordCutoff(ctx, system, l.ID); err != nil {
				return err
			}
			return o.Start(ctx, host, l.ID)
		}},
		{opening.RosterPublished, func() error {
			if err := m.each(bidders, func(b *bidder) error {
				s, err := b.Signed(l.ID, "check_seal", nil)
				if err != nil {
					return err
				}
				return o.CheckSeal(ctx, b.Actor, l.ID, s)
			}); err != nil {
				return err
			}
			return o.PublishRoster(ctx, host, l.ID)
		}},
		{opening.Decrypting, func() error { return o.StartDecrypt(ctx, host, l.ID) }},
		{opening.DecryptClosed, func() error {
			if err := m.each(bidders, func(b *bidder) error { return b.release(ctx, m.p, l.ID) }); err != nil {
				return err
			}
			return o.CloseWindow(ctx, host, l.ID)
		}},
		{opening.Imported, func() error { return o.ImportBids(ctx, system, l.ID) }},
		{opening.Announcing, func() error { return o.Announce(ctx, host, l.ID) }},
		{opening.ObjectionWindow, func() error { return o.OpenObjections(ctx, host, l.ID) }},
		{opening.RecordConfirming, func() error { return m.settleObjections(ctx, l, host, bidders) }},
		{opening.Closed, func() error {
			if p.opening == opening.BetweenSessions {
				return m.confirm(ctx, l, host, bidders, o.CloseFirst)
			}
			return m.confirm(ctx, l, host, bidders, o.Close)
		}},
	}
	target := p.opening
	if target == opening.BetweenSessions {
		target = opening.Closed
	}
	if target == opening.Postponed || target == opening.Reconvened {
		target = opening.Started
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s to %s: %w", p.project, s.to, err)
		}
		if s.to == target {
			break
		}
	}
	return m.hold(ctx, l, p, host)
}

func (m *maker) each(bidders []*bidder, f func(*bidder) error) error {
	for _, b := range bidders {
		if err := f(b); err != nil {
			return err
		}
	}
	return nil
}

// settleObjections has one objection raised and answered, and the rest waived.
func (m *maker) settleObjections(ctx context.Context, l *lot.Lot, host actor.Actor, bidders []*bidder) error {
	const words = "请核对一览表中工期的单位。"
	b := bidders[0]
	s, err := b.Signed(l.ID, "raise_objection", map[string]any{"text": words})
	if err != nil {
		return err
	}
	id, err := m.p.Openings.RaiseObjection(ctx, b.Actor, l.ID, opening.ObjectionInput{Signed: s, Text: words})
	if err != nil {
		return err
	}
	if err := m.p.Openings.AnswerObjection(ctx, host, l.ID, id, "工期单位为日历天，与投标函一致，已核对无误。"); err != nil {
		return err
	}
	if err := m.each(bidders, func(b *bidder) error {
		s, err := b.Signed(l.ID, "no_objection", nil)
		if err != nil {
			return err
		}
		return m.p.Openings.NoObjection(ctx, b.Actor, l.ID, s)
	}); err != nil {
		return err
	}
	return m.p.Openings.StartConfirmation(ctx, host, l.ID)
}

func (m *maker) confirm(ctx context.Context, l *lot.Lot, host actor.Actor, bidders []*bidder, end func(context.Context, actor.Actor, string) error) error {
	snap, err := m.p.Openings.Snapshot(ctx, l.ID)
	if err != nil {
		return err
	}
	if err := m.each(bidders, func(b *bidder) error {
		s, err := b.Signed(l.ID, "confirm_record", map[string]any{"recordDigest": snap.RecordDigest})
		if err != nil {
			return err
		}
		return m.p.Openings.ConfirmRecord(ctx, b.Actor, l.ID, opening.ConfirmInput{Signed: s, RecordDigest: snap.RecordDigest})
	}); err != nil {
		return err
	}
	if err := m.p.Openings.SignRecord(ctx, host, l.ID); err != nil {
		return err
	}
	return end(ctx, host, l.ID)
}

// hold keeps an opening where it is planned to stand.
func (m *maker) hold(ctx context.Context, l *lot.Lot, p plan, host actor.Actor) error {
	o := m.p.Openings
	switch p.opening {
	case opening.Decrypting, opening.ObjectionWindow, opening.RecordConfirming, opening.Started:
		return o.Pause(ctx, host, l.ID, "主持人电脑故障，正在更换设备", false)
	case opening.DecryptClosed:
		return m.p.Lots.Suspend(ctx, host, l.ID, lot.SuspendInput{Reason: "招标文件的一项异议尚未答复"})
	case opening.Postponed:
		return o.Postpone(ctx, host, l.ID, "开标场地停电，无法继续")
	case opening.Reconvened:
		if err := o.Postpone(ctx, host, l.ID, "政务外网检修"); err != nil {
			return err
		}
		return o.Reconvene(ctx, host, l.ID, at(3, 3, 9, 30))
	default:
		return nil
	}
}
