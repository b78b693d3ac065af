package lot

import (
	"strings"

	"jianbiao/internal/apperr"
	"jianbiao/internal/rule"
)

// Wording is what the law of a domain calls things: a tender of engineering has
// a 招标人 and an 估算价, government procurement a 采购人 and a 预算金额.
type Wording struct {
	Label    string `json:"label"`    // 工程建设 | 政府采购
	Buyer    string `json:"buyer"`    // 招标人 | 采购人
	Bidder   string `json:"bidder"`   // 投标人 | 供应商
	Document string `json:"document"` // 招标文件 | 采购文件
	Estimate string `json:"estimate"` // 估算价 | 预算金额
	Ceiling  string `json:"ceiling"`  // 最高投标限价 | 最高限价
	Approval string `json:"approval"` // 立项批复文号 | 采购计划备案号
}

// Words are the wordings by kind of project.
var Words = map[rule.Domain]Wording{
	rule.Engineering: {Label: "工程建设", Buyer: "招标人", Bidder: "投标人", Document: "招标文件", Estimate: "估算价", Ceiling: "最高投标限价", Approval: "立项批复文号"},
	rule.Procurement: {Label: "政府采购", Buyer: "采购人", Bidder: "供应商", Document: "采购文件", Estimate: "预算金额", Ceiling: "最高限价", Approval: "采购计划备案号"},
}

// Words is the wording of the project's kind.
func (p *Project) Words() Wording { return Words[rule.Domain(p.Kind)] }

// The methods of procurement (采购方式) that end in one opening of sealed bids.
const (
	MethodOpen    = "open"    // 公开招标
	MethodInvited = "invited" // 邀请招标
)

// Method is a way to procure. One with a Refusal is known and not carried out
// here: nothing is opened once and for all in it.
type Method struct {
	Code    string        `json:"code"`
	Label   string        `json:"label"`
	Kinds   []rule.Domain `json:"kinds"`
	Refusal string        `json:"refusal,omitempty"`
	Basis   string        `json:"basis,omitempty"`
}

// Methods are all methods, those that are carried out first.
var Methods = []Method{
	{Code: MethodOpen, Label: "公开招标", Kinds: []rule.Domain{rule.Engineering, rule.Procurement}},
	{Code: MethodInvited, Label: "邀请招标", Kinds: []rule.Domain{rule.Engineering, rule.Procurement}},
	{Code: "negotiation", Label: "竞争性谈判", Kinds: []rule.Domain{rule.Procurement}, Basis: "《政府采购非招标采购方式管理办法》（财政部令第74号）第三条",
		Refusal: "竞争性谈判要与供应商逐家谈判、再次报价，不是密封投标、一次开标，本平台不办理：请改用公开招标；经批准采用谈判的，在政府采购非招标交易系统办理。"},
	{Code: "consultation", Label: "竞争性磋商", Kinds: []rule.Domain{rule.Procurement}, Basis: "《政府采购竞争性磋商采购方式管理暂行办法》（财库〔2014〕214号）第二条",
		Refusal: "竞争性磋商要在磋商之后最后报价，不是密封投标、一次开标，本平台不办理：请改用公开招标；符合磋商适用情形的，在政府采购非招标交易系统办理。"},
	{Code: "inquiry", Label: "询价", Kinds: []rule.Domain{rule.Procurement}, Basis: "《政府采购非招标采购方式管理办法》（财政部令第74号）第三条",
		Refusal: "询价由询价小组发出询价通知书、一次报价成交，不经开标和评标，本平台不办理：请改用公开招标，或者用框架协议、电子卖场采购标准统一的现货。"},
	{Code: "single_source", Label: "单一来源采购", Kinds: []rule.Domain{rule.Procurement}, Basis: "《中华人民共和国政府采购法》第三十一条",
		Refusal: "单一来源采购只与一家供应商协商，没有投标和开标，本平台不办理：请改用公开招标；确属唯一来源的，公示并经批准后在政府采购非招标交易系统办理。"},
}

// MethodLabel is the Chinese name of a method, "" for an unknown one.
func MethodLabel(code string) string {
	for _, m := range Methods {
		if m.Code == code {
			return m.Label
		}
	}
	return ""
}

// checkMethod refuses a method that is unknown, or known and not carried out
// here. Errors: project.method_unknown, project.method_not_supported.
func checkMethod(code string) error {
	for _, m := range Methods {
		if m.Code != code {
			continue
		}
		if m.Refusal == "" {
			return nil
		}
		return apperr.New(apperr.Invalid, "project.method_not_supported", "%s", m.Refusal).With("method", m.Refusal).By(m.Basis)
	}
	return apperr.New(apperr.Invalid, "project.method_unknown", "请选择采购方式：公开招标或者邀请招标。").With("method", "请选择公开招标或者邀请招标。")
}

// required are the fields that a project of a kind must name.
func (in *ProjectInput) required() map[string]*string {
	out := map[string]*string{"code": &in.Code, "name": &in.Name}
	if in.Kind == string(rule.Procurement) {
		out["planFiling"] = &in.PlanFiling
	} else {
		out["approvalNumber"], out["approvalAuthority"] = &in.ApprovalNumber, &in.ApprovalAuthority
	}
	if in.Method == MethodInvited {
		out["methodBasis"] = &in.MethodBasis
	}
	return out
}

// settle fills in what an input leaves out: engineering, by open tender.
func (in *ProjectInput) settle() {
	if in.Kind == "" {
		in.Kind = string(rule.Engineering)
	}
	if in.Method == "" {
		in.Method = MethodOpen
	}
	for _, v := range []*string{&in.ApprovalNumber, &in.ApprovalAuthority, &in.PlanFiling, &in.MethodBasis} {
		*v = strings.TrimSpace(*v)
	}
}

// approved is the event that records the approval of the project's kind.
func (p *Project) approved() string {
	if p.Kind == string(rule.Procurement) {
		return "gov.plan_filed" // R01-2
	}
	return "project.approval_recorded" // R01-1
}

// plausible says whether a text of a person has at most so many characters, and
// none that the database cannot hold.
func plausible(s string, most int) bool {
	return len([]rune(s)) <= most && !strings.ContainsRune(s, 0)
}
