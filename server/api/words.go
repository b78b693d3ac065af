package api

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/danielgtaylor/huma/v2/validation"
)

// huma has one set of words and one maker of errors for the whole program, so
// both are replaced once, before the first route registers.
func init() {
	for msg, chinese := range validationWords {
		*msg = chinese
	}
	huma.ErrorFormatter = func(format string, args ...any) string {
		if strings.Contains(format, "%") {
			return fmt.Sprintf(format, args...)
		}
		return format
	}
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return humaProblem(status, msg, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		p := humaProblem(status, msg, errs)
		if ctx != nil {
			p.Trace = visitOf(humaecho.Unwrap(ctx).Request().Context()).trace
		}
		return p
	}
}

var validationWords = map[*string]string{
	&validation.MsgUnexpectedProperty:                 "没有这一项。",
	&validation.MsgExpectedRFC3339DateTime:            "应为日期和时间，例如 2026-03-02T09:00:00+08:00。",
	&validation.MsgExpectedRFC1123DateTime:            "应为日期和时间。",
	&validation.MsgExpectedRFC3339Date:                "应为日期，例如 2026-03-02。",
	&validation.MsgExpectedRFC3339Time:                "应为时间，例如 09:00:00。",
	&validation.MsgExpectedRFC5322Email:               "应为电子邮件地址。",
	&validation.MsgExpectedRFC5890Hostname:            "应为主机名。",
	&validation.MsgExpectedRFC2673IPv4:                "应为 IPv4 地址。",
	&validation.MsgExpectedRFC2373IPv6:                "应为 IPv6 地址。",
	&validation.MsgExpectedRFCIPAddr:                  "应为 IP 地址。",
	&validation.MsgExpectedRFC3986URI:                 "应为网址。",
	&validation.MsgExpectedRFC4122UUID:                "应为 UUID 编号。",
	&validation.MsgExpectedRFC6570URITemplate:         "格式不正确。",
	&validation.MsgExpectedRFC6901JSONPointer:         "格式不正确。",
	&validation.MsgExpectedRFC6901RelativeJSONPointer: "格式不正确。",
	&validation.MsgExpectedRegexp:                     "格式不正确。",
	&validation.MsgExpectedMatchAtLeastOneSchema:      "内容不符合要求。",
	&validation.MsgExpectedMatchExactlyOneSchema:      "内容不符合要求。",
	&validation.MsgExpectedNotMatchSchema:             "内容不符合要求。",
	&validation.MsgExpectedPropertyNameInObject:       "缺少用来区分类型的一项。",
	&validation.MsgExpectedBoolean:                    "应为是或否。",
	&validation.MsgExpectedDuration:                   "应为时长。",
	&validation.MsgExpectedNumber:                     "应为数字。",
	&validation.MsgExpectedInteger:                    "应为整数。",
	&validation.MsgExpectedString:                     "应为文字。",
	&validation.MsgExpectedBase64String:               "应为 base64 编码。",
	&validation.MsgExpectedArray:                      "应为列表。",
	&validation.MsgExpectedObject:                     "应为对象。",
	&validation.MsgExpectedArrayItemsUnique:           "不能有重复的项。",
	&validation.MsgExpectedOneOf:                      "只能是以下之一：%s。",
	&validation.MsgExpectedMinimumNumber:              "应不小于 %v。",
	&validation.MsgExpectedExclusiveMinimumNumber:     "应大于 %v。",
	&validation.MsgExpectedMaximumNumber:              "应不大于 %v。",
	&validation.MsgExpectedExclusiveMaximumNumber:     "应小于 %v。",
	&validation.MsgExpectedNumberBeMultipleOf:         "应为 %v 的倍数。",
	&validation.MsgExpectedMinLength:                  "至少 %d 个字符。",
	&validation.MsgExpectedMaxLength:                  "最多 %d 个字符。",
	&validation.MsgExpectedBePattern:                  "格式不正确。",
	&validation.MsgExpectedMatchPattern:               "格式不正确。",
	&validation.MsgExpectedMinItems:                   "至少 %d 项。",
	&validation.MsgExpectedMaxItems:                   "最多 %d 项。",
	&validation.MsgExpectedMinProperties:              "至少 %d 项。",
	&validation.MsgExpectedMaxProperties:              "最多 %d 项。",
	&validation.MsgExpectedRequiredProperty:           "缺少“%s”。",
	&validation.MsgExpectedDependentRequiredProperty:  "缺少“%s”(填写了“%s”时必填)。",
}

// parameterWords are complaints that huma has no variable for.
var parameterWords = map[string]string{
	"required path parameter is missing":   "缺少这一项。",
	"required query parameter is missing":  "缺少这一项。",
	"required header parameter is missing": "缺少这一项。",
	"required cookie parameter is missing": "缺少这一项。",
	"unknown query parameter":              "没有这个查询条件。",
	"invalid integer":                      "应为整数。",
	"invalid float":                        "应为数字。",
	"invalid floating value":               "应为数字。",
	"invalid boolean":                      "应为是或否(true、false)。",
	"request body is required":             "缺少请求的内容。",
}

func complaint(english string) string {
	switch {
	case Chinese(english):
		return english
	case parameterWords[english] != "":
		return parameterWords[english]
	case strings.HasPrefix(english, "invalid date/time"):
		return "应为日期和时间，例如 2026-03-02T09:00:00+08:00。"
	default:
		return "填写的内容不符合要求。"
	}
}

var missing = regexp.MustCompile(`^缺少“([^”]+)”`)

// humaProblem is what huma finds wrong with a request, in our words.
func humaProblem(status int, _ string, errs []error) *Problem {
	for _, err := range errs {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return plainProblem(http.StatusRequestEntityTooLarge)
		}
	}
	p := plainProblem(status)
	if status != http.StatusUnprocessableEntity {
		return p
	}
	for _, err := range errs {
		var d huma.ErrorDetailer
		if !errors.As(err, &d) || d.ErrorDetail() == nil {
			continue
		}
		detail := d.ErrorDetail()
		words := complaint(detail.Message)
		field := fieldOf(detail.Location)
		if m := missing.FindStringSubmatch(words); m != nil {
			field = strings.TrimPrefix(field+"."+m[1], ".")
		}
		if p.Fields == nil {
			p.Fields = map[string]string{}
			p.Detail = "填写的内容不符合要求:" + named(field, words)
		}
		p.Fields[field] = words
	}
	return p
}

func named(field, words string) string {
	if field == "" || missing.MatchString(words) {
		return words
	}
	return "“" + field + "”" + words
}

// fieldOf takes the place (body, query, path) off huma's location.
func fieldOf(location string) string {
	place, rest, _ := strings.Cut(location, ".")
	switch place {
	case "body", "query", "path", "header", "cookie":
		return rest
	default:
		return location
	}
}
