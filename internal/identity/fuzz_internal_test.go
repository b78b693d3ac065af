package identity

import (
	"bytes"
	"testing"
)

// FuzzDevice: no device cookie is known but one that was given for the login.
func FuzzDevice(f *testing.F) {
	s := &Service{devices: derive(bytes.Repeat([]byte{7}, 32), "device")}
	given := "nonce." + s.deviceMAC("bidder1", "nonce") // the same in every process of the fuzzer
	f.Add("bidder1", given)
	f.Add("bidder2", given)
	f.Add("bidder1", given+".")
	f.Add("", ".")
	f.Fuzz(func(t *testing.T, login, device string) {
		if s.knowsDevice(login, device) != (login == "bidder1" && device == given) {
			t.Errorf("login %q, device %q", login, device)
		}
		_ = normalLogin(login)
		_ = checkLogin(login)
	})
}

// FuzzUSCC: whatever is typed as a credit code (统一社会信用代码).
func FuzzUSCC(f *testing.F) {
	f.Add("91321300134567890X")
	f.Add("９１３２１３００MA1000001X")
	f.Add("")
	f.Fuzz(func(t *testing.T, code string) {
		if CheckUSCC(code) == nil && len(code) != 18 {
			t.Errorf("%q is taken for a code", code)
		}
	})
}
