package config

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// value is the value of a key, as far as settings need one.
type value struct {
	text *string
	yes  *bool
	list []string // of texts
}

// entry is one line "key = value".
type entry struct {
	key   string // with its table: log.level
	line  int
	value value
}

// Parse reads a text and gives all its faults, in the order of lines.
func Parse(raw []byte) (c Config, faults []Fault) {
	c.Set = map[string]bool{}
	if !utf8.Valid(raw) {
		return c, []Fault{{Text: "文件不是 UTF-8 编码：请用 UTF-8 保存。"}}
	}
	entries, faults := scan(raw)
	first := map[string]int{}
	for _, e := range entries {
		i := slices.IndexFunc(settings, func(s setting) bool { return s.key == e.key })
		switch {
		case i < 0:
			faults = append(faults, Fault{e.line, e.key, unknown(e.key)})
		case first[e.key] > 0:
			faults = append(faults, Fault{e.line, e.key, "重复：前面已经写过这一项。"})
		default:
			c.Set[e.key], first[e.key] = true, e.line
			if complaint := settings[i].set(&c, e.value); complaint != "" {
				faults = append(faults, Fault{e.line, e.key, complaint})
			}
		}
	}
	if first["database_url"] > 0 && first["database_url_file"] > 0 {
		faults = append(faults, Fault{max(first["database_url"], first["database_url_file"]), "database_url", "database_url 和 database_url_file 只能写一项。"})
	}
	if c.Secure && c.Set["site"] && strings.HasPrefix(c.Site, "http://") {
		faults = append(faults, Fault{first["site"], "site", "secure = true 表示公众用 https 访问，网址应以 https:// 开头。"})
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return a.Line - b.Line })
	return c, faults
}

// unknown suggests the key that was meant.
func unknown(key string) string {
	for _, s := range settings {
		name := s.key[strings.LastIndexByte(s.key, '.')+1:]
		if last := key[strings.LastIndexByte(key, '.')+1:]; distance(last, name) <= 2 {
			return "没有这一项：是否应为 " + s.key + "？"
		}
	}
	return "没有这一项：可用的各项见 deploy/jianbiao.toml。"
}

// distance is how many letters must be put in, left out or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, before+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// maxBroken is how many lines that are no TOML are told; then we stop reading.
const maxBroken = 20

// scan reads the entries. A line that is no TOML is a fault, and is read over,
// so that the rest is looked at too.
func scan(raw []byte) ([]entry, []Fault) {
	raw = slices.Clone(raw)
	var faults []Fault
	for range maxBroken {
		entries, line := attempt(raw)
		if line == 0 {
			return entries, faults
		}
		faults = append(faults, Fault{Line: line, Text: "写法不对：每行应为 键 = 值，文字写在引号里，井号 # 之后是说明。"})
		if !blank(raw, line) {
			return entries, faults
		}
	}
	return nil, faults
}

// blank writes spaces over a line; false when it has none to write.
func blank(raw []byte, line int) bool {
	at, changed := 1, false
	for i, b := range raw {
		if b == '\n' {
			at++
		} else if at == line && b != ' ' {
			raw[i], changed = ' ', true
		}
	}
	return changed
}

// attempt reads up to the first line that is no TOML; broken is its number, 0
// when there is none.
func attempt(raw []byte) (entries []entry, broken int) {
	p := unstable.Parser{}
	p.Reset(raw)
	table, last := "", 1
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table, last = path(e.Key())+".", line(raw, e.Key())
		case unstable.KeyValue:
			last = line(raw, e.Key())
			entries = append(entries, entry{table + path(e.Key()), last, read(e.Value())})
		default:
		}
	}
	err := p.Error()
	if err == nil {
		return entries, 0
	}
	var pe *unstable.ParserError
	if errors.As(err, &pe) && len(pe.Highlight) > 0 {
		r := p.Range(pe.Highlight)
		return entries, 1 + strings.Count(string(raw[:r.Offset]), "\n")
	}
	return entries, last
}

func path(keys unstable.Iterator) string {
	var names []string
	for keys.Next() {
		names = append(names, string(keys.Node().Data))
	}
	return strings.Join(names, ".")
}

func line(raw []byte, keys unstable.Iterator) int {
	if !keys.Next() {
		return 1
	}
	return 1 + strings.Count(string(raw[:keys.Node().Raw.Offset]), "\n")
}

func read(n *unstable.Node) (v value) {
	switch n.Kind {
	case unstable.String:
		s := string(n.Data)
		v.text = &s
	case unstable.Bool:
		b := string(n.Data) == "true"
		v.yes = &b
	case unstable.Array:
		v.list = []string{}
		for all := n.Children(); all.Next(); {
			if all.Node().Kind != unstable.String {
				return value{}
			}
			v.list = append(v.list, string(all.Node().Data))
		}
	default:
	}
	return v
}
