package tenderform

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"jianbiao/internal/apperr"
	"jianbiao/internal/money"
)

// The codes of problems that the opening shows as flags on a bid.
const (
	CodeValueMissing         = "value_missing"
	CodeAttachmentMissing    = "attachment_missing"
	CodeBillIncomplete       = "bill_incomplete"
	CodeBillSumDiffers       = "bill_sum_differs"
	CodeConsortiumInvalid    = "consortium_invalid"
	CodeConsortiumNotAllowed = "consortium_not_allowed"
	CodeSubcontract          = "subcontract_invalid"
	CodeSubcontractForbidden = "subcontract_not_allowed"
	CodeAttorneyMissing      = "attorney_missing"
	CodeUnexpected           = "unexpected_member"
)

// The articles that problems stand on.
const (
	basisResponse   = "招标投标法第二十七条"
	basisSigned     = "招标投标法实施条例第五十一条第（一）项"
	basisAgreement  = "招标投标法第三十一条；招标投标法实施条例第五十一条第（二）项"
	basisConsortium = "招标投标法实施条例第三十七条"
	basisCeiling    = "招标投标法实施条例第五十一条第（五）项"
	basisSubstance  = "招标投标法实施条例第五十一条第（六）项"
	basisDeposit    = "招标投标法实施条例第二十六条"
	basisSubcontr   = "招标投标法第三十条"
)

// checker collects the problems of one bid.
type checker struct {
	terms Terms
	bid   Bid
	out   []Problem
}

func (c *checker) block(is bool, path, code, basis, format string, args ...any) {
	c.add(is, true, path, code, basis, format, args...)
}

func (c *checker) warn(is bool, path, code, basis, format string, args ...any) {
	c.add(is, false, path, code, basis, format, args...)
}

func (c *checker) add(is, block bool, path, code, basis, format string, args ...any) {
	if is {
		c.out = append(c.out, Problem{Field: path, Code: code, Message: fmt.Sprintf(format, args...), Basis: basis, Block: block})
	}
}

// Check gives everything that a completed bid (see Complete) lacks or has wrong,
// in the order of the document; nil if it is complete. Paths begin with the
// section, or with "owner".
func Check(t Terms, b Bid) []Problem {
	c := &checker{terms: t, bid: b}
	c.owner()
	for i, s := range t.Sections {
		f, has := b.Forms[s.Name]
		c.block(s.Required && !has, s.Name, "section_missing", basisResponse, "缺少招标文件要求的部分“%s”。", s.Label)
		c.sectionFiles(s, f)
		if s.Name == PriceSection {
			c.letter(f)
		} else {
			c.block(f.Price != "" || f.Capital != "", s.Name+".price", CodeUnexpected, "", "报价只能写在报价部分，不能写在“%s”里。", s.Label)
		}
		if has || s.Required {
			c.values(s, f)
			c.attachments(s, f)
			c.bill(s, f)
		}
		c.general(i == 0, s, f)
	}
	for _, name := range sortedKeys(b.Forms) {
		known := slices.ContainsFunc(t.Sections, func(s Section) bool { return s.Name == name })
		c.block(!known, name, CodeUnexpected, "", "招标文件没有“%s”这一部分：请去掉。", name)
	}
	return c.out
}

// Blocked says whether one of the problems keeps the bid from being sealed.
func Blocked(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Block })
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func empty(s string) bool { return strings.TrimSpace(s) == "" }

func (c *checker) owner() {
	o := c.bid.Owner
	if o == (Owner{}) { // not known where only the forms are checked
		return
	}
	c.block(empty(o.Name), "owner.name", CodeValueMissing, basisSigned, "请填写投标人名称。")
	c.block(!uscc.MatchString(o.USCC), "owner.uscc", CodeValueMissing, basisSigned, "统一社会信用代码应为 18 位数字和大写字母。")
	c.block(empty(o.LegalRepresentative), "owner.legalRepresentative", CodeValueMissing, basisSigned, "请填写法定代表人姓名。")
	if o.Agent == "" || len(c.terms.Sections) == 0 {
		return
	}
	c.block(empty(o.Agent), "owner.agent", CodeValueMissing, basisSigned, "请填写委托代理人姓名。")
	first := c.terms.Sections[0].Name
	file := c.bid.Forms[first].Attorney
	c.block(empty(file), first+".attorney", CodeAttorneyMissing, basisSigned, "由委托代理人签字的，应附授权委托书：请选择文件。")
	c.block(file != "" && !c.has(first, file), first+".attorney", CodeAttorneyMissing, basisSigned, "没有找到授权委托书的文件“%s”。", file)
}

// has says whether a section has a file; where files are not known, it has.
func (c *checker) has(section, file string) bool {
	return c.bid.Files == nil || slices.Contains(c.bid.Files[section], file)
}

// sectionFiles asks for a file where the form asks for nothing else.
func (c *checker) sectionFiles(s Section, f SectionForm) {
	if c.bid.Files == nil || !s.Required || s.Name == PriceSection || len(c.bid.Files[s.Name]) > 0 {
		return
	}
	listed := false
	if form := c.terms.Form; form != nil {
		listed = slices.ContainsFunc(form.Attachments, func(a Attachment) bool { return a.Section == s.Name }) ||
			slices.ContainsFunc(form.Fields, func(x Field) bool { return x.Section == s.Name }) ||
			form.Bill != nil && form.Bill.Section == s.Name
	}
	c.block(!listed, s.Name+".files", "section_missing", basisResponse, "招标文件要求提交“%s”：请选择文件。", s.Label)
}

// letter checks the bid letter (投标函).
func (c *checker) letter(f SectionForm) {
	const at = PriceSection
	price, err := money.Parse(f.Price)
	c.block(empty(f.Price), at+".price", "price_unreadable", basisResponse, "请填写报价，单位元，最多两位小数。")
	c.block(!empty(f.Price) && err != nil, at+".price", "price_unreadable", basisResponse, "%s", detail(err))
	if err == nil {
		c.block(price.IsZero(), at+".price", "price_unreadable", basisResponse, "报价应大于 0。")
		ceiling, noCeiling := decimal.NewFromString(c.terms.PriceCeiling)
		c.warn(noCeiling == nil && price.GreaterThan(ceiling), at+".price", "over_ceiling", basisCeiling,
			"报价超过最高投标限价 %s 元：开标时会标明，评标时会被否决。", money.Format(ceiling))
		differs := money.CheckCapital(f.Price, f.Capital)
		c.block(differs != nil, at+".capital", "capital_mismatch", basisResponse, "%s", detail(differs))
	}
	days, want := f.DurationDays, c.terms.DurationDays
	c.block(days <= 0, at+".durationDays", "duration_over", basisResponse, "请填写工期，日历天，整数。")
	c.warn(days > want && want > 0, at+".durationDays", "duration_over", basisSubstance, "工期超过招标文件要求的 %d 日历天：开标时会标明。", want)
	c.block(empty(f.Quality), at+".quality", "quality_differs", basisResponse, "请填写质量承诺。")
	c.warn(!empty(f.Quality) && f.Quality != c.terms.Quality, at+".quality", "quality_differs", basisSubstance,
		"与招标文件要求的“%s”不同：开标时会标明。", c.terms.Quality)
	c.block(empty(f.Manager), at+".manager", "manager_missing", basisResponse, "请填写项目负责人。")
	c.deposit(f)
}

func (c *checker) deposit(f SectionForm) {
	if c.terms.Deposit == nil {
		return
	}
	const at, code = PriceSection + ".deposit", "deposit_short"
	d := f.Deposit
	if d == nil {
		d = &Deposit{}
	}
	paid, err := money.Parse(d.Amount)
	c.block(!slices.Contains(c.terms.Deposit.Forms, d.Form), at+".form", code, basisDeposit, "请选择投标保证金的形式：%s。", strings.Join(c.terms.Deposit.Forms, "、"))
	c.block(err != nil, at+".amount", code, basisDeposit, "请填写投标保证金的金额，单位元，最多两位小数。")
	want, bad := decimal.NewFromString(c.terms.Deposit.Amount)
	c.warn(err == nil && bad == nil && paid.LessThan(want), at+".amount", code, basisDeposit, "投标保证金低于招标文件要求的 %s 元：开标时会标明。", money.Format(want))
}

// detail is the Chinese sentence of a refusal.
func detail(err error) string {
	if e, ok := apperr.From(err); ok {
		return e.Detail
	}
	return ""
}

func (c *checker) values(s Section, f SectionForm) {
	known := map[string]bool{}
	if c.terms.Form != nil {
		for _, x := range c.terms.Form.Fields {
			if x.Section != s.Name {
				continue
			}
			known[x.Name] = true
			path, v := s.Name+".values."+x.Name, f.Values[x.Name]
			c.block(x.Required && empty(v), path, CodeValueMissing, basisResponse, "请填写“%s”。", x.Label)
			if !empty(v) {
				wrong := wrongValue(x, v)
				c.block(wrong != "", path, CodeValueMissing, basisResponse, "“%s”%s", x.Label, wrong)
			}
		}
	}
	for _, name := range sortedKeys(f.Values) {
		c.block(!known[name], s.Name+".values."+name, CodeUnexpected, "", "招标文件没有要求填写“%s”：请去掉。", name)
	}
}

var integer = regexp.MustCompile(`^\d{1,9}$`)

// wrongValue says what is wrong with a value, "" if nothing is.
func wrongValue(x Field, v string) string {
	switch x.Kind {
	case KindAmount:
		if _, err := money.Parse(v); err != nil {
			return "应为金额，单位元，最多两位小数。"
		}
	case KindInteger:
		if !integer.MatchString(v) {
			return "应为整数。"
		}
	case KindDate:
		if _, err := time.Parse(time.DateOnly, v); err != nil {
			return "应为日期，例如 2026-03-24。"
		}
	case KindChoice:
		if !slices.Contains(x.Options, v) {
			return "应从备选内容中选一项：" + strings.Join(x.Options, "、") + "。"
		}
	case KindYesNo:
		if v != "yes" && v != "no" {
			return "应选“是”或“否”。"
		}
	}
	return ""
}

func (c *checker) attachments(s Section, f SectionForm) {
	known := map[string]bool{}
	if c.terms.Form != nil {
		for _, a := range c.terms.Form.Attachments {
			if a.Section != s.Name {
				continue
			}
			known[a.Name] = true
			path, files := s.Name+".attachments."+a.Name, f.Attachments[a.Name]
			basis := a.Basis
			if basis == "" {
				basis = basisResponse
			}
			c.block(a.Required && len(files) == 0, path, CodeAttachmentMissing, basis, "缺少“%s”：请选择文件。", a.Label)
			for _, file := range files {
				c.block(!c.has(s.Name, file), path, CodeAttachmentMissing, basis, "没有找到“%s”的文件“%s”。", a.Label, file)
			}
		}
	}
	for _, name := range sortedKeys(f.Attachments) {
		c.block(!known[name], s.Name+".attachments."+name, CodeUnexpected, "", "招标文件的资料清单里没有“%s”：请去掉。", name)
	}
}

// maxBillProblems keeps the list readable: the rest is counted.
const maxBillProblems = 200

func (c *checker) bill(s Section, f SectionForm) {
	var bill *Bill
	if c.terms.Form != nil && c.terms.Form.Bill != nil && c.terms.Form.Bill.Section == s.Name {
		bill = c.terms.Form.Bill
	}
	at := s.Name + ".bill"
	if bill == nil {
		c.block(len(f.Bill) > 0, at, CodeUnexpected, "", "招标文件在“%s”里没有清单：请去掉。", s.Label)
		return
	}
	if len(f.Bill) == 0 {
		c.block(true, at, CodeBillIncomplete, basisResponse, "清单还没有报价：请导入填好的清单（共 %d 项）。", len(bill.Items))
		return
	}
	before := len(c.out)
	c.lines(at, *bill, f.Bill)
	if extra := len(c.out) - before - maxBillProblems; extra > 0 {
		c.out = c.out[:before+maxBillProblems]
		c.block(true, at, CodeBillIncomplete, "", "清单另有 %d 处问题没有列出。", extra)
	}
	c.billSum(at, *bill, f.Bill)
}

func (c *checker) lines(at string, bill Bill, lines []BillLine) {
	priced := map[string]bool{}
	items := itemsByCode(bill)
	for i, l := range lines {
		path := at + "." + strconv.Itoa(i)
		item, known := items[l.Code]
		c.block(!known, path+".code", CodeBillIncomplete, basisResponse, "清单第 %d 行的项目编码“%s”不在招标文件的清单里。", i+1, l.Code)
		c.block(priced[l.Code], path+".code", CodeBillIncomplete, basisResponse, "清单第 %d 行的项目编码“%s”重复。", i+1, l.Code)
		priced[l.Code] = true
		price, err := money.Parse(l.UnitPrice)
		c.block(err != nil, path+".unitPrice", CodeBillIncomplete, basisResponse, "清单第 %d 行“%s”的单价缺失或者不是金额。", i+1, l.Code)
		if err != nil || !known {
			continue
		}
		want := Amount(bill.Items[item].Quantity, price)
		amount, err := money.Parse(l.Amount)
		c.block(err != nil || !amount.Equal(want), path+".amount", CodeBillSumDiffers, basisResponse,
			"清单第 %d 行“%s”的合价应为 %s 元（工程量 × 单价，四舍五入到分）。", i+1, l.Code, money.Format(want))
	}
	for _, x := range bill.Items {
		c.block(!priced[x.Code], at, CodeBillIncomplete, basisResponse, "清单缺少项目“%s %s”的报价。", x.Code, x.Name)
	}
}

func (c *checker) billSum(at string, bill Bill, lines []BillLine) {
	price, err := money.Parse(c.bid.Forms[PriceSection].Price)
	if err != nil {
		return // said already, or not opened yet (双信封)
	}
	tolerance, bad := decimal.NewFromString(bill.Tolerance)
	if bad != nil {
		tolerance = decimal.Zero
	}
	sum := Sum(lines)
	c.block(sum.Sub(price).Abs().GreaterThan(tolerance), at, CodeBillSumDiffers, basisResponse,
		"清单合价之和 %s 元与报价 %s 元相差 %s 元。", money.Format(sum), money.Format(price), money.Format(sum.Sub(price).Abs()))
}
