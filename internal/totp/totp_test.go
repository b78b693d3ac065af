package totp_test

import (
	"strings"
	"testing"
	"time"

	"jianbiao/internal/totp"
)

// RFC 6238, appendix B, SHA-1.
func TestCode_RFC6238(t *testing.T) {
	t.Parallel()
	for at, want := range map[int64]string{59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924",
		2000000000: "69279037", 20000000000: "65353130"} {
		if got := totp.Code([]byte("12345678901234567890"), totp.Step(time.Unix(at, 0)), 8); got != want {
			t.Errorf("%d: %s, want %s", at, got, want)
		}
	}
}

// RFC 4226, appendix D.
func TestCode_RFC4226(t *testing.T) {
	t.Parallel()
	for n, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := totp.Code([]byte("12345678901234567890"), int64(n), 6); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestCheck_oneStepEachWay(t *testing.T) {
	t.Parallel()
	secret, err := totp.NewSecret()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_015, 0)
	for shift, want := range map[int64]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		code := totp.Code(secret, totp.Step(now)+shift, totp.Digits)
		n, ok := totp.Check(secret, code[:3]+" "+code[3:], now)
		if ok != want || ok && n != totp.Step(now)+shift {
			t.Errorf("shift %d: %v at %d", shift, ok, n)
		}
	}
	for _, bad := range []string{"", "12345", "1234567", "abcdef"} {
		if _, ok := totp.Check(secret, bad, now); ok {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	got, ok := totp.ParseText(strings.ToLower(totp.Text(secret)))
	if !ok || string(got) != string(secret) {
		t.Errorf("%q, %v", got, ok)
	}
	for _, bad := range []string{"", "AAAA", "1" + totp.Text(secret)[1:]} {
		if _, ok := totp.ParseText(bad); ok {
			t.Errorf("%q is a secret", bad)
		}
	}
	uri := totp.URI(secret, "见标", "agency1")
	if !strings.HasPrefix(uri, "otpauth://totp/") || !strings.Contains(uri, "secret="+totp.Text(secret)) || strings.Contains(uri, "+") {
		t.Error(uri)
	}
}
