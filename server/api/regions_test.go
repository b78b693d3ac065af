package api_test

import (
	"encoding/json"
	"net/http"
	"testing"
)

func TestRegions(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for query, want := range map[string][]string{
		"?q=宿迁&level=2":              {"321300"},
		"?q=321302":                  {"321302"},
		"?under=321300&level=3":      {"321302", "321311", "321322", "321323", "321324", "321371"},
		"?level=1&limit=2":           {"110000", "120000"},
		"?q=没有这个地方":                  {},
		"?under=110000&level=2":      {}, // 市辖区 is no place
		"?under=110100&q=东城&level=3": {"110101"},
	} {
		res := s.do(http.DefaultClient, "GET", "/api/regions"+query, nil, nil)
		var body struct {
			Items []struct{ Code, FullName string }
		}
		if err := json.Unmarshal(res.body, &body); err != nil || res.status != 200 {
			t.Fatalf("%s: %d %s", query, res.status, res.body)
		}
		if len(body.Items) != len(want) {
			t.Errorf("%s: %v, want %v", query, body.Items, want)
			continue
		}
		for i := range want {
			if body.Items[i].Code != want[i] {
				t.Errorf("%s: %v, want %v", query, body.Items, want)
			}
		}
	}
	if res := s.do(http.DefaultClient, "GET", "/api/regions?under=3213", nil, nil); res.status != 422 || res.problem(t).Code == "" {
		t.Errorf("four digits: %d %s", res.status, res.body)
	}
}
