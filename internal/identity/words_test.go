package identity_test

import (
	"strings"
	"testing"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/identity"
)

func TestCheckUSCC(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"91350100M000100Y43":      true, // the example of GB 32100-2015
		"9144030071526726XG":      true,
		"914403001922038216":      true,
		"91350100M000100Y34":      false, // two characters changed places
		"91350100M000100Y44":      false,
		"91350100M000100y43":      false,
		"91350100I000100Y43":      false, // I is not in the alphabet
		"913501O0M000100Y43":      false, // the letter O for zero
		"91350100M000100Y4":       false,
		"":                        false,
		"91350100M000100Y43 ":     false,
		"9135010０M000100Y4":       false,
		"91A50100M000100Y4" + "3": false,
	} {
		err := identity.CheckUSCC(code)
		if (err == nil) != want {
			t.Errorf("%q: %v", code, err)
		}
		if err != nil {
			e, _ := apperr.From(err)
			if apperr.CodeOf(err) != "organisation.uscc" || e.Fields["uscc"] == "" || e.Basis == "" {
				t.Errorf("%q: %+v", code, e)
			}
		}
	}
}

// Every change of one character is noticed: that is what the check character is for.
func TestCheckUSCC_noticesEveryWrongCharacter(t *testing.T) {
	t.Parallel()
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	good := identity.MakeUSCC("91321302MA1XY8K3T")
	if err := identity.CheckUSCC(good); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for _, r := range alphabet {
			bad := good[:i] + string(r) + good[i+1:]
			if err := identity.CheckUSCC(bad); (err == nil) != (bad == good) {
				t.Errorf("%s: %v", bad, err)
			}
		}
	}
}

func TestRegion(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"320000": "江苏省", "321300": "江苏省宿迁市", "321302": "江苏省宿迁市宿城区", "110101": "北京市东城区",
		"429004": "湖北省仙桃市", "000000": "", "32": "", "999999": "",
	} {
		p, ok := identity.Region(code)
		if ok != (want != "") || p.FullName() != want {
			t.Errorf("%s: %q %t, want %q", code, p.FullName(), ok, want)
		}
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		region, scope string
		want          bool
	}{
		{"321302", "321302", true}, {"321302", "321300", true}, {"321302", "320000", true}, {"321300", "320000", true},
		{"321300", "321302", false}, {"320000", "321300", false}, {"320100", "321300", false}, {"110101", "321300", false},
		{"321302", "000000", false}, {"321302", "", false}, {"", "321300", false}, {"321302", "32", false},
	} {
		if got := identity.Within(tc.region, tc.scope); got != tc.want {
			t.Errorf("%s in %s: %t", tc.region, tc.scope, got)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	p, _ := h.person(actor.Buyer)
	for pass, want := range map[string]bool{
		"Abcdef123x":                         true,
		"abcdefghij":                         false, // one class
		"abcdefghi1":                         false, // two
		"correct horse battery staple":       true,  // long
		"开标大厅-Kb26x":                         true,
		"Ab1!":                               false,
		"Aaaaa12345":                         false, // four in a row
		"Password-2026":                      false,
		"My-" + p.Login + "-X1":              false,
		"Tab\tInside12":                      false,
		"Ab1" + strings.Repeat("xy", 63):     false, // 129 characters
		"Ab1" + strings.Repeat("xy", 62):     true,
		string([]byte{0xff}) + "Abcdefg1234": false,
	} {
		err := h.SetPassword(ctx, conductor, p.ID, pass)
		if (err == nil) != want || err != nil && apperr.CodeOf(err) != "person.password_weak" {
			t.Errorf("%q: %v", pass, err)
		}
	}
}
