package firm

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"jianbiao/bidding/tenderform"
	"jianbiao/internal/money"
)

// forms fills in the document's form with what a diligent invented bidder
// writes, by section.
func (o Offer) forms(sections []string) (map[string]json.RawMessage, error) {
	capital, err := money.CapitalAmount(o.Price)
	if err != nil {
		return nil, err
	}
	filled := map[string]tenderform.SectionForm{}
	for _, name := range sections {
		filled[name] = tenderform.SectionForm{}
	}
	filled[tenderform.PriceSection] = tenderform.SectionForm{Price: o.Price, Capital: capital, DurationDays: o.Duration, Quality: o.Quality, Manager: o.Manager,
		Deposit: &tenderform.Deposit{Form: o.DepositForm, Amount: o.DepositAmount}}
	if o.Form != nil {
		if err := o.fill(filled); err != nil {
			return nil, err
		}
	}
	out := map[string]json.RawMessage{}
	for name, f := range filled {
		if out[name], err = json.Marshal(f); err != nil {
			return nil, fmt.Errorf("form of %s: %w", name, err)
		}
	}
	return out, nil
}

func (o Offer) fill(filled map[string]tenderform.SectionForm) error {
	for _, x := range o.Form.Fields {
		f := filled[x.Section]
		if f.Values == nil {
			f.Values = map[string]string{}
		}
		f.Values[x.Name] = value(x)
		filled[x.Section] = f
	}
	for _, a := range o.Form.Attachments {
		f, files := filled[a.Section], o.Files[a.Section]
		if len(files) == 0 {
			continue
		}
		if f.Attachments == nil {
			f.Attachments = map[string][]string{}
		}
		f.Attachments[a.Name] = []string{files[0].Name}
		filled[a.Section] = f
	}
	if b := o.Form.Bill; b != nil {
		lines, err := Priced(*b, o.Price)
		if err != nil {
			return err
		}
		f := filled[b.Section]
		f.Bill = lines
		filled[b.Section] = f
	}
	return nil
}

func value(x tenderform.Field) string {
	if x.Kind == tenderform.KindChoice {
		return x.Options[0]
	}
	return map[string]string{tenderform.KindText: strings.TrimSpace(x.Label) + "（虚构）", tenderform.KindAmount: "1000000.00", tenderform.KindInteger: "12",
		tenderform.KindDate: "2015-06-01", tenderform.KindYesNo: "yes"}[x.Kind]
}

// Priced prices the items of a bill so that they add up to the price: an equal
// share each, and the rest on the last item, whose quantity should be 1.
func Priced(b tenderform.Bill, price string) ([]tenderform.BillLine, error) {
	left, err := money.Parse(price)
	if err != nil {
		return nil, err
	}
	share := left.Div(decimal.NewFromInt(int64(len(b.Items)))).Truncate(2)
	lines := make([]tenderform.BillLine, len(b.Items))
	for i, x := range b.Items {
		quantity, err := decimal.NewFromString(x.Quantity)
		if err != nil {
			return nil, fmt.Errorf("quantity of %s: %w", x.Code, err)
		}
		unit := share.Div(quantity).Truncate(2)
		if i == len(b.Items)-1 {
			unit = left.DivRound(quantity, 2)
		}
		amount := tenderform.Amount(x.Quantity, unit)
		left = left.Sub(amount)
		lines[i] = tenderform.BillLine{Code: x.Code, UnitPrice: unit.StringFixed(2), Amount: amount.StringFixed(2)}
	}
	return lines, nil
}
