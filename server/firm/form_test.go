package firm_test

import (
	"testing"

	"jianbiao/bidding/tenderform"
	"jianbiao/server/firm"
)

func TestPricedAddsUpToThePrice(t *testing.T) {
	t.Parallel()
	bill := tenderform.Bill{Items: []tenderform.BillItem{{Code: "a", Quantity: "42350.5"}, {Code: "b", Quantity: "3"}, {Code: "c", Quantity: "1"}}}
	lines, err := firm.Priced(bill, "45600000.01")
	if err != nil || tenderform.Sum(lines).StringFixed(2) != "45600000.01" {
		t.Errorf("%+v, %v", lines, err)
	}
}
