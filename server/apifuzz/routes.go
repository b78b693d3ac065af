package main

import (
	"encoding/binary"
	"net/http"
)

// care is how far a dangerous operation may be asked: the run has to go on, for
// everybody else who takes part in it.
type care int

const (
	free     care = iota
	stranger      // with ids that belong to nobody, or to people and organisations that this run made
	broken        // with bodies that no description allows
	nobody        // by those who are not logged in only
)

// careful are the operations that would end the run, with the reason.
var careful = map[string]struct {
	care care
	why  string
}{
	"POST /api/rehearsal/clock":                 {broken, "a moved clock ends every session and every term"},
	"POST /api/rehearsal/lease":                 {broken, "who holds the lease holds the clock"},
	"DELETE /api/rehearsal/lease":               {broken, "likewise"},
	"POST /api/rehearsal/runs":                  {broken, "plays a whole opening and moves the clock"},
	"PUT /api/session/password":                 {broken, "the people of the city share one password"},
	"DELETE /api/session":                       {nobody, "logs the fuzzer out"},
	"PUT /api/people/{id}/password":             {stranger, "the people of the city share one password"},
	"POST /api/people/{id}/disable":             {stranger, "who is disabled takes part no more"},
	"POST /api/people/{id}/memberships":         {stranger, "a second administrator's role would be granted to people of the city"},
	"POST /api/people/{id}/memberships/removal": {stranger, "who has no role takes part no more"},
	"POST /api/organisations/{id}/suspension":   {stranger, "nobody acts for a suspended organisation"},
	"PUT /api/account/totp":                     {broken, "a second factor of the city's people would be asked for by every sensitive act"},
	"POST /api/lots/{id}/commands/terminate":    {stranger, "a terminated lot of the city takes nothing any more"},
}

// commands are the commands of lot and opening, each with an input that is nearly right.
var commands = map[string]any{
	"publish":                   object{"saleEnd": "2026-03-10T17:00:00+08:00", "bidDeadline": "2026-04-20T09:30:00+08:00", "noticeTitle": "招标公告", "noticeBody": "公告内容，招标项目概况与要求见招标文件。"},
	"postpone_deadline":         object{"to": "2026-05-12T09:30:00+08:00", "reason": "延期"},
	"record_medium":             object{"number": 1, "medium": "江苏省招标投标公共服务平台", "url": "https://example.com/a", "text": "公告内容", "publishedAt": "2026-03-01T09:00:00+08:00"},
	"clarify":                   object{"answers": []any{}, "changes": "更正", "affectsPreparation": false},
	"answer_document_objection": object{"objection": "00000000-0000-4000-8000-000000000000", "text": "答复"},
	"suspend":                   object{"reason": "暂停", "order": "宿住建〔2026〕1号"},
	"terminate":                 object{"reason": "终止"},
	"resume_lot":                object{}, "start": object{}, "publish_roster": object{}, "start_decrypt": object{}, "close_window": object{}, "announce": object{},
	"open_objections": object{}, "start_confirmation": object{}, "sign_record": object{}, "close": object{}, "close_first": object{}, "resume": object{},
	"reopen_lobby": object{}, "pause": object{"reason": "断网", "outage": true}, "postpone": object{"reason": "推迟"},
	"reconvene": object{"at": "2026-05-12T09:30:00+08:00"}, "review": object{"pass": []any{digest}, "failed": []any{}, "report": "评审报告"},
	"schedule_second": object{"at": "2026-05-12T09:30:00+08:00"}, "cancel_second": object{"reason": "无"}, "answer_objection": object{"objection": "1", "text": "答复"},
	"decide_bid": object{"digest": digest, "outcome": "revoked", "reason": "撤销"}, "remark": object{"text": "备注"}, "check_seal": object{"digest": digest, "signature": "AAAA"},
	"no_objection": object{"digest": digest, "signature": "AAAA"}, "release_part": object{"digest": digest, "signature": "AAAA", "parts": object{"business": "AAAA"}},
	"raise_objection": object{"digest": digest, "signature": "AAAA", "text": "异议"}, "confirm_record": object{"digest": digest, "signature": "AAAA", "recordDigest": digest},
	"report_failure": object{"digest": digest, "reason": "lost", "detail": "丢失"}, "report_missing": object{"receipt": object{}},
	"open_lobby": object{}, "record_cutoff": object{}, "abort_lt3": object{}, "import_bids": object{}, "check_files": object{}, "record_outage": object{}, "no_such_command": object{},
	"ask": object{"text": "问"}, "object_document": object{"subject": "事", "text": "由"}, "retender": object{}, "halt": object{},
}

type object = map[string]any

const digest = "sm3:66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"

const octets = "application/octet-stream"

// undescribed are the routes that OpenAPI does not describe: files, sockets, commands.
func undescribed() []*operation {
	get := func(path string, query ...string) *operation {
		return &operation{method: http.MethodGet, path: path, params: inQuery(query)}
	}
	list := []*operation{
		get("/healthz"), get("/readyz"), get("/metrics"), get("/openapi.json"), get("/"), get("/api"), get("/api/no-such-route"), get("/lots/{id}"),
		get("/api/vault"), get("/api/lots/{id}/document/files/{file}"), get("/api/lots/{id}/hall", "after", "view"), get("/api/lots/{id}/record.pdf", "session"),
		get("/api/organisations/imports/template", "format"), get("/api/organisations/imports/{id}/result.csv"), get("/api/rehearsal/certificates/{kind}"),
		{method: http.MethodHead, path: "/api/uploads/{id}"},
		{method: http.MethodDelete, path: "/api/lots"},
		{method: http.MethodPatch, path: "/api/uploads/{id}", media: octets, samples: files(), headers: []string{"Upload-Offset: 0", "Upload-Digest: " + digest}},
		{method: http.MethodPut, path: "/api/vault", media: octets, samples: files(), headers: []string{`If-Match: "0"`}},
		{method: http.MethodPost, path: "/api/bids", params: inQuery([]string{"upload"}), media: octets, samples: files()},
		{method: http.MethodPost, path: "/api/workbook", media: octets, samples: files()},
		{method: http.MethodPost, path: "/api/lots/{id}/document/files", params: inQuery([]string{"name", "upload"}), media: octets, samples: files()},
		{method: http.MethodPost, path: "/api/organisations/imports/preview", media: octets, samples: files()},
		{method: http.MethodPost, path: "/api/organisations/imports", params: inQuery([]string{"name", "mode"}), media: octets, samples: files()},
	}
	for name, input := range commands {
		list = append(list, &operation{method: http.MethodPost, path: "/api/lots/{id}/commands/" + name, media: "application/json", samples: []any{input}})
	}
	return list
}

func inQuery(names []string) []param {
	out := make([]param, len(names))
	for i, n := range names {
		out[i] = param{Name: n, In: "query", Schema: &schema{Type: kinds{"string"}}}
	}
	return out
}

// files are the beginnings of what people send: right enough to be read on, never whole.
func files() []any {
	envelope := append([]byte("JBENV1\r\n\x01\x01"), binary.BigEndian.AppendUint32(nil, 1<<31)...)
	return []any{
		paper(), []byte{}, []byte("%PDF-1.4\n%fuzz\n%%EOF\n"), []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00"), []byte("MZ\x90\x00"), envelope,
		[]byte("统一社会信用代码,名称,行政区划\n913213002600000038,某单位有限公司,321300\n"), []byte("\xcd\xb3\xd2\xbb,\xc3\xfb\xb3\xc6\n\"a\n"), make([]byte, 70_000),
	}
}
