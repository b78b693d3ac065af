package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// finding is an answer that must not be. Its key tells findings apart.
type finding struct {
	key, asked, answered string
	count                int
}

// asked is one request, for the report.
type asked struct {
	o      *operation
	who    *person
	method string
	path   string
	header http.Header
	body   []byte
}

func (a asked) String() string {
	body := a.body
	if len(body) > 600 {
		body = body[:600]
	}
	return fmt.Sprintf("%s %s as %s %v\n%q", a.method, a.path, a.who.who(), a.header, body)
}

type problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Title  string `json:"title"`
	Trace  string `json:"trace"`
}

var codeForm = regexp.MustCompile(`^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$`)

// judge looks at one answer and tells what is wrong with it, in words that tell findings apart.
func judge(a asked, res *http.Response, body []byte, marks []mark) []string {
	wrong := betrayed(a, res, body, marks)
	kind := strings.TrimSpace(strings.Split(res.Header.Get("Content-Type"), ";")[0])
	switch {
	case res.StatusCode >= http.StatusBadRequest:
		wrong = append(wrong, refusal(a, res, kind, body)...)
	case a.o.answers == nil || a.method != a.o.method:
	case !a.o.answers[fmt.Sprint(res.StatusCode)]:
		wrong = append(wrong, fmt.Sprintf("status %d is not described", res.StatusCode))
	case res.StatusCode != http.StatusNoContent:
		wrong = append(wrong, described200(a, kind, body)...)
	}
	return wrong
}

// betrayed are the marks that the answer carries and that this person may not know.
func betrayed(a asked, res *http.Response, body []byte, marks []mark) []string {
	var wrong []string
	var head bytes.Buffer
	_ = res.Header.Write(&head) // a buffer takes everything
	for _, m := range marks {
		text := []byte(m.text)
		if !bytes.Contains(body, text) && !bytes.Contains(head.Bytes(), text) {
			continue
		}
		if !m.may(a.who) && !bytes.Contains(a.body, text) && !strings.Contains(a.path, m.text) {
			wrong = append(wrong, "tells "+m.what+" to "+a.who.Role)
		}
	}
	return wrong
}

func refusal(a asked, res *http.Response, kind string, body []byte) []string {
	if a.method == http.MethodHead {
		if res.StatusCode >= http.StatusInternalServerError {
			return []string{fmt.Sprintf("status %d", res.StatusCode)}
		}
		return nil
	}
	if res.StatusCode == http.StatusServiceUnavailable && a.o.path == "/readyz" {
		return nil
	}
	var p problem
	if err := json.Unmarshal(body, &p); err != nil || kind != "application/problem+json" {
		return []string{fmt.Sprintf("status %d is no problem but %q", res.StatusCode, kind)}
	}
	var wrong []string
	if res.StatusCode >= http.StatusInternalServerError && res.StatusCode != http.StatusServiceUnavailable {
		wrong = append(wrong, fmt.Sprintf("status %d %s", res.StatusCode, p.Code))
	}
	if p.Status != res.StatusCode || !codeForm.MatchString(p.Code) || p.Trace == "" {
		wrong = append(wrong, fmt.Sprintf("the problem is not whole: %d, code %q, trace %q", p.Status, p.Code, p.Trace))
	}
	if !chinese(p.Detail) || !chinese(p.Title) {
		wrong = append(wrong, "the problem "+p.Code+" is not told in Chinese")
	}
	return wrong
}

func chinese(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) }) >= 0
}

// described200 holds a right answer against its description, as far as its members go.
func described200(a asked, kind string, body []byte) []string {
	if kind != "application/json" {
		return []string{"the answer is " + kind}
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return []string{"the answer is no JSON object"}
	}
	for _, name := range a.o.required {
		if _, ok := members[name]; !ok {
			return []string{"the answer lacks " + name}
		}
	}
	return nil
}

// foreign are answers that belong to somebody else: another's session, another's projects. An upload belongs
// to whoever knows its id (docs/adr/0015-resumable-uploads.md): here everybody does.
func foreign(a asked, status int, body []byte) []string {
	if status >= 300 || a.who.Login == "" || a.method != a.o.method {
		return nil
	}
	switch {
	case a.o.name() == "GET /api/session":
		var s struct {
			Person struct {
				Login string `json:"login"`
			} `json:"person"`
		}
		if json.Unmarshal(body, &s) != nil || s.Person.Login != a.who.Login {
			return []string{"the session of " + s.Person.Login}
		}
	case a.o.name() == "GET /api/projects" && slices.Contains([]string{"buyer1", "buyer2"}, a.who.Login):
		var page struct {
			Items []struct {
				Buyer string `json:"buyer"`
			} `json:"items"`
		}
		if json.Unmarshal(body, &page) != nil {
			return []string{"the projects cannot be read"}
		}
		for _, x := range page.Items {
			if x.Buyer != a.who.Organisation {
				return []string{"the project of another buyer"}
			}
		}
	}
	return nil
}
