package platform_test

import (
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/server/api"
	"jianbiao/server/operate"
	"jianbiao/server/platform"
	"jianbiao/server/rehearse"
)

// The page about the interface names every route with its method, and no other;
// and every command.
func TestDocuments_EveryRouteAndCommandIsDescribed(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	described := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| ([A-Z, ]+) `([^`]+)`").FindAllStringSubmatch(page, -1) {
		for _, method := range strings.Split(m[1], ", ") {
			described[method+" "+m[2]] = true
		}
	}
	a := api.New(api.Deps{Log: slog.Default()})
	api.RegisterTrade(a, api.Trade{})
	api.RegisterLive(a, nil)
	operate.New().Register(a)
	rehearse.NewRuns(t.Context(), "", slog.Default()).Register(&platform.Platform{API: a})
	for _, r := range a.Routes() {
		key := r.Method + " " + r.Path
		if !described[key] {
			t.Errorf("docs/API.md does not describe %s", key)
		}
		delete(described, key)
	}
	for key := range described {
		t.Errorf("docs/API.md describes %s, which is no route", key)
	}
	// The transactions of other commands give these.
	inner := []string{"set_document", "add_file", "cut_off", "fail", "open"}
	for _, labels := range []map[string]string{lot.Commands, opening.Commands} {
		for c := range labels {
			if !slices.Contains(inner, c) && !strings.Contains(page, "`"+c+"`") {
				t.Errorf("docs/API.md does not describe the command %s", c)
			}
		}
	}
}
