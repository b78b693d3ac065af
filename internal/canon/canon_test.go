package canon_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"jianbiao/internal/canon"

	"github.com/google/go-cmp/cmp"
)

func TestTransform(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, in, want string }{
		// The members of RFC 8785, 3.2.3, sorted by UTF-16 code units.
		{"rfc 8785 order", `{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`,
			"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}"},
		{"rfc 8785 text", `{"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/"}`, `{"string":"€$\u000f\nA'B\"\\\\\"/"}`},
		{"space and nesting", " [ 1 , { \"b\" : [ ] , \"a\" : { } } , null , true , false ] ", `[1,{"a":{},"b":[]},null,true,false]`},
		{"html is left alone", `"<a&b>\u003c\u2028"`, "\"<a&b><\u2028\""},
		{"integers", `[0,-1,9007199254740991,-9007199254740991]`, `[0,-1,9007199254740991,-9007199254740991]`},
		{"delete is not escaped", "\"\x7f\"", "\"\x7f\""},
		{"Chinese", `{"报价":"1234.50","a":"\u5143"}`, `{"a":"元","报价":"1234.50"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := canon.Transform([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
			if err := canon.Check(got); err != nil {
				t.Errorf("result is not canonical: %v", err)
			}
		})
	}
}

func TestTransformRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", canon.MaxDepth+1) + strings.Repeat("]", canon.MaxDepth+1)
	for _, in := range []string{
		``, ` `, `{`, `[1`, `[1,]`, `{"a"}`, `{"a":1,}`, `{a:1}`, `'a'`, `tru`, `nul`, `"a`, `"\x"`, `"\u12g4"`, "\"\n\"",
		`1 2`, `{}x`, `1.0`, `1e3`, `-0`, `01`, `-`, `+1`, `.5`, `9007199254740992`, `-9007199254740992`, `99999999999999999999999`,
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `"\ud83d"`, `"\ude00"`, `"\ud83dx"`, `"\ud83d\u0041"`, `"\ufffd"`, "\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", deep,
	} {
		if got, err := canon.Transform([]byte(in)); err == nil {
			t.Errorf("%.40q accepted as %q", in, got)
		}
	}
}

func TestMarshal(t *testing.T) {
	t.Parallel()
	v := struct {
		B   int             `json:"b"`
		A   string          `json:"a"`
		Raw json.RawMessage `json:"raw"`
		Out string          `json:"-"`
	}{B: 3, A: "<元>", Raw: json.RawMessage(`{ "y": 1, "x": "\u5143" }`)}
	got, err := canon.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"a":"<元>","b":3,"raw":{"x":"元","y":1}}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, bad := range []any{1.5, "\xff", map[string]any{"a": 0.1}, uint64(1) << 60, make(chan int), json.RawMessage(`{"a":1,"a":1}`)} {
		if got, err := canon.Marshal(bad); err == nil {
			t.Errorf("%v accepted as %s", bad, got)
		}
	}
	if ok, err := canon.Marshal("\ufffd"); err != nil || string(ok) != "\"\ufffd\"" {
		t.Errorf("a real U+FFFD: %q, %v", ok, err)
	}
}

func TestCheckAndUnmarshal(t *testing.T) {
	t.Parallel()
	if err := canon.Check([]byte(`{"b":1,"a":2}`)); !errors.Is(err, canon.ErrNotCanonical) {
		t.Errorf("unsorted: %v", err)
	}
	var v struct {
		A int `json:"a"`
	}
	if err := canon.Unmarshal([]byte(`{"a":2}`), &v); err != nil || v.A != 2 {
		t.Errorf("got %d, %v", v.A, err)
	}
	for _, bad := range []string{`{"a":2} `, `{"a":2,"b":3}`, `{"a":"2"}`, `{"A":1,"a":2}`, `{"A":2}`, `{}`} {
		if err := canon.Unmarshal([]byte(bad), &v); err == nil {
			t.Errorf("%s accepted", bad)
		}
	}
}

// FuzzTransform holds three properties: the result is a fixed point, it means
// the same to encoding/json, and Marshal of what encoding/json reads agrees.
func FuzzTransform(f *testing.F) {
	for _, s := range []string{`{"a":[1,"x",null],"\u5143":"\ud83d\ude00"}`, `"\u2028"`, `[-1]`, `{"a":1,"a":2}`, `1e9`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := canon.Transform(in)
		if err != nil {
			return
		}
		if again, err := canon.Transform(out); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("not a fixed point: %q -> %q, %v", out, again, err)
		}
		var a, b any
		if err := number(in, &a); err != nil {
			t.Fatalf("encoding/json refuses %q: %v", in, err)
		}
		if err := number(out, &b); err != nil {
			t.Fatalf("encoding/json refuses the result %q: %v", out, err)
		}
		if diff := cmp.Diff(a, b); diff != "" {
			t.Fatal(diff)
		}
		if m, err := canon.Marshal(a); err != nil || !bytes.Equal(m, out) {
			t.Fatalf("Marshal gives %q, %v; Transform gave %q", m, err, out)
		}
	})
}

func number(raw []byte, v *any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return dec.Decode(v)
}
