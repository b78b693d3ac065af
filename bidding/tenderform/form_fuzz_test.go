package tenderform_test

import (
	"testing"

	"jianbiao/bidding/tenderform"
)

// FuzzDecodeForm: the form of an opened section comes from a bidder's machine.
func FuzzDecodeForm(f *testing.F) {
	f.Add("price", []byte(`{"price":"45600000.00","capital":"肆仟伍佰陆拾万元整","durationDays":300,"values":{"a":"b"},"bill":[{"code":"1","unitPrice":"1","amount":"1"}]}`))
	f.Add("technical", []byte(`{}`))
	f.Add("price", []byte(`{"price":null,"bill":{}}`))
	f.Fuzz(func(_ *testing.T, section string, raw []byte) {
		_, _ = tenderform.DecodeForm(section, raw)
	})
}
