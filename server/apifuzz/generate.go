package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// generator makes inputs from schemas: right ones, ones at the edge, and broken ones.
type generator struct {
	*rand.Rand
	d     *description
	ids   *pool
	whole map[string][]any // right values by the name of a schema
}

// right are values that a member of this name takes.
var right = map[string][]any{
	"uscc": {"91321300MA1WXYZ12X", "913213002600000038"}, "region": {"321302", "321300", "320000", "999999"}, "estimate": {"48000000.00", "0.01"},
	"name": {"道路改造", "设备采购（第二批）"}, "code": {"SQ-FZ-0001", "123456"}, "kind": {"ENG", "GOV", "MAX", "MIN"}, "rule": {"R11-1", "R23-1", "X"}, "method": {"open", "invited", "negotiated"},
	"role": {"buyer", "agency", "bidder", "expert", "supervisor", "system_admin", "audit_admin", "clock"}, "text": {"请澄清第三章第二条。", "一、元旦：1月1日（周四）至3日（周六）放假调休，共3天。"},
	"priceCeiling": {"48000000.00"}, "login": {"nobody", "buyer5"}, "password": {"Zhongwen-Mima-2026", "123"}, "publicKey": {"MCowBQYDK2VwAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
	"approvalNumber": {"宿发改〔2026〕1号"}, "approvalAuthority": {"宿迁市发展和改革委员会"}, "planFiling": {"计划备案1号"}, "certificate": {"MIIB", "AAAA"},
	"from": {"2026-03-02", "2026-03-02T09:00:00+08:00"}, "until": {"2026-04-01"}, "unit": {"WD", "D", "MONTH"}, "n": {"5", "20"}, "exclude": {"2026-05-01..2026-05-05"},
	"after": {"2", "eyJhIjoxfQ"}, "state": {"published", "pending", "certified"}, "q": {"宿迁", "9132", "%"}, "format": {"csv", "xlsx"}, "mode": {"all", "good"},
	"view": {"public", "party"}, "session": {"1", "2"}, "size": {1.0, 1000.0, 4294967296.0, 4294967297.0},
}

// edges are strings that have broken programs before.
var edges = []any{
	"", " ", "0", "-1", "null", "undefined", "\x00", "a\x00b", "😀", "\u202e右", "１２３", "NaN", "Infinity", "1e309", "9223372036854775808", "-0.00", "0.000000001", "99999999999999999999999999.99",
	"2026-02-30", "0000-00-00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+08:00", "99999-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "2026-03-02T25:61:00+08:00", "2026-03-02T09:00:00+99:99",
	"' OR 1=1 --", "%", "_", "\\", "%s%n%x", "../../etc/passwd", "..%2f", "${jndi:x}", "<script>alert(1)</script>", "00000000-0000-0000-0000-000000000000", "{00000000-0000-4000-8000-000000000000}",
	"urn:uuid:00000000-0000-4000-8000-000000000000", strings.Repeat("长", 400), strings.Repeat("a", 5000), strings.Repeat("9", 400), strings.Repeat("=", 33), "\ufffd\ufeff", "e\u0301", "\r\nX-Evil: 1",
}

// others are values of another type than asked for, or of no sensible size.
var others = []any{
	nil, true, 0.0, -1.0, 1.5, 1e308, 9.3e18, -9.3e18, 2147483648.0, []any{}, object{}, []any{nil}, object{"": nil}, []any{object{}}, json.RawMessage(`9223372036854775807`), json.RawMessage(`-9223372036854775808`),
	json.RawMessage(`1e400`), json.RawMessage(`"\ud800"`), json.RawMessage(`"\u0000"`), json.RawMessage(strings.Repeat("[", 2000) + strings.Repeat("]", 2000)),
	json.RawMessage("\"\xff\xfe\""),
}

// unreadable are bodies that no description allows.
var unreadable = []string{
	"", "{", "}", "[]", "null", "true", `"`, `{"noSuchMember":1}`, `{"a":`, "\x00", "\xff\xfe{}", "<xml/>", `{"":{}}`, "[" + strings.Repeat("[", 5000), `{"moveTo":"x"}`, `{"old":1,"new":{}}`, "a=b&c=d", `{"rate":"x"}`, "1e999",
	`{"lease":[]}`, `{"bidders":0,"seat":""}`,
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// value is one that the schema allows, mostly; at its edge now and then. Depth ends forms within forms.
func (g *generator) value(name string, s *schema, depth int) any {
	if s.Ref != "" {
		if whole := g.whole[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]; len(whole) > 0 && g.chance(70) {
			return clone(pick(g.Rand, whole))
		}
	}
	s = g.d.resolve(s)
	switch {
	case len(s.Enum) > 0:
		return pick(g.Rand, s.Enum)
	case s.Type.is("object"):
		return g.object(s, depth)
	case s.Type.is("array"):
		list := []any{}
		for n := g.IntN(3); n > 0 && depth < 5 && s.Items != nil; n-- {
			list = append(list, g.value(name, s.Items, depth+1))
		}
		return list
	case s.Type.is("boolean"):
		return g.chance(50)
	case s.Type.is("integer"), s.Type.is("number"):
		return g.number(name, s)
	case s.Format == "date-time":
		return fmt.Sprintf("2026-%02d-%02dT%02d:30:00+08:00", 1+g.IntN(12), 1+g.IntN(28), g.IntN(24))
	}
	return g.text(name, s)
}

func (g *generator) object(s *schema, depth int) any {
	out := object{}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if slices.Contains(s.Required, name) || (depth < 5 && g.chance(60)) {
			out[name] = g.value(name, s.Properties[name], depth+1)
		}
	}
	return out
}

func (g *generator) number(name string, s *schema) any {
	if g.chance(20) && len(right[name]) > 0 {
		return pick(g.Rand, right[name])
	}
	low, high := -3.0, 400.0
	if s.Minimum != nil {
		low, high = *s.Minimum, *s.Minimum+400
	}
	if s.Maximum != nil {
		high = *s.Maximum
	}
	if g.chance(20) {
		return pick(g.Rand, []float64{low, high, low - 1, high + 1})
	}
	return float64(int64(low + g.Float64()*(high-low)))
}

func (g *generator) text(name string, s *schema) any {
	if id := g.ids.like(g.Rand, name); id != "" && g.chance(70) {
		return id
	}
	switch n := g.IntN(10); {
	case n < 6 && len(right[name]) > 0:
		return pick(g.Rand, right[name])
	case n == 6 && s.MaxLength > 0 && s.MaxLength < 100_000:
		return strings.Repeat("长", s.MaxLength+g.IntN(3)-1)
	case n == 7 && s.MinLength > 0:
		return strings.Repeat("a", s.MinLength-g.IntN(2))
	case n == 8:
		return pick(g.Rand, edges)
	}
	return fmt.Sprintf("内容%d", g.IntN(1_000_000))
}

// clone is a deep copy, so that a sample is not changed by its mutation.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(object, len(v))
		for k, e := range v {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	}
	return v
}

// mutate spoils one place of a value: another value, another type, gone, or one too many.
func (g *generator) mutate(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 || g.chance(5) {
			break
		}
		name := pick(g.Rand, slices.Sorted(maps.Keys(v)))
		switch g.IntN(12) {
		case 0:
			delete(v, name)
		case 1:
			v[name+"x"] = v[name]
		default:
			v[name] = g.mutate(v[name])
		}
		return v
	case []any:
		if len(v) == 0 || g.chance(10) {
			break
		}
		i := g.IntN(len(v))
		if g.chance(10) {
			return append(v, clone(v[i]))
		}
		v[i] = g.mutate(v[i])
		return v
	}
	if g.chance(55) {
		return pick(g.Rand, edges)
	}
	return clone(pick(g.Rand, others))
}

// body is what goes over the wire, and whether it is sent as it was described.
func (g *generator) body(o *operation) []byte {
	if o.care == broken {
		return []byte(pick(g.Rand, unreadable))
	}
	var v any
	switch {
	case len(o.samples) > 0:
		v = clone(pick(g.Rand, o.samples))
	case o.body != nil:
		v = g.value("", o.body, 0)
	case g.chance(95):
		return nil
	}
	raw, isRaw := v.([]byte)
	if !isRaw {
		for n := max(0, g.IntN(7)-3); n > 0; n-- {
			v = g.mutate(v)
		}
		var err error
		if raw, err = marshal(v); err != nil {
			raw = []byte(pick(g.Rand, unreadable))
		}
	}
	switch n := g.IntN(40); {
	case n == 0:
		return []byte(pick(g.Rand, unreadable))
	case n == 1 && len(raw) > 0:
		return raw[:g.IntN(len(raw))]
	case n <= 3 && len(raw) > 0, isRaw && n < 20 && len(raw) > 0:
		raw = bytes.Clone(raw)
		raw[g.IntN(len(raw))] = byte(g.IntN(256))
	}
	return raw
}

// marshal is JSON with raw messages as they are: they need not be right.
func marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case json.RawMessage:
		return v, nil
	case map[string]any:
		var b bytes.Buffer
		b.WriteByte('{')
		for i, k := range slices.Sorted(maps.Keys(v)) {
			e, err := marshal(v[k])
			if err != nil {
				return nil, err
			}
			if i > 0 {
				b.WriteByte(',')
			}
			name, _ := json.Marshal(k) // a string marshals always
			b.Write(name)
			b.WriteByte(':')
			b.Write(e)
		}
		b.WriteByte('}')
		return b.Bytes(), nil
	case []any:
		parts := make([][]byte, len(v))
		for i, e := range v {
			var err error
			if parts[i], err = marshal(e); err != nil {
				return nil, err
			}
		}
		return slices.Concat([]byte{'['}, bytes.Join(parts, []byte{','}), []byte{']'}), nil
	}
	return json.Marshal(v)
}
