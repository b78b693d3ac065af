// Package totp makes and checks the time-based one-time passwords (动态口令) of
// RFC 6238 as authenticator apps know them: SHA-1, 30 seconds, 6 digits.
package totp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238 and every authenticator app; HMAC-SHA-1 is not broken
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	// SecretSize is the length of a secret, in bytes (RFC 4226, 4, R6).
	SecretSize = 20
	// Digits of a code.
	Digits = 6
	step   = 30 // seconds
	drift  = 1  // steps that the two clocks may differ
)

// NewSecret makes a secret from the machine's randomness.
func NewSecret() ([]byte, error) {
	secret := make([]byte, SecretSize)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("totp: randomness: %w", err)
	}
	return secret, nil
}

// Step is the number of the time step in which t lies.
func Step(t time.Time) int64 { return t.Unix() / step }

// Code is the code of a step, with a number of digits up to 9.
func Code(secret []byte, n int64, digits int) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(n))
	h := hmac.New(sha1.New, secret)
	h.Write(counter[:])
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	value := uint64(binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff)
	ten := uint64(1)
	for range digits {
		ten *= 10
	}
	return fmt.Sprintf("%0*d", digits, value%ten)
}

// Check finds the step whose code this is, one before and one after now
// included. A step MUST NOT be accepted twice; that is for the caller to see to.
func Check(secret []byte, code string, now time.Time) (n int64, ok bool) {
	code = strings.ReplaceAll(code, " ", "")
	for n := Step(now) - drift; n <= Step(now)+drift; n++ {
		if subtle.ConstantTimeCompare([]byte(Code(secret, n, Digits)), []byte(code)) == 1 {
			return n, true
		}
	}
	return 0, false
}

var text = base32.StdEncoding.WithPadding(base32.NoPadding)

// Text is the secret as people type it into an app.
func Text(secret []byte) string { return text.EncodeToString(secret) }

// ParseText reads Text; false when it is not a secret of ours.
func ParseText(s string) ([]byte, bool) {
	secret, err := text.DecodeString(strings.ToUpper(strings.ReplaceAll(s, " ", "")))
	return secret, err == nil && len(secret) == SecretSize
}

// URI is what the QR code holds (the otpauth format of authenticator apps).
func URI(secret []byte, issuer, account string) string {
	v := url.Values{"secret": {Text(secret)}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {fmt.Sprint(Digits)}, "period": {fmt.Sprint(step)}}
	return "otpauth://totp/" + url.PathEscape(issuer+":"+account) + "?" + strings.ReplaceAll(v.Encode(), "+", "%20")
}
