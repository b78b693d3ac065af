package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
)

func answer(status int, kind string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}}
}

// Each fault that the run is there for is found, and a right answer is not.
func TestJudge(t *testing.T) {
	t.Parallel()
	const good = `{"status":404,"code":"lot.not_found","title":"没有找到","detail":"没有这个标段。","trace":"1"}`
	o := &operation{method: "GET", path: "/api/lots/{id}", answers: map[string]bool{"200": true}, required: []string{"lot"}}
	marks := []mark{{"a vault", "FMvault1", only("bidder1")}}
	tests := []struct {
		name, who string
		status    int
		kind      string
		body      string
		want      []string
	}{
		{"right", "bidder2", 200, "application/json", `{"lot":{}}`, nil},
		{"a member is missing", "bidder2", 200, "application/json", `{}`, []string{"the answer lacks lot"}},
		{"another status", "bidder2", 201, "application/json", `{"lot":{}}`, []string{"status 201 is not described"}},
		{"refused", "bidder2", 404, "application/problem+json", good, nil},
		{"fault", "bidder2", 500, "application/problem+json", `{"status":500,"code":"server.error","title":"平台出错","detail":"平台出了问题。","trace":"1"}`, []string{"status 500 server.error"}},
		{"busy", "bidder2", 503, "application/problem+json", `{"status":503,"code":"storage.full","title":"暂时不能处理","detail":"空间不足。","trace":"1"}`, nil},
		{"not a problem", "bidder2", 404, "text/plain", "not found", []string{`status 404 is no problem but "text/plain"`}},
		{"English", "bidder2", 400, "application/problem+json", `{"status":400,"code":"request.malformed","title":"请求有误","detail":"bad request","trace":"1"}`, []string{"the problem request.malformed is not told in Chinese"}},
		{"no code", "bidder2", 400, "application/problem+json", `{"status":400,"title":"请求有误","detail":"有误","trace":"1"}`, []string{`the problem is not whole: 400, code "", trace "1"`}},
		{"its owner's", "bidder1", 200, "application/json", `{"lot":{"name":"FMvault1"}}`, nil},
		{"somebody else's", "bidder2", 200, "application/json", `{"lot":{"name":"FMvault1"}}`, []string{"tells a vault to bidder"}},
		{"somebody else's in a refusal", "bidder2", 404, "application/problem+json", `{"status":404,"code":"lot.not_found","title":"没有找到","detail":"没有FMvault1","trace":"1"}`, []string{"tells a vault to bidder"}},
	}
	for _, tt := range tests {
		a := asked{o: o, who: &person{Login: tt.who, Role: "bidder"}, method: "GET", path: "/api/lots/1"}
		if got := judge(a, answer(tt.status, tt.kind), []byte(tt.body), marks); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// The session of another is found, also when everything else about the answer is right.
func TestForeign_anotherSession(t *testing.T) {
	t.Parallel()
	a := asked{o: &operation{method: "GET", path: "/api/session"}, who: &person{Login: "buyer1"}, method: "GET"}
	if got := foreign(a, 200, []byte(`{"person":{"login":"buyer2"}}`)); len(got) != 1 {
		t.Errorf("another's session: %q", got)
	}
	if got := foreign(a, 200, []byte(`{"person":{"login":"buyer1"}}`)); len(got) != 0 {
		t.Errorf("one's own session: %q", got)
	}
}

// Inputs are right often enough to come past the description, and the same seed makes the same ones.
func TestGenerator_rightAndBroken(t *testing.T) {
	t.Parallel()
	d := &description{schemas: map[string]*schema{"In": {Type: kinds{"object"}, Required: []string{"n", "kind"},
		Properties: map[string]*schema{"n": {Type: kinds{"integer"}}, "kind": {Type: kinds{"string"}, Enum: []any{"a", "b"}}}}}}
	o := &operation{body: &schema{Ref: "#/components/schemas/In"}}
	produce := func() (bodies []string, rightOnes int) {
		g := &generator{Rand: rand.New(rand.NewPCG(1, 2)), d: d, ids: newPool()}
		for range 500 {
			raw := g.body(o)
			bodies = append(bodies, string(raw))
			var in struct {
				N    *float64 `json:"n"`
				Kind string   `json:"kind"`
			}
			if json.Unmarshal(raw, &in) == nil && in.N != nil && (in.Kind == "a" || in.Kind == "b") {
				rightOnes++
			}
		}
		return bodies, rightOnes
	}
	first, right := produce()
	again, _ := produce()
	if right < 150 || right > 450 || !slices.Equal(first, again) {
		t.Errorf("%d of 500 are right; the same again: %v", right, slices.Equal(first, again))
	}
}

// A mutation never changes what it was given to begin with: samples serve all workers.
func TestMutate_leavesSamplesAlone(t *testing.T) {
	t.Parallel()
	before := fmt.Sprint(others)
	g := &generator{Rand: rand.New(rand.NewPCG(3, 4)), ids: newPool()}
	sample := object{"a": []any{object{"b": "c"}}}
	for range 2000 {
		g.mutate(g.mutate(g.mutate(clone(sample))))
	}
	after := fmt.Sprint(others)
	if text, _ := json.Marshal(sample); string(text) != `{"a":[{"b":"c"}]}` || before != after {
		t.Errorf("a sample became %s, the others %s", text, after)
	}
}

// What may not be asked is held back by an operation that there is.
func TestCareful_hasReasons(t *testing.T) {
	t.Parallel()
	for name, c := range careful {
		if c.care == free || c.why == "" {
			t.Errorf("%s: no reason", name)
		}
	}
}
