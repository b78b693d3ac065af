package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"jianbiao/server/api"
)

// X-Forwarded-For is believed of the proxies that are named, and of nobody else.
func TestAddressBehind(t *testing.T) {
	t.Parallel()
	if api.AddressBehind(nil) != nil {
		t.Error("without proxies a header is believed")
	}
	find := api.AddressBehind([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8::/32")})
	for _, tc := range []struct{ from, header, want string }{
		{"127.0.0.1:5", "203.0.113.9", "203.0.113.9"},
		{"127.0.0.1:5", "6.6.6.6, 203.0.113.9", "203.0.113.9"},
		{"127.0.0.1:5", "6.6.6.6, 203.0.113.9, 10.1.2.3", "203.0.113.9"},
		{"203.0.113.7:5", "6.6.6.6", "203.0.113.7"},
		{"192.168.1.1:5", "6.6.6.6", "192.168.1.1"},
		{"[2001:db8::1]:5", "203.0.113.9", "203.0.113.9"},
		{"127.0.0.1:5", "", "127.0.0.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = tc.from
		if tc.header != "" {
			r.Header.Set("X-Forwarded-For", tc.header)
		}
		if got := find(r); got != tc.want {
			t.Errorf("%s with %q is %s, want %s", tc.from, tc.header, got, tc.want)
		}
	}
}
