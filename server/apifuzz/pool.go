package main

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// pool keeps ids that answers told, by what they name: "lots", "people", ….
// What this run made itself stands under "made people", with its maker.
type pool struct {
	mu     sync.Mutex
	known  map[string][]string
	seen   map[string]bool
	makers map[string]string // id -> login
	secret map[string]bool   // never told to others
}

func newPool() *pool {
	return &pool{known: map[string][]string{}, seen: map[string]bool{}, makers: map[string]string{}, secret: map[string]bool{}}
}

const poolSize = 400

func (p *pool) add(kind, id string) {
	if id == "" || p.secret[id] || p.seen[kind+" "+id] {
		return
	}
	p.seen[kind+" "+id] = true
	if list := p.known[kind]; len(list) < poolSize {
		p.known[kind] = append(list, id)
	} else {
		list[len(p.seen)%poolSize] = id
	}
}

// noun is the collection that a path is about: /api/lots/{id}/questions tells "questions".
func noun(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if !strings.HasPrefix(parts[i], "{") {
			return parts[i]
		}
	}
	return ""
}

// learn takes the ids of a right answer. It returns who made the same id before, if it was somebody else.
func (p *pool) learn(o *operation, login string, status int, body []byte) (other string) {
	var page struct {
		ID  string `json:"id"`
		Lot struct {
			ID string `json:"id"`
		} `json:"lot"`
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	if json.Unmarshal(body, &page) != nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, item := range page.Items {
		p.add(noun(o.path), item.ID)
	}
	if status == 201 && page.Lot.ID != "" {
		p.made(login, "lots", page.Lot.ID)
	}
	if status != 201 || page.ID == "" || o.method != "POST" || strings.Contains(o.path, "{") {
		return ""
	}
	if maker, ok := p.makers[page.ID]; ok && maker != login {
		return maker
	}
	p.makers[page.ID] = login
	p.made(login, noun(o.path), page.ID)
	return ""
}

// made notes what this run made, and who: the maker comes back to it oftenest.
func (p *pool) made(login, kind, id string) {
	p.add(kind, id)
	p.add("made "+kind, id)
	p.add(login+" "+kind, id)
}

func (p *pool) one(r *rand.Rand, kind string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if list := p.known[kind]; len(list) > 0 {
		return pick(r, list)
	}
	return ""
}

// path fills the places of a path.
func (p *pool) path(r *rand.Rand, o *operation, login string) string {
	parts := strings.Split(o.path, "/")
	for i, part := range parts {
		if !strings.HasPrefix(part, "{") {
			continue
		}
		parts[i] = p.place(r, o, part, parts[i-1], login)
	}
	return strings.Join(parts, "/")
}

var places = []string{"%00", "..", "%2e%2e%2fsession", "-", "undefined", "%ff", strings.Repeat("a", 3000), "%F0%9F%98%80", "1", "%27", "%25", "{id}", "00000000-0000-0000-0000-000000000000"}

func (p *pool) place(r *rand.Rand, o *operation, part, before, login string) string {
	switch n := r.IntN(20); {
	case n == 0:
		return pick(r, places)
	case part == "{number}":
		return pick(r, []string{"1", "1", "2", "0", "-1", "100001", "x"})
	case part == "{kind}":
		return pick(r, []string{"organisation", "person", "x"})
	case n == 1:
		return stranger36(r)
	}
	if own := p.one(r, login+" "+before); own != "" && r.IntN(2) == 0 {
		return own
	}
	if o.care == stranger {
		before = "made " + before
	}
	if id := p.one(r, before); id != "" {
		return id
	}
	return stranger36(r)
}

func stranger36(r *rand.Rand) string {
	var b [16]byte
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	id, _ := uuid.FromBytes(b[:]) // sixteen bytes are always one
	return id.String()
}

// like is an id for a member of this name.
func (p *pool) like(r *rand.Rand, name string) string {
	kind, ok := map[string]string{"organisation": "organisations", "agency": "agencies", "person": "people", "question": "questions", "objection": "objections", "upload": "uploads"}[name]
	if !ok {
		return ""
	}
	return p.one(r, kind)
}
