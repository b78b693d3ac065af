package api_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/server/api"
)

const office = "203.0.113.9"

// officeSite takes every request as one from the same office.
func officeSite(t *testing.T, limits *api.Limits) *site {
	t.Helper()
	return newSiteWith(t, nil, func(d *api.Deps) {
		d.Limits = limits
		d.Address = func(*http.Request) string { return office }
	})
}

// Somebody opens 200 connections a second from the address of a county office.
// He is slowed down; the people of the office work on, and who comes to work
// logs in at the computer that he used before.
func TestLimits_FloodFromTheAddressOfAnOffice(t *testing.T) {
	t.Parallel()
	s := officeSite(t, &api.Limits{Session: api.DefaultLimits.Session, Address: api.Rate{PerSecond: 10, Burst: 40}, Device: api.DefaultLimits.Device})
	const people, length = 8, 4 * time.Second
	clients := make([]*http.Client, people)
	for i := range clients {
		login, _ := s.member(actor.Bidder)
		clients[i] = s.client(login)
	}
	late, _ := s.member(actor.Bidder)
	lateClient := s.client(late)
	if r := s.do(lateClient, http.MethodDelete, "/api/session", nil, nil); r.status != http.StatusNoContent {
		t.Fatal(r.status)
	}
	start := time.Now()
	end := start.Add(length)
	var wg sync.WaitGroup
	var through, refused atomic.Int64
	wg.Go(func() { flood(t, s.url, end, &through, &refused) })
	time.Sleep(time.Second) // the flood has used up what strangers of the address may
	var mu sync.Mutex
	var took []time.Duration
	for _, c := range clients {
		wg.Go(func() {
			for time.Now().Before(end) {
				began := time.Now()
				if r := s.do(c, http.MethodGet, "/api/session", nil, nil); r.status != http.StatusOK {
					t.Errorf("a person of the office: %d %s", r.status, r.body)
					return
				}
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	if r := s.do(lateClient, http.MethodPost, "/api/session", map[string]string{"login": late, "password": password}, nil); r.status != http.StatusOK {
		t.Errorf("a login from a known computer during the flood: %d %s", r.status, r.body)
	}
	wg.Wait()
	most := int64(40 + 10*(time.Since(start).Seconds()+1))
	if slices.Sort(took); len(took) == 0 {
		t.Fatal("nobody of the office asked anything")
	}
	t.Logf("flood: %d let through, %d refused; office: %d requests, all answered, p99 %s", through.Load(), refused.Load(), len(took), took[len(took)*99/100])
	if through.Load() > most || refused.Load() == 0 {
		t.Errorf("of the flood %d went through (at most %d), %d were refused", through.Load(), most, refused.Load())
	}
}

// flood asks 200 times a second, each time over a connection of its own.
func flood(t *testing.T, url string, end time.Time, through, refused *atomic.Int64) {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var wg sync.WaitGroup
	for time.Now().Before(end) {
		<-tick.C
		wg.Go(func() {
			req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url+"/api/health", nil)
			if err != nil {
				t.Error(err)
				return
			}
			res, err := c.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = res.Body.Close() }()
			raw, err := io.ReadAll(res.Body)
			switch {
			case err != nil:
				t.Error(err)
			case res.StatusCode == http.StatusTooManyRequests:
				refused.Add(1)
				if !strings.Contains(string(raw), `"request.address"`) || !strings.Contains(string(raw), "已经登录的人不受影响") || res.Header.Get("Retry-After") == "" {
					t.Errorf("no clear refusal: %s", raw)
				}
			default:
				through.Add(1)
			}
		})
	}
	wg.Wait()
}

// One session that runs wild is slowed down and nobody else is.
func TestLimits_OneSession(t *testing.T) {
	t.Parallel()
	s := officeSite(t, &api.Limits{Session: api.Rate{PerSecond: 1, Burst: 20}, Address: api.DefaultLimits.Address, Device: api.DefaultLimits.Device})
	wild, _ := s.member(actor.Bidder)
	calm, _ := s.member(actor.Bidder)
	w, c := s.client(wild), s.client(calm)
	var last reply
	for range 40 {
		last = s.do(w, http.MethodGet, "/api/session", nil, nil)
	}
	if last.status != http.StatusTooManyRequests || last.problem(t).Code != "request.too_many" {
		t.Errorf("the 40th request: %d %s", last.status, last.body)
	}
	if r := s.do(c, http.MethodGet, "/api/session", nil, nil); r.status != http.StatusOK {
		t.Errorf("another person of the address: %d %s", r.status, r.body)
	}
}

// Ten wrong passwords lock that account for strangers' computers, and neither
// another account of the same office nor the computer that the person used
// before; the sentence says how long and what to do.
func TestLogin_TenWrongPasswordsInAnOffice(t *testing.T) {
	t.Parallel()
	s := officeSite(t, nil)
	victim, _ := s.member(actor.Bidder)
	colleague, _ := s.member(actor.Bidder)
	known := s.client(victim)
	stranger := s.client("")
	var last reply
	for range 10 {
		last = s.do(stranger, http.MethodPost, "/api/session", map[string]string{"login": victim, "password": "wrong-password"}, nil)
	}
	if p := last.problem(t); last.status != http.StatusTooManyRequests || p.Code != "session.locked" || !strings.Contains(p.Detail, "分钟后再试") || !strings.Contains(p.Detail, "系统管理员") {
		t.Errorf("the tenth wrong password: %d %s", last.status, last.body)
	}
	for name, c := range map[string]*http.Client{colleague: stranger, victim: known} {
		if r := s.do(c, http.MethodPost, "/api/session", map[string]string{"login": name, "password": password}, nil); r.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}
