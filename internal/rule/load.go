package rule

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"regexp"
	"slices"

	"jianbiao/internal/apperr"
)

const (
	schema       = "jianbiao/catalogue/1"
	maxCatalogue = 4 << 20 // bytes; the built-in one has 60 KB
)

var (
	codeForm   = regexp.MustCompile(`^R\d{2}-\d{1,2}$`)
	matterForm = regexp.MustCompile(`^M\d{2}$`)
	nameForm   = regexp.MustCompile(`^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$`)
	shareForm  = regexp.MustCompile(`^([1-9])/([1-9])$`)
)

type file struct {
	Schema     string     `json:"schema"`
	Version    string     `json:"version"`
	Note       string     `json:"note"`
	Dictionary Dictionary `json:"dictionary"`
	Matters    []Matter   `json:"matters"`
	Rules      []Rule     `json:"rules"`
}

// Parse reads a catalogue and refuses one that a rule engine could misread: an
// unknown field, kind, unit or mode, a name outside the dictionary, a rule
// without its article, two rows of a code in force at once. Its refusals are
// *apperr.Error of kind Invalid, code "rule.bad_catalogue".
func Parse(data []byte) (*Catalogue, error) {
	if len(data) > maxCatalogue {
		return nil, badCatalogue("规则目录文件过大，最多 4 MiB。")
	}
	var f file
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, badCatalogue("规则目录不是规定的 JSON 格式，或有未定义的字段、不存在的日期。").Because(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, badCatalogue("规则目录在内容之后还有多余的字符。")
	}
	if f.Schema != schema || f.Version == "" {
		return nil, badCatalogue("规则目录的格式标识或版本号不正确，应为“%s”。", schema)
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	c := &Catalogue{
		version: f.Version, digest: "sha256:" + hex.EncodeToString(sum[:]),
		dictionary: f.Dictionary, matters: f.Matters, rules: f.Rules,
	}
	if err := c.index(); err != nil {
		return nil, err
	}
	return c, nil
}

func (f file) check() error {
	names := map[string]bool{}
	for _, list := range [][]string{f.Dictionary.Events, f.Dictionary.Milestones, f.Dictionary.Facts} {
		for _, n := range list {
			if !nameForm.MatchString(n) || names[n] {
				return badCatalogue("事件字典中的名称“%s”不合格式或重复。", brief(n))
			}
			names[n] = true
		}
	}
	matters := map[string]bool{}
	for _, m := range f.Matters {
		if !matterForm.MatchString(m.Code) || m.ID == "" || m.Name == "" || matters[m.Code] {
			return badCatalogue("事项“%s”编号不合格式、重复或缺少名称。", brief(m.Code))
		}
		matters[m.Code] = true
	}
	if len(f.Rules) == 0 {
		return badCatalogue("规则目录中没有规则。")
	}
	for _, r := range f.Rules {
		if why := r.fault(matters, names); why != "" {
			return badCatalogue("规则“%s”不正确：%s。", brief(r.Code), why)
		}
	}
	return nil
}

// fault says in Chinese what is wrong with a row; it is empty when nothing is.
func (r Rule) fault(matters, names map[string]bool) string {
	for _, c := range []struct {
		bad bool
		why string
	}{
		{!codeForm.MatchString(r.Code), "编号应形如 R09-1"},
		{!matters[r.Matter], "所属事项不存在"},
		{r.Domain != Engineering && r.Domain != Procurement && r.Domain != All, "适用领域应为 ENG、GOV 或 ALL"},
		{r.Name == "", "缺少名称"},
		{unitsOf[r.Kind] == nil, "类型未定义"},
		{!slices.Contains(unitsOf[r.Kind], r.Unit), "单位与类型不符"},
		{r.N < 0 || r.N > MaxN, "数字超出范围"},
		{r.Unit == NoUnit && r.N != 0, "没有单位的规则不能有数字"},
		{r.Unit != NoUnit && r.N == 0, "缺少数字"},
		{r.Unit == Percent && r.N > 100, "比例超过百分之百"},
		{r.Mode != "" && (!modes[r.Mode] || r.Kind != Min), "判法未定义，或者用在了最短期间以外的规则上"},
		{!names[r.From] || !names[r.Until], "起算或满足事件不在事件字典中"},
		{r.Limit != "" && (!names[r.Limit] || r.Unit != NoUnit), "期限界点不在事件字典中，或与数字并存"},
		{r.AlsoFrom != "" && !names[r.AlsoFrom], "另一起算事件不在事件字典中"},
		{r.Kind == Max && r.Unit == NoUnit && r.Limit == "", "既没有数字也没有期限界点"},
		{r.Kind == RatioMax && (r.Part == "" || r.Whole == ""), "比例规则缺少分子或分母的名称"},
		{r.Kind == CountMin && r.Counted == "", "数量规则缺少被计数对象的名称"},
		{r.ExpertShare != "" && !shareForm.MatchString(r.ExpertShare), "专家比例应形如 2/3"},
		{(r.Odd || r.ExpertShare != "") && r.Kind != CountMin, "单数和专家比例只用于数量规则"},
		{len(r.Basis) == 0 || slices.Contains(r.Basis, ""), "缺少依据"},
		{!slices.Contains([]string{"T", "S", "K"}, r.Confidence), "可信度应为 T、S 或 K"},
		{!slices.Contains([]string{"law", "config", "none"}, r.NumberSource), "数字来源应为 law、config 或 none"},
		{r.EffectiveFrom <= 0, "缺少施行日期"},
		{r.EffectiveTo != nil && *r.EffectiveTo < r.EffectiveFrom, "失效日期早于施行日期"},
	} {
		if c.bad {
			return c.why
		}
	}
	return ""
}

func badCatalogue(format string, args ...any) *apperr.Error {
	return apperr.New(apperr.Invalid, "rule.bad_catalogue", format, args...)
}

// brief keeps what a person typed recognisable in a message, and the message short.
func brief(s string) string {
	if r := []rune(s); len(r) > 24 {
		return string(r[:24]) + "…"
	}
	return s
}
