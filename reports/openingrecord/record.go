// Package openingrecord draws the opening record (开标记录表, 电子招标投标办法
// 第三十二条): what happened at a remote opening, as a PDF that a judge can read
// and anybody can check. A Record holds every printed string already; drawing
// it decides nothing. Whoever fills it reads the evidence stream up to a stated
// event and nothing else.
package openingrecord

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"jianbiao/internal/canon"
)

// The outcomes of a bid's decryption as they stand in Decryption.Result.
const (
	Opened    = "解密成功"
	Revoked   = "视为撤销" // by the bidder's cause, 电子招标投标办法 31
	Withdrawn = "视为撤回" // by another's cause, or unfinished at the cut-off
	Undecided = "待招标人认定"
	Rejected  = "未通过第一信封评审" // its second envelope (第二信封) stays sealed
)

// The ways a bidder's confirmation ends, as they stand in Confirmation.How.
const (
	Signed   = "已签名确认"
	TimedOut = "超时未确认，视为无异议"
)

// Record is an opening record. All times and amounts are printed strings
// (2026-03-25 09:30:00; 12,800,000.00); an empty string is printed as a dash.
// IssuedAt is the time of the document, that of the closing event, and is used
// for the PDF's own dates.
type Record struct {
	DocumentNumber   string         `json:"documentNumber"` // 文号
	Project          string         `json:"project"`
	Lot              Lot            `json:"lot"`
	Session          string         `json:"session,omitempty"`       // 第一次开标, 第二次开标: in a tender of two envelopes
	FirstEnvelope    bool           `json:"firstEnvelope,omitempty"` // no price was opened in this session
	Buyer            string         `json:"buyer"`                   // 招标人
	Agency           string         `json:"agency"`                  // 招标代理机构
	Centre           string         `json:"centre"`                  // 公共资源交易中心
	Region           string         `json:"region"`
	Deadline         string         `json:"deadline"` // 投标截止时间
	OpenedAt         string         `json:"openedAt"`
	ClosedAt         string         `json:"closedAt"`
	IssuedAt         time.Time      `json:"issuedAt"`
	Host             string         `json:"host"`             // 主持人, with by whose mandate
	TenderDocVersion string         `json:"tenderDocVersion"` // 招标文件版本
	PriceCeiling     string         `json:"priceCeiling"`     // 最高投标限价(元)
	Coefficient      *Coefficient   `json:"coefficient,omitempty"`
	Cutoff           Cutoff         `json:"cutoff"`
	Bids             []Bid          `json:"bids"`
	Objections       []Objection    `json:"objections"`
	Remarks          []Remark       `json:"remarks"`
	Pauses           []Pause        `json:"pauses"`
	Confirmations    []Confirmation `json:"confirmations"`
	Evidence         Evidence       `json:"evidence"`
	// Summary is five sentences on what happened and how to check it; if it is
	// empty Sentences stands in.
	Summary []string `json:"summary"`
	// Timeline is what happened when, on the first page; it may be empty.
	Timeline []Step `json:"timeline"`
	// Statements say what the platform saw and what it did not see.
	Statements []string `json:"statements"`
	VerifyURL  string   `json:"verifyUrl"`
}

// Lot is the lot (标段).
type Lot struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// Step is one line of the timeline.
type Step struct {
	At   string `json:"at"`
	Text string `json:"text"`
}

// Coefficient is the random coefficient (随机系数), recomputed by every client.
type Coefficient struct {
	Alpha   string `json:"alpha"`   // VRF input, hex
	Proof   string `json:"proof"`   // VRF proof, hex
	Beta    string `json:"beta"`    // VRF output, hex
	Value   string `json:"value"`   // the coefficient as printed
	Mapping string `json:"mapping"` // how the document maps beta to the value
}

// Cutoff is the cut-off record (截止记录): what had been submitted at the deadline.
type Cutoff struct {
	Count          int         `json:"count"`
	DigestOfRecord string      `json:"digestOfRecord"`
	Rows           []CutoffRow `json:"rows"`
}

// CutoffRow is one valid bid of the cut-off record, in the order of digests.
type CutoffRow struct {
	Digest string `json:"digest"`
	Size   string `json:"size"`   // padded size as printed
	Number string `json:"number"` // which version of the bid: 第 2 次递交
}

// Bid is one line of the reading-out table (开标一览表).
type Bid struct {
	No           int        `json:"no"`
	Name         string     `json:"name"`
	USCC         string     `json:"uscc"`      // 统一社会信用代码
	SealCheck    string     `json:"sealCheck"` // 密封检查
	Decrypt      Decryption `json:"decrypt"`
	Price        string     `json:"price"` // 元
	PriceCapital string     `json:"priceCapital"`
	Duration     string     `json:"duration"` // 工期
	Quality      string     `json:"quality"`
	Manager      string     `json:"manager"` // 项目负责人
	Deposit      string     `json:"deposit"` // 投标保证金
	Flags        []string   `json:"flags"`   // what the hall flagged; it rejects nothing
}

// Decryption is how the opening of a bid ended.
type Decryption struct {
	Result string `json:"result"` // Opened, Revoked, Withdrawn, Undecided
	At     string `json:"at"`
	Reason string `json:"reason"` // empty when opened
}

// Objection is an objection raised at the opening and its answer.
type Objection struct {
	At       string `json:"at"`
	By       string `json:"by"`
	Text     string `json:"text"`
	AnswerAt string `json:"answerAt"`
	AnswerBy string `json:"answerBy"`
	Answer   string `json:"answer"`
}

// Remark is a remark of the supervisor.
type Remark struct {
	At   string `json:"at"`
	By   string `json:"by"`
	Text string `json:"text"`
}

// Pause is an interruption; the windows were extended by its length.
type Pause struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Reason string `json:"reason"`
}

// Confirmation is one bidder's confirmation of the record.
type Confirmation struct {
	Name            string `json:"name"`
	How             string `json:"how"` // Signed or TimedOut
	At              string `json:"at"`
	SignatureDigest string `json:"signatureDigest"`
}

// Evidence says which events the record was made from.
type Evidence struct {
	Stream   string `json:"stream"`
	FirstSeq int64  `json:"firstSeq"`
	LastSeq  int64  `json:"lastSeq"`
	Events   int64  `json:"events"`
	Root     string `json:"root"`
}

// Canonical is the record as canonical JSON (RFC 8785, package canon): the
// bytes that the digest is of, and that travel inside the PDF as record.json.
func Canonical(r Record) ([]byte, error) {
	raw, err := canon.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("openingrecord: %w", err)
	}
	return raw, nil
}

// Digest is the record's digest as every page shows it: "sm3:" and the SM3 of
// Canonical in hex. It is "" for a record that has no canonical form (a number
// beyond 2^53), which Draw refuses.
func Digest(r Record) string {
	raw, err := Canonical(r)
	if err != nil {
		return ""
	}
	return digestOf(raw)
}

func digestOf(canonical []byte) string {
	sum := sm3.Sum(canonical)
	return "sm3:" + hex.EncodeToString(sum[:])
}

// Sentences says in five sentences what happened and how to check it.
func Sentences(r Record) []string {
	results, unanswered, signed := map[string]int{}, 0, 0
	for _, b := range r.Bids {
		results[b.Decrypt.Result]++
	}
	for _, o := range r.Objections {
		if o.Answer == "" {
			unanswered++
		}
	}
	for _, c := range r.Confirmations {
		if c.How == Signed {
			signed++
		}
	}
	objections := "开标现场没有投标人提出异议"
	if n := len(r.Objections); n > 0 {
		objections = fmt.Sprintf("开标现场提出异议 %d 项，均已当场答复", n)
		if unanswered > 0 {
			objections = fmt.Sprintf("开标现场提出异议 %d 项，其中 %d 项未答复", n, unanswered)
		}
	}
	undecided := ""
	if n := results[Undecided]; n > 0 {
		undecided = fmt.Sprintf("，待招标人认定 %d 份", n)
	}
	if n := results[Rejected]; n > 0 {
		undecided += fmt.Sprintf("，%s、第二信封未开启 %d 份", Rejected, n)
	}
	which := ""
	if r.Session != "" {
		which = "，本次为" + r.Session
	}
	contents := "报价等内容见“开标一览表”"
	if r.FirstEnvelope {
		contents = "第二信封（报价文件）没有打开"
	}
	return []string{
		fmt.Sprintf("%s（标段编号 %s）于 %s 在不见面开标大厅公开开标%s，由%s主持，%s 结束。", r.Lot.Name, r.Lot.Code, r.OpenedAt, which, r.Host, r.ClosedAt),
		fmt.Sprintf("至投标截止时间 %s，平台收到有效的加密投标文件 %d 份，其摘要、版本和长度在开始解密之前已固定在截止记录中（见本记录“截止记录”）。", r.Deadline, r.Cutoff.Count),
		fmt.Sprintf("投标文件由各投标人在自己的计算机上参与解密：%s %d 份，%s %d 份，%s %d 份%s；%s。",
			Opened, results[Opened], Revoked, results[Revoked], Withdrawn, results[Withdrawn], undecided, contents),
		fmt.Sprintf("%s；%d 方（含主持人）以电子签名确认了本记录，%d 方超时未确认。", objections, signed, len(r.Confirmations)-signed),
		"核验方法：扫描每页右下角的二维码，或打开“证据”一节的核验地址，核对页面显示的记录摘要与每页左下角的摘要一致；本文件所附 record.json 的 SM3 值应等于该摘要。",
	}
}
