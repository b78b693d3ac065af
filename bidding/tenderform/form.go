// Package tenderform says what a bid must contain (投标文件格式) and whether one
// does: the form that a tender document asks for, the completeness check of a
// bid against it, the arithmetic of prices and bills of quantities (工程量清单),
// consortia (联合体) and subcontracting (分包). It is pure computation, because
// the same code runs in the browser (WebAssembly), in the offline program and on
// the platform when bids are imported: a bid that is complete in one place is
// complete in all. Written after docs/spec/bid-form.md.
package tenderform

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"jianbiao/internal/money"
)

// PriceSection is the section in which every bid states its price (报价部分).
const PriceSection = "price"

// Form is what a bid must contain beside the files of its sections. It is part
// of the tender document.
type Form struct {
	Fields         []Field      `json:"fields"`               // in the order of the document
	Attachments    []Attachment `json:"attachments"`          // 资格审查清单 and other papers
	Bill           *Bill        `json:"bill,omitempty"`       // 工程量清单, 分项报价表
	Consortium     *Consortium  `json:"consortium,omitempty"` // nil: 不接受联合体投标
	Subcontracting bool         `json:"subcontracting"`       // 允许分包
}

// The kinds of a field's value; all values are texts.
const (
	KindText    = "text"
	KindAmount  = "amount"  // 元, two decimals at most
	KindInteger = "integer" // 0 or more
	KindDate    = "date"    // 2006-01-02
	KindChoice  = "choice"  // one of Options
	KindYesNo   = "yesno"   // "yes" or "no"
)

// Kinds are the Chinese names of the kinds of fields.
var Kinds = map[string]string{KindText: "文字", KindAmount: "金额", KindInteger: "整数", KindDate: "日期", KindChoice: "选项", KindYesNo: "是否"}

// Field is a value that the bidder states in one section.
type Field struct {
	Section  string   `json:"section"`
	Name     string   `json:"name"`
	Label    string   `json:"label"`
	Kind     string   `json:"kind"`
	Unit     string   `json:"unit,omitempty"`
	Help     string   `json:"help,omitempty"`
	Required bool     `json:"required"`
	Options  []string `json:"options,omitempty"`
}

// Attachment is a line of the list of papers (资格审查清单): one or more files.
type Attachment struct {
	Section  string `json:"section"`
	Name     string `json:"name"`
	Label    string `json:"label"`
	Required bool   `json:"required"`
	Basis    string `json:"basis,omitempty"` // the article or the place in the document that asks for it
}

// Bill is the list of items that the bidder prices. Its sum must equal the price
// within Tolerance (元, "" is 0).
type Bill struct {
	Section   string     `json:"section"`
	Items     []BillItem `json:"items"`
	Tolerance string     `json:"tolerance,omitempty"`
}

// BillItem is one item; Quantity is a decimal above 0.
type BillItem struct {
	Code     string `json:"code"`              // 项目编码
	Name     string `json:"name"`              // 项目名称
	Feature  string `json:"feature,omitempty"` // 项目特征
	Unit     string `json:"unit"`              // 计量单位
	Quantity string `json:"quantity"`          // 工程量
}

// Consortium says that a consortium may bid (接受联合体投标). MaxMembers counts the
// lead too.
type Consortium struct {
	MaxMembers int `json:"maxMembers"`
}

// Section is a part of the bid as the tender document names it.
type Section struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Required bool   `json:"required"`
}

// Security is the bid security (投标保证金) that the document asks for; Amount in 元.
type Security struct {
	Amount string   `json:"amount"`
	Forms  []string `json:"forms"`
}

// Terms are all that a bid is checked against: the form and the parameters of
// the tender document.
type Terms struct {
	Form         *Form     `json:"form,omitempty"`
	Sections     []Section `json:"sections"`
	PriceCeiling string    `json:"priceCeiling,omitempty"` // 最高投标限价, 元
	DurationDays int       `json:"durationDays"`           // 工期, 日历天
	Quality      string    `json:"quality"`
	Deposit      *Security `json:"deposit,omitempty"`
}

// Problem is one thing that is wrong, at one field. Block is false where the
// bidder may go on (the hall flags, and never rejects).
type Problem struct {
	Field   string `json:"field"` // path, e.g. "price.bill.3.unitPrice"
	Code    string `json:"code"`  // for machines, e.g. "attachment_missing"
	Message string `json:"message"`
	Basis   string `json:"basis,omitempty"`
	Block   bool   `json:"block"`
}

// The limits of a form.
const (
	maxFields      = 200
	maxAttachments = 200
	// MaxItems is the most items a bill may have.
	MaxItems = 100_000
)

var fieldName = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]{0,40}$`)

// faults collects problems of a form.
type faults []Problem

func (f *faults) add(is bool, path, message string) {
	if is {
		*f = append(*f, Problem{Field: path, Code: "form_invalid", Message: message, Block: true})
	}
}

// Problems are all faults of the form itself, at the fields of the document's
// parameters ("form.fields.2.label"); nil if there are none. A nil form has none.
func (f *Form) Problems(sections []Section) []Problem {
	if f == nil {
		return nil
	}
	var out faults
	names := map[string]bool{}
	for _, s := range sections {
		names[s.Name] = true
	}
	out.add(len(f.Fields) > maxFields, "form.fields", fmt.Sprintf("填写项不能超过 %d 项。", maxFields))
	out.add(len(f.Attachments) > maxAttachments, "form.attachments", fmt.Sprintf("资料清单不能超过 %d 项。", maxAttachments))
	seen := map[string]bool{}
	for i, x := range f.Fields {
		out.field(fmt.Sprintf("form.fields.%d", i), x, names, seen)
	}
	for i, x := range f.Attachments {
		path := fmt.Sprintf("form.attachments.%d", i)
		out.named(path, x.Section, x.Name, x.Label, names, seen)
	}
	out.bill(f.Bill, names)
	if c := f.Consortium; c != nil {
		out.add(c.MaxMembers < 2 || c.MaxMembers > 10, "form.consortium.maxMembers", "联合体成员数（含牵头人）上限应在 2 到 10 之间；不接受联合体投标的，请去掉这一项。")
	}
	return out
}

func (f *faults) named(path, section, name, label string, sections, seen map[string]bool) {
	f.add(!sections[section], path+".section", "请选择招标文件中已有的部分。")
	f.add(!fieldName.MatchString(name), path+".name", "名称应以小写英文字母开头，只用字母、数字和下划线，不超过 41 个字符。")
	f.add(seen[section+"."+name], path+".name", "同一部分里不能有重复的名称。")
	f.add(strings.TrimSpace(label) == "" || len([]rune(label)) > 100, path+".label", "请填写中文标题，不超过 100 个字。")
	seen[section+"."+name] = true
}

func (f *faults) field(path string, x Field, sections, seen map[string]bool) {
	f.named(path, x.Section, x.Name, x.Label, sections, seen)
	f.add(Kinds[x.Kind] == "", path+".kind", "填写方式应为文字、金额、整数、日期、选项或是否。")
	if x.Kind != KindChoice {
		f.add(len(x.Options) > 0, path+".options", "只有“选项”才有备选内容。")
		return
	}
	f.add(len(x.Options) < 2 || len(x.Options) > 50, path+".options", "“选项”应有 2 到 50 个备选内容。")
	sorted := slices.Clone(x.Options)
	slices.Sort(sorted)
	f.add(len(slices.Compact(sorted)) < len(x.Options) || slices.Contains(x.Options, ""), path+".options", "备选内容不能为空，也不能重复。")
}

func (f *faults) bill(b *Bill, sections map[string]bool) {
	if b == nil {
		return
	}
	f.add(!sections[b.Section], "form.bill.section", "请选择招标文件中已有的部分。")
	f.add(len(b.Items) == 0, "form.bill.items", "清单还没有项目：请录入或者导入；不需要清单的，请去掉这一项。")
	f.add(len(b.Items) > MaxItems, "form.bill.items", fmt.Sprintf("清单不能超过 %d 项。", MaxItems))
	if b.Tolerance != "" {
		_, err := money.Parse(b.Tolerance)
		f.add(err != nil, "form.bill.tolerance", "合价之和与报价的允许误差应为金额，单位元，最多两位小数。")
	}
	seen := map[string]int{}
	for i, x := range b.Items {
		path := fmt.Sprintf("form.bill.items.%d", i)
		first, again := seen[x.Code]
		f.add(strings.TrimSpace(x.Code) == "" || x.Code != strings.TrimSpace(x.Code), path+".code", "请填写项目编码，前后不留空格。")
		f.add(again, path+".code", fmt.Sprintf("项目编码“%s”与第 %d 项重复。", x.Code, first+1))
		f.add(strings.TrimSpace(x.Name) == "", path+".name", "请填写项目名称。")
		f.add(strings.TrimSpace(x.Unit) == "", path+".unit", "请填写计量单位。")
		_, ok := quantity(x.Quantity)
		f.add(!ok, path+".quantity", "工程量应为大于 0 的数，最多四位小数。")
		if !again {
			seen[x.Code] = i
		}
	}
}

var plainNumber = regexp.MustCompile(`^\d{1,12}(\.\d{1,4})?$`)

// quantity reads the quantity of an item.
func quantity(s string) (decimal.Decimal, bool) {
	if !plainNumber.MatchString(s) {
		return decimal.Zero, false
	}
	q, err := decimal.NewFromString(s)
	return q, err == nil && q.IsPositive()
}
