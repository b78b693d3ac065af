package platform_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"jianbiao/bidding/lot"
)

// answer sends a request and gives status and body, whatever they are.
func (c *client) answer(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.site+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// refused checks that a request is refused with the code and a Chinese sentence,
// and gives the problem.
func (c *client) refused(t *testing.T, what, method, path, body string, status int, code string) (fields map[string]string) {
	t.Helper()
	got, raw := c.answer(t, method, path, body)
	var problem struct {
		Code, Detail string
		Fields       map[string]string
	}
	if err := json.Unmarshal([]byte(raw), &problem); err != nil || got != status || problem.Code != code || problem.Detail == "" {
		t.Errorf("%s: %d %s, want %d %s", what, got, raw, status, code)
	}
	return problem.Fields
}

// The attacker with database, files and logs does not learn who asked about a
// lot, nor who objected to it without signing.
func TestSecrecy_AQuestionTellsNobodyWhoAsked(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p, site := quiet(t, &log, nil)
	all := publish(t, p, 4)
	firms := people(t, p, site, 6)
	before := log.Len()
	for i, f := range firms {
		l := all[i%len(all)]
		f.send(t, http.MethodPost, "/api/lots/"+l.ID+"/questions", fmt.Appendf(nil, `{"text":"第 %d 个问题"}`, i), "application/json", nil)
	}
	firms[0].send(t, http.MethodPost, "/api/lots/"+all[3].ID+"/objections", []byte(`{"subject":"工期","text":"工期过短"}`), "application/json", nil)
	for _, part := range []string{"questions", "objections"} {
		if strings.Contains(log.String()[before:], part) {
			t.Errorf("the log has a line about %s", part)
		}
	}
	noJoin(t, dump(t, p, &log), firms, all)
	var mine struct{ Items []struct{ Mine bool } }
	_, raw := firms[0].answer(t, http.MethodGet, "/api/lots/"+all[0].ID+"/questions", "")
	if err := json.Unmarshal([]byte(raw), &mine); err != nil || len(mine.Items) != 1 || !mine.Items[0].Mine {
		t.Errorf("who asked reads %s", raw)
	}
}

// The routes before the deadline over HTTP: what is answered, and what each
// refuses to whom.
func TestDocuments_OverTheWire(t *testing.T) {
	t.Parallel()
	p, site := quiet(t, io.Discard, nil)
	l := publish(t, p, 1)[0]
	in := func(name string) *client { return &client{http: login(t, site, name), site: site} }
	host, stranger, bidder, supervisor := in("buyer1"), in("buyer2"), in("bidder10"), in("supervisor1")
	at := "/api/lots/" + l.ID
	nobody := &client{http: http.DefaultClient, site: site}

	nobody.refused(t, "a question without a login", "POST", at+"/questions", `{"text":"？"}`, 401, "session.none")
	host.refused(t, "a question of the host", "POST", at+"/questions", `{"text":"？"}`, 403, "session.role")
	bidder.refused(t, "an empty question", "POST", at+"/questions", `{"text":" "}`, 422, "question.invalid")
	status, raw := bidder.answer(t, "POST", at+"/questions", `{"text":"工期含节假日吗？"}`)
	var asked struct{ ID string }
	if err := json.Unmarshal([]byte(raw), &asked); err != nil || status != 201 {
		t.Fatalf("%d %s", status, raw)
	}
	if _, raw := nobody.answer(t, "GET", at+"/questions", ""); strings.Contains(raw, "节假日") {
		t.Error("the public reads an open question")
	}
	if _, raw := host.answer(t, "GET", "/api/matters", ""); !strings.Contains(raw, "节假日") {
		t.Errorf("the host's desk: %s", raw)
	}
	if _, raw := stranger.answer(t, "GET", "/api/matters", ""); strings.Contains(raw, "节假日") {
		t.Error("another buyer's desk has it")
	}
	bidder.refused(t, "the check by a bidder", "GET", at+"/clarification", "", 403, "session.role")
	stranger.refused(t, "the check by another buyer", "GET", at+"/clarification", "", 403, "lot.not_yours")
	command := at + "/commands/"
	clarify := fmt.Sprintf(`{"answers":[{"question":%q,"answer":"含。"}],"changes":"工期延长","affectsPreparation":true`, asked.ID)
	bidder.refused(t, "a bidder clarifies", "POST", command+"clarify", clarify+"}", 403, "lot.role")
	stranger.refused(t, "another buyer clarifies", "POST", command+"clarify", clarify+"}", 403, "lot.not_yours")
	host.refused(t, "nonsense", "POST", command+"clarify", `{"to":"明天"}`, 422, "lot.input")
	if status, raw := host.answer(t, "GET", at+"/clarification?affects=true", ""); status != 200 || !strings.Contains(raw, `"rule":"R11-1"`) {
		t.Errorf("%d %s", status, raw)
	}
	if status, raw := host.answer(t, "POST", command+"clarify", clarify+"}"); status != 200 {
		t.Fatalf("%d %s", status, raw)
	}
	if _, raw := nobody.answer(t, "GET", at, ""); !strings.Contains(raw, `"summary":"工期延长"`) || !strings.Contains(raw, `"rule":"R11-1"`) || !strings.Contains(raw, `"documentVersion":2`) {
		t.Errorf("%s", raw)
	}

	nobody.refused(t, "an objection without a login", "POST", at+"/objections", `{"subject":"a","text":"b"}`, 401, "session.none")
	supervisor.refused(t, "an objection of an authority", "POST", at+"/objections", `{"subject":"a","text":"b"}`, 403, "session.role")
	status, raw = bidder.answer(t, "POST", at+"/objections", `{"subject":"评标办法","text":"分值不合理"}`)
	var raised struct{ ID string }
	if err := json.Unmarshal([]byte(raw), &raised); err != nil || status != 201 {
		t.Fatalf("%d %s", status, raw)
	}
	if _, raw := nobody.answer(t, "GET", at, ""); !strings.Contains(raw, `"suspended":true`) || !strings.Contains(raw, `"cause":"objection"`) {
		t.Errorf("not suspended: %s", raw)
	}
	if _, raw := nobody.answer(t, "GET", at+"/objections", ""); strings.Contains(raw, "分值") {
		t.Error("the public reads an open objection")
	}
	supervisor.refused(t, "an order without a number", "POST", command+"suspend", `{"reason":"调查"}`, 422, "lot.order_number")
	host.refused(t, "the host resumes", "POST", command+"resume_lot", `{}`, 412, "lot.order_stands")
	bidder.refused(t, "a bidder answers", "POST", command+"answer_document_objection", fmt.Sprintf(`{"objection":%q,"text":"x"}`, raised.ID), 403, "lot.role")
	if status, raw := host.answer(t, "POST", command+"answer_document_objection", fmt.Sprintf(`{"objection":%q,"text":"符合规定"}`, raised.ID)); status != 200 {
		t.Errorf("%d %s", status, raw)
	}
	if _, raw := nobody.answer(t, "GET", at+"/objections", ""); !strings.Contains(raw, "分值") || !strings.Contains(raw, "符合规定") {
		t.Error("the public does not read the answer")
	}

	host.refused(t, "re-tender of a running lot", "POST", at+"/retender", "", 412, "lot.state")
	bidder.refused(t, "re-tender by a bidder", "POST", at+"/retender", "", 403, "session.role")
	if status, raw := host.answer(t, "POST", command+"terminate", `{"reason":"设计变更"}`); status != 200 {
		t.Fatalf("%d %s", status, raw)
	}
	stranger.refused(t, "re-tender by another buyer", "POST", at+"/retender", "", 403, "lot.not_yours")
	status, raw = host.answer(t, "POST", at+"/retender", "")
	var page struct {
		Lot struct {
			ID          string
			Attempt     int
			Predecessor *lot.Relative
		}
	}
	if err := json.Unmarshal([]byte(raw), &page); err != nil || status != 201 || page.Lot.Attempt != 2 || page.Lot.Predecessor == nil || page.Lot.Predecessor.ID != l.ID {
		t.Fatalf("%d %s", status, raw)
	}
	nobody.refused(t, "the draft of another tender", "GET", "/api/lots/"+page.Lot.ID, "", 404, "lot.not_found")
	host.refused(t, "twice", "POST", at+"/retender", "", 412, "lot.retendered_already")
	if _, raw := nobody.answer(t, "GET", at, ""); !strings.Contains(raw, `"kind":"termination"`) || strings.Contains(raw, page.Lot.ID) {
		t.Errorf("%s", raw)
	}
}
