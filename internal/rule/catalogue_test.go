package rule_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jianbiao/internal/apperr"
	"jianbiao/internal/rule"
	"jianbiao/internal/workday"
)

var today = workday.Date(2026, 3, 2)

func TestDefault_isWhole(t *testing.T) {
	t.Parallel()
	c := rule.Default()
	if got := len(c.Matters()); got != 40 {
		t.Errorf("%d matters", got)
	}
	codes := map[string]bool{}
	for _, r := range c.Rules() {
		codes[r.Code] = true
		if got, err := c.RuleOn(r.Code, today); err != nil || got.Code != r.Code {
			t.Errorf("%s is not in force on %s: %v", r.Code, today, err)
		}
		if r.HasPeriod() {
			if _, err := rule.Compute(workday.Default(), r.Query(today.Start())); err != nil {
				t.Errorf("%s: %v", r.Code, err)
			}
		}
		for _, article := range r.Basis {
			if strings.HasPrefix(article, "实施条例") || strings.HasPrefix(article, "招标投标法") || strings.Contains(article, "种子") {
				t.Errorf("%s cites %q, not a full title", r.Code, article)
			}
		}
	}
	if len(codes) != 120 {
		t.Errorf("%d rules", len(codes))
	}
	used := map[string]bool{}
	for _, r := range c.Rules() {
		used[r.Matter] = true
	}
	for _, m := range c.Matters() {
		if !used[m.Code] {
			t.Errorf("%s has no rule", m.Code)
		}
	}
}

// TestDefault_corrections holds what the review of the rules settled.
func TestDefault_corrections(t *testing.T) {
	t.Parallel()
	gov := "《中华人民共和国政府采购法实施条例》"
	for code, article := range map[string]string{
		"R02-3": gov, "R02-4": gov, "R04-2": gov, "R12-5": gov, "R33-3": gov, "R40-2": gov,
		"R16-3": "《电子招标投标办法》（国家发展改革委等八部委令2013年第20号）第二十七条",
		"R28-2": "《政府采购货物和服务招标投标管理办法》（财政部令第87号）第五十一条",
		"R12-2": "《中华人民共和国招标投标法实施条例》第二十二条",
	} {
		if got := known(t, code).Article(); !strings.Contains(got, article) {
			t.Errorf("%s stands on %s, want %s", code, got, article)
		}
	}
	if known(t, "R04-2").Confidence == "T" {
		t.Error("R04-2 claims a text that was read")
	}
	if got := known(t, "R20-3").Until; got != "winner.determined" {
		t.Errorf("R20-3 ends with %s", got)
	}
	if len(known(t, "R18-1").Exceptions) == 0 {
		t.Error("R18-1 forgets the consultation with two suppliers")
	}
	var publicity []string
	for _, r := range rule.Default().Rules() {
		if r.Mode != "" {
			publicity = append(publicity, r.Code+" "+string(r.Mode))
		}
	}
	if diff := cmp.Diff([]string{"R02-4 PUBLICITY", "R06-4 PUBLICITY", "R32-2 PUBLICITY", "R34-3 PUBLICITY"}, publicity); diff != "" {
		t.Error(diff)
	}
	d := rule.Default().Dictionary()
	for _, name := range []string{"cutoff.recorded", "part.released", "decrypt.window_closed", "lot.suspended", "lot.resumed", "result_notice.published", "bid.deadline", "notice.hash_equal"} {
		if !d.Has(name) {
			t.Errorf("the dictionary lacks %s", name)
		}
	}
	if d.Has("opening.begun") {
		t.Error("the dictionary has everything")
	}
}

func TestCatalogue_lookup(t *testing.T) {
	t.Parallel()
	codes := func(rules []rule.Rule) (out []string) {
		for _, r := range rules {
			out = append(out, r.Code)
		}
		return out
	}
	c := rule.Default()
	if diff := cmp.Diff([]string{"R09-1", "R11-1", "R12-2"}, codes(c.ByUntil("bid.deadline", rule.Engineering, today))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"R39-2", "R40-1"}, codes(c.ByFrom("complaint.received", rule.Engineering, today))); diff != "" {
		t.Error(diff)
	}
	if got := c.ByUntil("bid.deadline", rule.Engineering, workday.Date(1999, 1, 1)); len(got) != 0 {
		t.Errorf("before the law there is %v", codes(got))
	}
	if _, err := c.Rule("R99-1"); apperr.CodeOf(err) != "rule.unknown" || apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("an unknown rule gives %v", err)
	}
	if _, err := c.RuleOn("R09-1", workday.Date(1999, 1, 1)); apperr.CodeOf(err) != "rule.not_in_force" {
		t.Errorf("a rule before its law gives %v", err)
	}
	if !strings.HasPrefix(c.Digest(), "sha256:") || c.Version() == "" {
		t.Errorf("version %q, digest %q", c.Version(), c.Digest())
	}
}

// edit gives the built-in catalogue with one change to its JSON.
func edit(t testing.TB, change func(file map[string]any, rules []any)) []byte {
	t.Helper()
	data, err := os.ReadFile("data/catalogue.json")
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	change(file, file["rules"].([]any))
	out, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestParse_aChangeOfTheLawIsANewRow(t *testing.T) {
	t.Parallel()
	data := edit(t, func(file map[string]any, rules []any) {
		for _, r := range rules {
			if row := r.(map[string]any); row["code"] == "R09-1" {
				newer := map[string]any{}
				for k, v := range row {
					newer[k] = v
				}
				row["effective_to"], newer["effective_from"], newer["n"] = "2026-12-31", "2027-01-01", 15
				file["rules"] = append(rules, newer)
			}
		}
	})
	c, err := rule.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for date, want := range map[workday.Day]int{workday.Date(2026, 12, 31): 20, workday.Date(2027, 1, 1): 15} {
		if r, err := c.RuleOn("R09-1", date); err != nil || r.N != want {
			t.Errorf("on %s it is %d days (%v), want %d", date, r.N, err, want)
		}
	}
	if r, err := c.Rule("R09-1"); err != nil || r.N != 15 {
		t.Errorf("the newest row has %d days (%v)", r.N, err)
	}
}

func TestParse_refusals(t *testing.T) {
	t.Parallel()
	set := func(code, field string, value any) []byte {
		return edit(t, func(_ map[string]any, rules []any) {
			for _, r := range rules {
				if row := r.(map[string]any); row["code"] == code {
					row[field] = value
				}
			}
		})
	}
	whole := edit(t, func(map[string]any, []any) {})
	for name, data := range map[string][]byte{
		"not JSON":      []byte("规则"),
		"trailing":      append(bytes.Clone(whole), "{}"...),
		"huge":          bytes.Repeat([]byte(" "), 5<<20),
		"no schema":     edit(t, func(f map[string]any, _ []any) { delete(f, "schema") }),
		"no rules":      edit(t, func(f map[string]any, _ []any) { f["rules"] = []any{} }),
		"unknown field": edit(t, func(f map[string]any, _ []any) { f["extra"] = 1 }),
		"bad name":      edit(t, func(f map[string]any, _ []any) { f["dictionary"].(map[string]any)["facts"] = []any{"Nonsense"} }),
		"bad matter":    edit(t, func(f map[string]any, _ []any) { f["matters"].([]any)[0].(map[string]any)["code"] = "M2" }),
		"overlap":       edit(t, func(f map[string]any, rules []any) { f["rules"] = append(rules, rules[0]) }),
		"code":          set("R09-1", "code", "9"),
		"matter":        set("R09-1", "matter", "M77"),
		"domain":        set("R09-1", "domain", "EU"),
		"name":          set("R09-1", "name", ""),
		"kind":          set("R09-1", "kind", "SOON"),
		"unit":          set("R09-1", "unit", "PCT"),
		"negative":      set("R09-1", "n", -1),
		"absurd":        set("R09-1", "n", 3661),
		"zero":          set("R09-1", "n", 0),
		"gate with n":   set("R01-1", "n", 3),
		"percent":       set("R13-1", "n", 101),
		"mode":          set("R09-1", "mode", "LOOSE"),
		"mode of a MAX": set("R12-3", "mode", "PUBLICITY"),
		"from":          set("R09-1", "from", "nobody.knows"),
		"until":         set("R09-1", "until", ""),
		"limit":         set("R33-1", "limit", "nobody.knows"),
		"no limit":      set("R33-1", "limit", ""),
		"also_from":     set("R40-1", "also_from", "nobody.knows"),
		"part":          set("R13-1", "part", ""),
		"counted":       set("R18-1", "counted", ""),
		"share":         set("R19-1", "expert_share", "most"),
		"odd period":    set("R09-1", "odd", true),
		"basis":         set("R09-1", "basis", []any{}),
		"empty basis":   set("R09-1", "basis", []any{""}),
		"conf":          set("R09-1", "conf", "X"),
		"num_source":    set("R09-1", "num_source", "guess"),
		"no start":      set("R09-1", "effective_from", "1970-01-01"),
		"bad date":      set("R09-1", "effective_from", "2026-02-30"),
		"ends early":    set("R09-1", "effective_to", "1999-01-01"),
	} {
		_, err := rule.Parse(data)
		e, ok := apperr.From(err)
		if !ok || e.Code != "rule.bad_catalogue" || e.Kind != apperr.Invalid || !chinese(e.Detail) {
			t.Errorf("%s gives %v", name, err)
		}
	}
	if _, err := rule.Parse(whole); err != nil {
		t.Errorf("the unchanged catalogue gives %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"schema":"jianbiao/catalogue/1","version":"1","dictionary":{"events":["a.b","c.d"],"milestones":[],"facts":[]},` +
		`"matters":[{"code":"M01","id":"x","name":"x","stage":"x"}],"rules":[{"code":"R01-1","matter":"M01","domain":"ENG","name":"x","kind":"MAX","n":3,` +
		`"unit":"CD","from":"a.b","until":"c.d","warn":"","basis":["x"],"conf":"T","num_source":"law","effective_from":"2000-01-01"}]}`))
	f.Add([]byte(`{"schema":"jianbiao/catalogue/1","version":"1","rules":[{}]}`))
	f.Add([]byte(`{}`))
	f.Add(edit(f, func(file map[string]any, rules []any) { file["rules"] = rules[:8] }))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := rule.Parse(data)
		if err != nil {
			if apperr.CodeOf(err) != "rule.bad_catalogue" {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		for _, r := range c.Rules() {
			if _, err := c.Rule(r.Code); err != nil {
				t.Fatal(err)
			}
			if _, err := rule.Compute(workday.Default(), r.Query(today.Start())); err != nil && apperr.KindOf(err) != apperr.Invalid {
				t.Fatalf("%s: %v", r.Code, err)
			}
		}
	})
}
