package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

// The lock-out: after freeFailures wrong passwords in a row a bucket waits
// firstWait, twice as long after each further one up to longestWait, and is
// forgotten after forgetAfter without a failure.
const (
	freeFailures = 5
	firstWait    = time.Minute
	longestWait  = 30 * time.Minute
	forgetAfter  = 24 * time.Hour
)

// waitAfter is how long a bucket is locked after its n-th failure.
func waitAfter(n int) time.Duration {
	if n < freeFailures {
		return 0
	}
	wait := firstWait
	for ; n > freeFailures && wait < longestWait; n-- {
		wait *= 2
	}
	return min(wait, longestWait)
}

// bucket names a counter of failures. The value is hashed: what is typed as a
// login may be a password.
func bucket(kind, value string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + value))
	return kind + "/" + hex.EncodeToString(sum[:16])
}

// bucketOf is the counter of a login from a device. A device from which this
// account has logged in before is counted apart, so that a stranger who types
// wrong passwords at the hour of an opening locks himself out and not the
// bidder. Unknown logins are counted like known ones.
func (s *Service) bucketOf(login, device string) string {
	if s.knowsDevice(login, device) {
		return bucket("device", device)
	}
	return bucket("account", login)
}

// newDevice is the value of a device cookie for the login: a nonce and a MAC;
// the server stores nothing about devices.
func (s *Service) newDevice(login string) string {
	nonce := base64.RawURLEncoding.EncodeToString(random(16))
	return nonce + "." + s.deviceMAC(login, nonce)
}

func (s *Service) deviceMAC(login, nonce string) string {
	m := hmac.New(sha256.New, s.devices)
	m.Write([]byte("jianbiao/device/1\x00" + nonce + "\x00" + login))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (s *Service) knowsDevice(login, device string) bool {
	nonce, mac, ok := strings.Cut(device, ".")
	return ok && hmac.Equal([]byte(mac), []byte(s.deviceMAC(login, nonce)))
}

// attempt is one try of a password.
type attempt struct{ login, password, bucket string }

// errBadCredentials is the one answer for an unknown login, a wrong password
// and a disabled person.
func errBadCredentials() error {
	return apperr.New(apperr.Unauthenticated, "session.bad_credentials", "登录名或口令不正确,请核对后再试。")
}

func errLocked(wait time.Duration) error {
	minutes := int((wait + time.Minute - 1) / time.Minute)
	return apperr.New(apperr.TooMany, "session.locked",
		"口令多次输错,请在 %d 分钟后再试;用以前登录过的电脑不受影响。忘记口令请联系系统管理员。", minutes)
}

// attempt checks a password against the counters and counts the result. Codes:
// session.locked, session.bad_credentials, session.busy.
func (s *Service) attempt(ctx context.Context, a attempt) (credential, error) {
	unlock, err := s.attempts.lock(ctx, a.bucket)
	if err != nil {
		return credential{}, fmt.Errorf("wait for the last try: %w", err)
	}
	defer unlock()
	now := s.cfg.Now()
	f, err := readFailures(ctx, s.store.DB(), a.bucket, now)
	if err != nil {
		return credential{}, err
	}
	if f.LockedUntil != nil && now.Before(*f.LockedUntil) {
		return credential{}, errLocked(f.LockedUntil.Sub(now))
	}
	c, err := readCredential(ctx, s.store.DB(), a.login)
	if err != nil {
		return credential{}, err
	}
	ok, stale, err := s.hasher.verify(ctx, c.PasswordHash, a.password)
	if err != nil {
		return credential{}, err
	}
	if !ok || c.DisabledAt != nil {
		return credential{}, s.countFailure(ctx, a.bucket, f.Failures+1)
	}
	if f.Failures > 0 {
		if err := s.store.Aside(ctx, deleteFailures(ctx, a.bucket)); err != nil {
			return credential{}, err
		}
	}
	if stale {
		return c, s.rehash(ctx, c, a.password)
	}
	return c, nil
}

// countFailure returns errBadCredentials, or what went wrong in counting.
func (s *Service) countFailure(ctx context.Context, bucket string, n int) error {
	now := s.cfg.Now()
	f := failureRow{Login: bucket, Failures: n, ForgetAt: ceilHour(now.Add(forgetAfter))}
	if wait := waitAfter(n); wait > 0 {
		until := now.Add(wait)
		f.LockedUntil = &until
	}
	if err := s.store.Aside(ctx, saveFailures(ctx, f)); err != nil {
		return err
	}
	return errBadCredentials()
}

// rehash stores the password at today's cost. The event is coarse in time: it
// would otherwise say when this person logged in.
func (s *Service) rehash(ctx context.Context, c credential, password string) error {
	phc, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.store.Change(ctx, func(tx *evidence.Tx) error {
		if err := rehashPassword(ctx, tx, c.ID, phc); err != nil {
			return err
		}
		tx.Record(evidence.Draft{Stream: "person/" + c.ID, Kind: "person.password_rehashed", Secret: true})
		return nil
	})
}

// ceilHour is the end of t's hour.
func ceilHour(t time.Time) time.Time {
	if h := t.Truncate(time.Hour); !h.Equal(t) {
		return h.Add(time.Hour)
	}
	return t
}

// ceiling counts the failed logins of each network address in memory. It is
// soft: a restart forgets it, and replicas count apart.
type ceiling struct {
	limit    int
	mu       sync.Mutex
	failures map[string]failures
}

type failures struct {
	n     int
	until time.Time
}

const (
	ceilingWindow    = 10 * time.Minute
	ceilingAddresses = 50_000
)

// check refuses an address that failed too often. Code: session.address.
func (c *ceiling) check(address string, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.failures[address]; c.limit > 0 && address != "" && f.n >= c.limit && now.Before(f.until) {
		return apperr.New(apperr.TooMany, "session.address",
			"从您所在网络登录失败的次数过多,请在 %d 分钟后再试。", int(f.until.Sub(now)/time.Minute)+1)
	}
	return nil
}

func (c *ceiling) count(address string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.failures[address]
	if !now.Before(f.until) {
		f = failures{until: now.Add(ceilingWindow)}
	}
	f.n++
	if len(c.failures) >= ceilingAddresses {
		clear(c.failures)
	}
	c.failures[address] = f
}

// keyedMutex is one lock a key, so that two tries on one account are made one
// after the other and each sees what the last one counted.
type keyedMutex struct {
	mu   sync.Mutex
	held map[string]*keyedLock
}

type keyedLock struct {
	token chan struct{}
	users int
}

// lock waits for the key until ctx ends.
func (k *keyedMutex) lock(ctx context.Context, key string) (unlock func(), err error) {
	k.mu.Lock()
	if k.held == nil {
		k.held = map[string]*keyedLock{}
	}
	l := k.held[key]
	if l == nil {
		l = &keyedLock{token: make(chan struct{}, 1)}
		k.held[key] = l
	}
	l.users++
	k.mu.Unlock()
	leave := func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.held, key)
		}
	}
	select {
	case l.token <- struct{}{}:
		return func() { <-l.token; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
