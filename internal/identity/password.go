package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"jianbiao/internal/apperr"
)

// Cost is the price of one argon2id hash (RFC 9106).
type Cost struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
}

// DefaultCost is OWASP's: 19 MiB, 2 passes, 1 lane; some 25 ms a core.
var DefaultCost = Cost{MemoryKiB: 19 * 1024, Passes: 2, Lanes: 1}

const (
	saltBytes = 16
	hashBytes = 32
)

var b64 = base64.RawStdEncoding

// phc is the PHC string of a hash: $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func (c Cost) phc(salt, hash []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.MemoryKiB, c.Passes, c.Lanes,
		b64.EncodeToString(salt), b64.EncodeToString(hash))
}

func (c Cost) derive(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, c.Passes, c.MemoryKiB, c.Lanes, hashBytes)
}

// parsePHC is strict: what we did not write is no hash, and its cost is bounded
// so that a row cannot make the server compute for hours.
func parsePHC(s string) (c Cost, salt, hash []byte, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, fmt.Errorf("not an argon2id string of version %d", argon2.Version)
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.MemoryKiB, &c.Passes, &c.Lanes); err != nil {
		return c, nil, nil, fmt.Errorf("cost of the hash: %w", err)
	}
	if c.Passes < 1 || c.Lanes < 1 || c.Passes > 64 || c.MemoryKiB > 4<<20 {
		return c, nil, nil, fmt.Errorf("cost of the hash out of bounds: %s", parts[3])
	}
	if salt, err = b64.DecodeString(parts[4]); err != nil {
		return c, nil, nil, fmt.Errorf("salt of the hash: %w", err)
	}
	if hash, err = b64.DecodeString(parts[5]); err != nil {
		return c, nil, nil, fmt.Errorf("bytes of the hash: %w", err)
	}
	if len(hash) != hashBytes {
		return c, nil, nil, fmt.Errorf("hash of %d bytes", len(hash))
	}
	return c, salt, hash, nil
}

// hasher hashes at most as many passwords at once as there are cores, so that
// a storm of logins costs waiting and not the machine.
type hasher struct {
	cost    Cost
	slots   chan struct{}
	waiting atomic.Int64
	nobody  string // a hash that no password has, checked when the login is unknown
}

// maxWaiting bounds the queue of logins: some seconds' worth of hashing.
const maxWaiting = 512

func newHasher(cost Cost, cores int) *hasher {
	return &hasher{cost: cost, slots: make(chan struct{}, max(1, cores)), nobody: cost.phc(random(saltBytes), random(hashBytes))}
}

// take waits for a slot. Code: session.busy.
func (h *hasher) take(ctx context.Context) (release func(), err error) {
	busy := apperr.New(apperr.Unavailable, "session.busy", "正在登录的人很多,请稍等几秒再试。")
	if h.waiting.Add(1) > maxWaiting {
		h.waiting.Add(-1)
		return nil, busy
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, busy.Because(ctx.Err())
	}
}

// hash makes the PHC string of a new password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	release, err := h.take(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	salt := random(saltBytes)
	return h.cost.phc(salt, h.cost.derive(password, salt)), nil
}

// verify says whether password made the PHC string, and whether the string
// should be made again because its cost is not today's. With phc "" it does the
// same work and answers no.
func (h *hasher) verify(ctx context.Context, phc, password string) (ok, stale bool, err error) {
	known := phc != ""
	if !known {
		phc = h.nobody
	}
	cost, salt, want, err := parsePHC(phc)
	if err != nil {
		return false, false, fmt.Errorf("read a stored password hash: %w", err)
	}
	release, err := h.take(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	same := subtle.ConstantTimeCompare(cost.derive(password, salt), want) == 1
	return same && known, cost != h.cost, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic("identity: no randomness: " + err.Error())
	}
	return b
}

const (
	minPassword  = 10
	longPassword = 16 // from here on the classes of characters do not matter
	maxPassword  = 128
)

// commonPasswords are refused though they obey the other rules.
var commonPasswords = []string{"1q2w3e4r", "qwertyuiop", "password", "admin123", "abc12345", "aa123456", "a1b2c3d4", "iloveyou", "woaini"}

// checkPassword applies the rules for a new password (GB/T 22239, 8.1.4.1):
// 10 to 128 characters; three of the four classes unless it has 16 or more; not
// the login, not a well-known one, no character four times in a row.
// Code: person.password_weak.
func checkPassword(login, password string) error {
	n := utf8.RuneCountInString(password)
	lower := strings.ToLower(password)
	var detail string
	switch {
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		detail = "口令里有不能使用的控制字符。"
	case n < minPassword:
		detail = fmt.Sprintf("口令至少 %d 个字符。", minPassword)
	case n > maxPassword:
		detail = fmt.Sprintf("口令最多 %d 个字符。", maxPassword)
	case n < longPassword && classes(password) < 3:
		detail = fmt.Sprintf("口令要含大写字母、小写字母、数字、其他字符中的三类,或者不少于 %d 个字符。", longPassword)
	case login != "" && strings.Contains(lower, strings.ToLower(login)):
		detail = "口令里不能含有登录名。"
	case repeats(password, 4):
		detail = "口令里不能有同一个字符连续出现四次。"
	case common(lower):
		detail = "这个口令太常见,请换一个。"
	default:
		return nil
	}
	return apperr.New(apperr.Invalid, "person.password_weak", "%s", detail).With("password", detail)
}

func classes(s string) int {
	var lower, upper, digit, other int
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z':
			lower = 1
		case 'A' <= r && r <= 'Z':
			upper = 1
		case '0' <= r && r <= '9':
			digit = 1
		default:
			other = 1
		}
	}
	return lower + upper + digit + other
}

func repeats(s string, n int) bool {
	var last rune
	run := 0
	for _, r := range s {
		if r == last {
			run++
		} else {
			last, run = r, 1
		}
		if run >= n {
			return true
		}
	}
	return false
}

func common(lower string) bool {
	for _, c := range commonPasswords {
		if strings.Contains(lower, c) {
			return true
		}
	}
	return false
}
