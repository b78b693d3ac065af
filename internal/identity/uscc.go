package identity

import (
	"strings"

	"jianbiao/internal/apperr"
)

// usccAlphabet is the character set of GB 32100-2015: no I, O, S, V, Z.
const usccAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// usccWeights are 3^i mod 31 for the 17 characters before the check character
// (GB 32100-2015, 5.2).
var usccWeights = [17]int{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28}

// CheckUSCC says what is wrong with a unified social credit code
// (统一社会信用代码, GB 32100-2015), nil when its form and its check character
// are right. Whether the firm exists is another question. Code: organisation.uscc.
func CheckUSCC(s string) error {
	wrong := func(detail string) error {
		return apperr.New(apperr.Invalid, "organisation.uscc", "%s", detail).With("uscc", detail).By("GB 32100-2015")
	}
	if len(s) != 18 {
		return wrong("统一社会信用代码应为 18 位，请核对营业执照。")
	}
	for i := range s {
		if strings.IndexByte(usccAlphabet, s[i]) < 0 {
			return wrong("统一社会信用代码只由数字和大写字母组成，不使用 I、O、S、V、Z。")
		}
	}
	if strings.Trim(s[2:8], "0123456789") != "" {
		return wrong("统一社会信用代码的第 3 至 8 位是登记机关的行政区划码，应为数字。")
	}
	if s[17] != usccCheckCharacter(s[:17]) {
		return wrong("统一社会信用代码的校验位不对，请核对是否有一位写错。")
	}
	return nil
}

// MakeUSCC completes 17 characters with their check character, for rehearsals
// and tests. It panics when prefix17 is not 17 characters of the alphabet.
func MakeUSCC(prefix17 string) string {
	if len(prefix17) != 17 || strings.Trim(prefix17, usccAlphabet) != "" {
		panic("identity: not the first 17 characters of a code: " + prefix17)
	}
	return prefix17 + string(usccCheckCharacter(prefix17))
}

// usccCheckCharacter expects 17 characters of the alphabet.
func usccCheckCharacter(prefix string) byte {
	sum := 0
	for i, w := range usccWeights {
		sum += strings.IndexByte(usccAlphabet, prefix[i]) * w
	}
	return usccAlphabet[(31-sum%31)%31]
}
