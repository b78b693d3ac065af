package api

import (
	"hash/maphash"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"jianbiao/internal/apperr"
)

// Rate is a token bucket: so many requests a second in the long run, and so many
// at once.
type Rate struct {
	PerSecond float64
	Burst     float64
}

// Limits are how fast requests may come. Who is logged in is counted by session
// and by nothing else, so that an office works on while a stranger behind the
// same address floods the platform; the address counts for strangers only.
// Counters live in memory. Requests from this very machine are not counted:
// behind a proxy the address is the one that the proxy names (Deps.Address).
type Limits struct {
	Session Rate // one person's session
	Address Rate // all strangers of one address (IPv6: of one /64)
	Device  Rate // logging in from a computer that was used before
}

// DefaultLimits are those of a platform that nobody set otherwise.
var DefaultLimits = Limits{Session: Rate{60, 600}, Address: Rate{60, 600}, Device: Rate{1, 20}}

// manyBuckets is how many counters are kept before full ones are dropped.
const manyBuckets = 100_000

type buckets struct {
	limits Limits
	seed   maphash.Seed
	mu     sync.Mutex
	byKey  map[uint64]*tokens
}

type tokens struct {
	left float64
	at   time.Time
	rate Rate
}

func newBuckets(l *Limits) *buckets {
	if l == nil {
		l = &DefaultLimits
	}
	return &buckets{limits: *l, seed: maphash.MakeSeed(), byKey: map[uint64]*tokens{}}
}

// take says whether one more request of key is within the rate.
func (b *buckets) take(key string, rate Rate, now time.Time) bool {
	h := maphash.String(b.seed, key)
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.byKey[h]
	if t == nil {
		if len(b.byKey) >= manyBuckets {
			b.drop(now)
		}
		t = &tokens{left: rate.Burst, at: now, rate: rate}
		b.byKey[h] = t
	}
	t.fill(now)
	if t.left < 1 {
		return false
	}
	t.left--
	return true
}

func (t *tokens) fill(now time.Time) {
	t.left = min(t.rate.Burst, t.left+max(0, now.Sub(t.at).Seconds())*t.rate.PerSecond)
	t.at = now
}

// drop forgets the buckets that are full again: they say nothing. If none is,
// everything is forgotten, and memory stays bounded.
func (b *buckets) drop(now time.Time) {
	for k, t := range b.byKey {
		if t.fill(now); t.left >= t.rate.Burst {
			delete(b.byKey, k)
		}
	}
	if len(b.byKey) >= manyBuckets {
		clear(b.byKey)
	}
}

// limited refuses who comes too fast. It stands after the session is known.
func (a *API) limited(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		v := visitOf(c.Request().Context())
		ip, err := netip.ParseAddr(v.address)
		if v.route == nil || err == nil && ip.IsLoopback() {
			return next(c)
		}
		key, rate, refusal := a.counted(c, v, network(ip, v.address))
		if !a.rate.take(key, rate, time.Now()) {
			c.Response().Header().Set(echo.HeaderRetryAfter, "2")
			return refusal
		}
		return next(c)
	}
}

var (
	errSessionRate = apperr.New(apperr.TooMany, "request.too_many", "您的操作太频繁：请过几秒再试。")
	errAddressRate = apperr.New(apperr.TooMany, "request.address", "从您所在网络来的访问太多：请过几秒再试；已经登录的人不受影响。")
)

// counted is the bucket of a request. A login from a computer that says it was
// here before has its own; whether that is true the login itself finds out, and
// whoever lies meets the ceiling of failed logins there.
func (a *API) counted(c echo.Context, v *visit, from string) (string, Rate, error) {
	if v.who.PersonID != "" {
		return "session " + v.token, a.rate.limits.Session, errSessionRate
	}
	if v.route.Method == http.MethodPost && v.route.Path == "/api/session" {
		if device, err := c.Cookie(deviceCookie); err == nil && device.Value != "" {
			return "device " + from + " " + device.Value, a.rate.limits.Device, errAddressRate
		}
	}
	return "address " + from, a.rate.limits.Address, errAddressRate
}

// network is the address as it is counted.
func network(ip netip.Addr, text string) string {
	if !ip.IsValid() {
		return text
	}
	ip = ip.Unmap()
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}
