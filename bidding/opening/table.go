package opening

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"jianbiao/bidding/tenderform"
	"jianbiao/internal/canon"
	"jianbiao/internal/money"
)

// BidForm is the form of the price section (投标函): what is read out.
type BidForm struct {
	Price        string `json:"price"`        // 元
	Capital      string `json:"capital"`      // 大写
	DurationDays int    `json:"durationDays"` // 工期, 日历天
	Quality      string `json:"quality"`
	Manager      string `json:"manager"` // 项目负责人
	Deposit      struct {
		Form   string `json:"form"`
		Amount string `json:"amount"` // 元
	} `json:"deposit"`
}

// Flags are what the hall marks on a bid. It flags and never rejects: that is
// for the evaluation (评标).
var Flags = map[string]string{
	"over_ceiling":      "报价超过最高投标限价",
	"price_unreadable":  "报价缺失或不能识别",
	"capital_mismatch":  "大写与小写金额不一致",
	"duration_over":     "工期超过要求",
	"quality_differs":   "质量承诺与要求不同",
	"manager_missing":   "没有填写项目负责人",
	"deposit_short":     "投标保证金低于要求",
	"duplicate_owner":   "同一投标人递交了两份",
	"owner_unverified":  "投标人身份没有通过核验",
	"owner_certificate": "投标人的数字证书没有通过验证", "signer_certificate": "签字人的数字证书没有通过验证",
	"owner_unreadable":  "投标人信息不能读取",
	"section_missing":   "缺少招标文件要求的部分",
	fileDamaged:         "有附件与签名的摘要不符",
	"document_outdated": "不是按现行招标文件制作",

	tenderform.CodeValueMissing: "有必填的内容没有填写或不符合要求", tenderform.CodeAttachmentMissing: "缺少清单要求的资料",
	tenderform.CodeBillIncomplete: "工程量清单报价不完整", tenderform.CodeBillSumDiffers: "清单合价与报价不一致",
	tenderform.CodeConsortiumInvalid: "联合体资料不符合要求", tenderform.CodeConsortiumNotAllowed: "不接受联合体而以联合体投标",
	tenderform.CodeSubcontract: "拟分包内容不符合要求", tenderform.CodeSubcontractForbidden: "不允许分包而拟分包",
	tenderform.CodeAttorneyMissing: "委托代理人没有附授权委托书", flagRepeated: "联合体成员重复参加投标",
}

// Causes are the Chinese names of why a bid did not open.
var Causes = map[string]string{"no_part": "时限内没有提交解密份额", "no_part_during_outage": "中断期间没有提交解密份额",
	"bidder": "解密份额与承诺不符", "sealer": "加密文件本身不能打开", "platform": "平台保存的文件与回执不符", "holder": "解密方的份额不符"}

// cause is why a bid did not open, in words; what the buyer wrote stays as he
// wrote it.
func cause(b *Bid) string {
	code := text(b.OutcomeReason)
	if words, ok := Causes[code]; ok {
		return words
	}
	return code
}

// judge reads the price and sets the flags of an opened bid.
func (h *hall) judge(b *Bid) {
	flags := slices.Clone(b.Flags)
	add := func(is bool, flag string) {
		if is && !slices.Contains(flags, flag) {
			flags = append(flags, flag)
		}
	}
	if head, err := b.Header(); err == nil {
		add(head.DocumentVersion != strconv.Itoa(h.lot.DocumentVersion), "document_outdated")
	}
	f, sections := b.form()
	for _, s := range h.params.Sections {
		_, has := sections[s.Name]
		add(s.Required && !has && h.now(s.Name), "section_missing")
	}
	for _, flag := range h.formFlags(b, sections) {
		add(true, flag)
	}
	if !h.final() {
		b.Flags = flags
		return // the price is in the second envelope
	}
	price, err := money.Parse(f.Price)
	add(err != nil, "price_unreadable")
	if err == nil {
		b.Price = &price
		add(h.lot.PriceCeiling != nil && price.GreaterThan(*h.lot.PriceCeiling), "over_ceiling")
		add(money.CheckCapital(f.Price, f.Capital) != nil, "capital_mismatch")
	}
	add(f.DurationDays <= 0 || f.DurationDays > h.params.DurationDays, "duration_over")
	add(f.Quality != h.params.Quality, "quality_differs")
	add(f.Manager == "", "manager_missing")
	if d := h.params.Deposit; d != nil {
		paid, err := money.Parse(f.Deposit.Amount)
		add(err != nil || paid.LessThan(decimal.RequireFromString(d.Amount)), "deposit_short")
	}
	b.Flags = flags
}

// form decodes the sections' forms; what cannot be read is left empty and
// flagged by judge.
func (b *Bid) form() (f BidForm, sections map[string]json.RawMessage) {
	if len(b.Form) == 0 || canon.Unmarshal(b.Form, &sections) != nil {
		return f, nil
	}
	if raw, ok := sections["price"]; ok && json.Unmarshal(raw, &f) != nil {
		f = BidForm{}
	}
	return f, sections
}

// Reading is one row of the reading-out table (开标一览表).
type Reading struct {
	No           int      `json:"no"`
	Digest       string   `json:"digest"`
	Organisation string   `json:"organisation"`
	USCC         string   `json:"uscc"`
	Outcome      string   `json:"outcome"`
	Reason       string   `json:"reason"`
	Price        string   `json:"price"`        // 元, "" when not opened
	Capital      string   `json:"priceCapital"` // as the bidder wrote it
	Duration     string   `json:"duration"`
	Quality      string   `json:"quality"`
	Manager      string   `json:"manager"`
	Deposit      string   `json:"deposit"`
	Flags        []string `json:"flags"`
}

// table makes the reading-out table, in the order of the roster.
func (h *hall) table() ([]Reading, error) {
	rows := make([]Reading, len(h.bids))
	for i := range h.bids {
		b := &h.bids[i]
		if b.Outcome == nil || b.Organisation == nil {
			return nil, fmt.Errorf("bid %s has no outcome yet", b.Digest)
		}
		rows[i] = Reading{No: b.RowNo, Digest: b.Digest, Organisation: *b.Organisation, USCC: text(b.USCC), Outcome: *b.Outcome,
			Reason: cause(b), Flags: texts(b.Flags)}
		if !b.opened() {
			continue
		}
		f, _ := b.form()
		rows[i].Price, rows[i].Capital, rows[i].Quality, rows[i].Manager = f.Price, f.Capital, f.Quality, f.Manager
		if b.Price != nil {
			rows[i].Price = b.Price.StringFixed(2)
		}
		if f.DurationDays > 0 {
			rows[i].Duration = fmt.Sprintf("%d 日历天", f.DurationDays)
		}
		if f.Deposit.Form != "" {
			rows[i].Deposit = f.Deposit.Form + " " + f.Deposit.Amount + " 元"
		}
	}
	return rows, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
