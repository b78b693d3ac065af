package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
)

// person is somebody with a session, or, without a login, one of the public.
type person struct {
	Login        string `json:"login"`
	Role         string `json:"role"`
	Organisation string `json:"organisation"`
	Password     string `json:"password"`

	mu      sync.Mutex
	cookie  string
	tag     string              // of the last answer that had one (ETag)
	secret  bool                // signs nothing in the run: the host would be told who he is
	useless map[*operation]bool // refused for the role: asked seldom
}

func (p *person) who() string {
	if p.Login == "" {
		return "public"
	}
	return p.Role + " " + p.Login
}

// call is a plain JSON request of the preparation; every refusal is an error.
func (p *person) call(ctx context.Context, base, method, path string, in, out any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return p.send(ctx, base, method, path, http.Header{"Content-Type": {"application/json"}}, raw, out)
}

func (p *person) send(ctx context.Context, base, method, path string, header http.Header, raw []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header = header
	if cookie := p.session(); cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s as %s: %d %s", method, path, p.who(), res.StatusCode, answer)
	}
	p.keep(res)
	p.tag = res.Header.Get("ETag")
	if out == nil {
		return nil
	}
	if file, ok := out.(*[]byte); ok {
		*file = answer
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func (p *person) session() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cookie
}

// keep takes a new session, as a browser would.
func (p *person) keep(res *http.Response) {
	for _, c := range res.Cookies() {
		if c.Name == "jianbiao_session" && c.Value != "" && p.Login != "" {
			p.mu.Lock()
			p.cookie = c.Name + "=" + c.Value
			p.mu.Unlock()
		}
	}
}

func (p *person) login(ctx context.Context, base string) error {
	p.mu.Lock()
	p.cookie = ""
	p.mu.Unlock()
	return p.call(ctx, base, http.MethodPost, "/api/session", object{"login": p.Login, "password": p.Password}, nil)
}

// cityPeople are two people of every role of the rehearsal city, and one of the public.
func cityPeople(ctx context.Context, base string) ([]*person, error) {
	public := &person{Role: "public"}
	var city struct {
		People []*person `json:"people"`
	}
	if err := public.call(ctx, base, http.MethodGet, "/api/rehearsal", nil, &city); err != nil {
		return nil, err
	}
	list, count := []*person{public}, map[string]int{}
	for _, p := range city.People {
		if count[p.Role]++; count[p.Role] > 2 {
			continue
		}
		if err := p.login(ctx, base); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	for _, p := range list {
		p.useless = map[*operation]bool{}
	}
	return list, nil
}

func find(people []*person, login string) *person {
	if i := slices.IndexFunc(people, func(p *person) bool { return p.Login == login }); i >= 0 {
		return people[i]
	}
	return &person{Login: login}
}
