package vault

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"jianbiao/internal/apperr"
)

const (
	minPassphrase       = 10   // characters
	minDigitsOnly       = 16   // characters, when there are only digits
	minDistinct         = 5    // different characters
	maxPassphrase       = 1024 // bytes
	longestRunOfOrdered = 5    // "12345", "abcde"
)

// common are beginnings of what everybody tries first, in lower case.
var common = []string{"password", "passw0rd", "qwertyuiop", "qwerty123", "1qaz2wsx", "admin", "woaini", "iloveyou", "letmein", "jianbiao", "toubiao"}

// CheckPassphrase refuses a passphrase (口令) that a guesser would find: "vault.weak_passphrase"
// with the reason. It takes whatever else people type, Chinese sentences included.
func CheckPassphrase(p string) error {
	n := utf8.RuneCountInString(p)
	lower := strings.ToLower(p)
	switch {
	case !utf8.ValidString(p) || len(p) > maxPassphrase || strings.ContainsFunc(p, unicode.IsControl):
		return weak("口令含有无法输入的字符或过长。")
	case n < minPassphrase:
		return weak("口令至少 10 个字符,可以是一句只有您自己知道的话。")
	case onlyDigits(p) && n < minDigitsOnly:
		return weak("只有数字的口令至少 16 位,请加入字母或汉字。")
	case distinct(p) < minDistinct:
		return weak("口令中重复的字符太多。")
	case n-ordered(lower) < minDistinct:
		return weak("口令不能主要由连续的字符组成(如 123456、abcdef)。")
	}
	for _, c := range common {
		if rest, ok := strings.CutPrefix(lower, c); ok && utf8.RuneCountInString(rest) < minPassphrase-2 {
			return weak("口令以常用的单词开头,容易被猜中。")
		}
	}
	return nil
}

func weak(why string) error {
	return apperr.New(apperr.Invalid, "vault.weak_passphrase", "口令太弱:%s", why)
}

func onlyDigits(p string) bool {
	return !strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsDigit(r) })
}

func distinct(p string) int {
	seen := map[rune]bool{}
	for _, r := range p {
		seen[r] = true
	}
	return len(seen)
}

// ordered counts the characters that stand in runs of at least
// longestRunOfOrdered, each one more, one less or the same as the one before.
func ordered(p string) int {
	count, run, last, lastStep := 0, 1, rune(-10), rune(9)
	end := func() {
		if run >= longestRunOfOrdered {
			count += run
		}
	}
	for _, r := range p {
		diff := r - last
		if diff >= -1 && diff <= 1 && (run == 1 || diff == lastStep) {
			run++
		} else {
			end()
			run = 1
		}
		last, lastStep = r, diff
	}
	end()
	return count
}
