package tenderform

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"jianbiao/internal/apperr"
	"jianbiao/internal/money"
)

// Bid is a bid in the making, or one that has been opened: who bids, the form of
// each section, and the names of each section's files. Files is nil where they
// are not known.
type Bid struct {
	Owner Owner                  `json:"owner"`
	Forms map[string]SectionForm `json:"forms"`
	Files map[string][]string    `json:"files"`
}

// Owner is who bids and who signs (法定代表人 or 委托代理人).
type Owner struct {
	Name                string `json:"name"`
	USCC                string `json:"uscc"`
	LegalRepresentative string `json:"legalRepresentative"`
	Agent               string `json:"agent"` // "" if the legal representative signs
}

// SectionForm is the form sealed in a section. The members of the bid letter
// (投标函) stand in the price section only; consortium, subcontracts and the
// agent's authorisation in the first section of the document. Amounts in 元.
type SectionForm struct {
	Price        string              `json:"price,omitempty"`
	Capital      string              `json:"capital,omitempty"`      // 大写
	DurationDays int                 `json:"durationDays,omitempty"` // 日历天
	Quality      string              `json:"quality,omitempty"`
	Manager      string              `json:"manager,omitempty"` // 项目负责人
	Deposit      *Deposit            `json:"deposit,omitempty"`
	Values       map[string]string   `json:"values,omitempty"`      // by Field.Name
	Attachments  map[string][]string `json:"attachments,omitempty"` // file names by Attachment.Name
	Bill         []BillLine          `json:"bill,omitempty"`        // in the order of the document's items
	Consortium   *Membership         `json:"consortium,omitempty"`
	Subcontracts []Subcontract       `json:"subcontracts,omitempty"`
	Attorney     string              `json:"attorney,omitempty"` // 授权委托书, a file's name
}

// Deposit is the bid security (投标保证金) as the bidder gave it; Amount in 元.
type Deposit struct {
	Form   string `json:"form"`
	Amount string `json:"amount"`
}

// BillLine is the price of an item. Amount = quantity × UnitPrice, half up to
// two decimals.
type BillLine struct {
	Code      string `json:"code"`
	UnitPrice string `json:"unitPrice"`
	Amount    string `json:"amount"`
}

// Membership is the consortium (联合体) that bids: the lead (牵头人) is the bidder
// of record, Members are the others, Agreement the file of their agreement
// (共同投标协议).
type Membership struct {
	Lead      Member   `json:"lead"`
	Members   []Member `json:"members"`
	Agreement string   `json:"agreement"`
}

// Member is one firm of a consortium; Share in percent.
type Member struct {
	Name  string `json:"name"`
	USCC  string `json:"uscc"`
	Share string `json:"share"`
}

// Subcontract is a part of the work that the bidder will subcontract (拟分包);
// Firm may be open, Share in percent.
type Subcontract struct {
	Scope string `json:"scope"`
	Firm  string `json:"firm"`
	Share string `json:"share"`
}

// DecodeForm reads the form of a section. Members that no form has, or of another
// type, are refused with form.unreadable: what is written there would be lost.
func DecodeForm(section string, raw json.RawMessage) (f SectionForm, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err = d.Decode(&f); err == nil {
		return f, nil
	}
	var where string
	var kind *json.UnmarshalTypeError
	if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		where = "没有 " + name + " 这一项"
	} else if errors.As(err, &kind) {
		where = "“" + kind.Field + "”的类型不对（金额、比例写成字符串，工期写成整数）"
	} else {
		where = "不是所需格式的 JSON"
	}
	return SectionForm{}, apperr.New(apperr.Invalid, "form.unreadable", "投标表单的“%s”部分%s：请改正。", section, where).Because(err)
}

// Complete fills in what follows from the rest: amounts are written with two
// decimals and without separators, capital figures follow the price, the
// amounts of the bill follow quantity and unit price, and every required section has a
// form. What cannot be read stays as it is, for Check to name.
func Complete(t Terms, b Bid) Bid {
	forms := map[string]SectionForm{}
	for name, f := range b.Forms {
		forms[name] = f
	}
	for _, s := range t.Sections {
		f, has := forms[s.Name]
		if !has && !s.Required && s.Name != PriceSection && len(b.Files[s.Name]) == 0 {
			continue
		}
		f.Bill = slices.Clone(f.Bill)
		if s.Name == PriceSection {
			f.Price = normal(f.Price)
			if capital, err := money.CapitalAmount(f.Price); err == nil && f.Capital == "" {
				f.Capital = capital
			}
			if f.Deposit != nil {
				f.Deposit = &Deposit{f.Deposit.Form, normal(f.Deposit.Amount)}
			}
		}
		if t.Form != nil && t.Form.Bill != nil && t.Form.Bill.Section == s.Name {
			completeBill(*t.Form.Bill, f.Bill)
		}
		forms[s.Name] = f
	}
	b.Forms = forms
	return b
}

// normal writes an amount with two decimals, and leaves what is none.
func normal(s string) string {
	if d, err := money.Parse(s); err == nil {
		return d.StringFixed(2)
	}
	return s
}

func completeBill(bill Bill, lines []BillLine) {
	items := itemsByCode(bill)
	for i, l := range lines {
		item, known := items[l.Code]
		price, err := money.Parse(l.UnitPrice)
		if !known || err != nil {
			continue
		}
		lines[i].UnitPrice = price.StringFixed(2)
		lines[i].Amount = Amount(bill.Items[item].Quantity, price).StringFixed(2)
	}
}

// Amount is quantity × unit price, half up to two decimals; 0 if the quantity is
// none.
func Amount(of string, unitPrice decimal.Decimal) decimal.Decimal {
	q, _ := quantity(of)
	return q.Mul(unitPrice).Round(2)
}

// Sum adds the amounts of a bill; lines that cannot be read count nothing.
func Sum(lines []BillLine) decimal.Decimal {
	total := decimal.Zero
	for _, l := range lines {
		if a, err := money.Parse(l.Amount); err == nil {
			total = total.Add(a)
		}
	}
	return total
}

func itemsByCode(b Bill) map[string]int {
	out := make(map[string]int, len(b.Items))
	for i, x := range b.Items {
		out[x.Code] = i
	}
	return out
}
