package tenderform

import (
	"fmt"
	"regexp"

	"github.com/shopspring/decimal"
)

var uscc = regexp.MustCompile(`^[0-9A-Z]{18}$`)

// general checks what stands in the first section only: consortium, subcontracts
// and the agent's authorisation.
func (c *checker) general(first bool, s Section, f SectionForm) {
	if !first {
		misplaced := f.Consortium != nil || len(f.Subcontracts) > 0 || f.Attorney != ""
		c.block(misplaced, s.Name+".consortium", CodeUnexpected, "", "联合体、分包和授权委托书写在第一部分“%s”里，不写在“%s”里。", c.terms.Sections[0].Label, s.Label)
		return
	}
	c.consortium(s.Name+".consortium", s.Name, f.Consortium)
	allowed := c.terms.Form != nil && c.terms.Form.Subcontracting
	at := s.Name + ".subcontracts"
	c.block(!allowed && len(f.Subcontracts) > 0, at, CodeSubcontractForbidden, basisSubcontr, "招标文件不允许分包：请去掉拟分包的内容。")
	if !allowed {
		return
	}
	total := decimal.Zero
	for i, x := range f.Subcontracts {
		path := fmt.Sprintf("%s.%d", at, i)
		c.block(empty(x.Scope), path+".scope", CodeSubcontract, basisSubcontr, "请写明第 %d 项拟分包的内容：应为非主体、非关键性工作。", i+1)
		share, ok := percent(x.Share)
		c.block(!ok, path+".share", CodeSubcontract, basisSubcontr, "第 %d 项分包的比例应为大于 0、小于 100 的百分数，最多两位小数。", i+1)
		total = total.Add(share)
	}
	c.block(!total.LessThan(hundred), at, CodeSubcontract, basisSubcontr, "拟分包的比例合计 %s%%：不能把全部工作分包出去。", total)
}

var hundred = decimal.NewFromInt(100)

var plainPercent = regexp.MustCompile(`^\d{1,2}(\.\d{1,2})?$`)

// percent reads a share above 0 and below 100.
func percent(s string) (decimal.Decimal, bool) {
	if !plainPercent.MatchString(s) {
		return decimal.Zero, false
	}
	d, err := decimal.NewFromString(s)
	return d, err == nil && d.IsPositive()
}

func (c *checker) consortium(at, section string, m *Membership) {
	if m == nil {
		return
	}
	if c.terms.Form == nil || c.terms.Form.Consortium == nil {
		c.block(true, at, CodeConsortiumNotAllowed, basisConsortium, "招标文件不接受联合体投标：请以一家单位的名义投标。")
		return
	}
	most := c.terms.Form.Consortium.MaxMembers
	count := 1 + len(m.Members)
	c.block(count < 2, at, CodeConsortiumInvalid, basisConsortium, "联合体至少要有两家单位：请填写其他成员，或者取消联合体。")
	c.block(count > most, at, CodeConsortiumInvalid, basisConsortium, "联合体有 %d 家单位，招标文件最多允许 %d 家（含牵头人）。", count, most)
	owner := c.bid.Owner.USCC
	c.block(owner != "" && m.Lead.USCC != owner, at+".lead.uscc", CodeConsortiumInvalid, basisConsortium, "投标文件由牵头人递交：牵头人应是本单位。")
	c.members(at, m)
	c.block(empty(m.Agreement), at+".agreement", CodeConsortiumInvalid, basisAgreement, "应附联合体共同投标协议：请选择文件。")
	c.block(m.Agreement != "" && !c.has(section, m.Agreement), at+".agreement", CodeConsortiumInvalid, basisAgreement, "没有找到共同投标协议的文件“%s”。", m.Agreement)
}

func (c *checker) members(at string, m *Membership) {
	seen := map[string]bool{}
	total := decimal.Zero
	for i, x := range append([]Member{m.Lead}, m.Members...) {
		path, who := at+".lead", "牵头人"
		if i > 0 {
			path, who = fmt.Sprintf("%s.members.%d", at, i-1), fmt.Sprintf("第 %d 家成员", i)
		}
		c.block(empty(x.Name), path+".name", CodeConsortiumInvalid, basisConsortium, "请填写%s的单位名称。", who)
		c.block(!uscc.MatchString(x.USCC), path+".uscc", CodeConsortiumInvalid, basisConsortium, "%s的统一社会信用代码应为 18 位数字和大写字母。", who)
		c.block(seen[x.USCC] && x.USCC != "", path+".uscc", CodeConsortiumInvalid, basisConsortium, "%s与前面的单位重复：联合体各方应是不同的单位。", who)
		seen[x.USCC] = true
		share, ok := percent(x.Share)
		c.block(!ok, path+".share", CodeConsortiumInvalid, basisAgreement, "%s承担的比例应为大于 0、小于 100 的百分数，最多两位小数。", who)
		total = total.Add(share)
	}
	c.block(!total.Equal(hundred), at+".members", CodeConsortiumInvalid, basisAgreement, "各方承担的比例合计 %s%%，应为 100%%。", total)
}
