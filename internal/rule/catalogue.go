package rule

import (
	_ "embed" // the catalogue
	"sort"
	"sync"

	"jianbiao/internal/apperr"
	"jianbiao/internal/workday"
)

//go:embed data/catalogue.json
var embedded []byte

var builtIn = sync.OnceValue(func() *Catalogue {
	c, err := Parse(embedded)
	if err != nil {
		panic("rule: embedded catalogue: " + err.Error()) // a broken build, found by every test
	}
	return c
})

// Default is the catalogue that ships with the program.
func Default() *Catalogue { return builtIn() }

// Dictionary are the names rules may refer to: events that are recorded,
// milestones that are dates on an aggregate, facts that are computed.
type Dictionary struct {
	Events     []string `json:"events"`
	Milestones []string `json:"milestones"`
	Facts      []string `json:"facts"`
}

// Has says whether a name is in one of the three lists.
func (d Dictionary) Has(name string) bool {
	for _, list := range [][]string{d.Events, d.Milestones, d.Facts} {
		for _, n := range list {
			if n == name {
				return true
			}
		}
	}
	return false
}

// Catalogue is a checked set of rules, immutable and safe for concurrent use.
type Catalogue struct {
	version    string
	digest     string
	dictionary Dictionary
	matters    []Matter
	rules      []Rule           // in the order of the file
	byCode     map[string][]int // rows of a code, by EffectiveFrom
}

// Version is the version the catalogue's file gives itself.
func (c *Catalogue) Version() string { return c.version }

// Digest is "sha256:…" over the catalogue's file.
func (c *Catalogue) Digest() string { return c.digest }

// Dictionary are the names the rules refer to.
func (c *Catalogue) Dictionary() Dictionary {
	d := c.dictionary
	return Dictionary{
		Events:     append([]string(nil), d.Events...),
		Milestones: append([]string(nil), d.Milestones...),
		Facts:      append([]string(nil), d.Facts...),
	}
}

// Matters are the supervised matters in their order.
func (c *Catalogue) Matters() []Matter { return append([]Matter(nil), c.matters...) }

// Rules are all rows in their order.
func (c *Catalogue) Rules() []Rule { return append([]Rule(nil), c.rules...) }

// Rule is the newest row of a code. An unknown code is NotFound, "rule.unknown".
func (c *Catalogue) Rule(code string) (Rule, error) {
	rows := c.byCode[code]
	if len(rows) == 0 {
		return Rule{}, apperr.New(apperr.NotFound, "rule.unknown", "规则目录中没有编号为“%s”的规则。", brief(code))
	}
	return c.rules[rows[len(rows)-1]], nil
}

// RuleOn is the row of a code in force on a day. An unknown code is NotFound,
// "rule.unknown"; a day on which no row is in force is Invalid, "rule.not_in_force".
func (c *Catalogue) RuleOn(code string, on workday.Day) (Rule, error) {
	if _, err := c.Rule(code); err != nil {
		return Rule{}, err
	}
	for _, i := range c.byCode[code] {
		if c.rules[i].InForce(on) {
			return c.rules[i], nil
		}
	}
	return Rule{}, apperr.New(apperr.Invalid, "rule.not_in_force", "规则 %s 在%s尚未施行或者已经失效。", code, on.Chinese())
}

// ByUntil are the rows in force that an event, milestone or fact satisfies, for
// a domain (rows of ALL included).
func (c *Catalogue) ByUntil(name string, domain Domain, on workday.Day) []Rule {
	return c.pick(domain, on, func(r Rule) bool { return r.Until == name })
}

// ByFrom are the rows in force whose period an event or milestone begins.
func (c *Catalogue) ByFrom(name string, domain Domain, on workday.Day) []Rule {
	return c.pick(domain, on, func(r Rule) bool { return r.From == name || r.AlsoFrom == name })
}

func (c *Catalogue) pick(domain Domain, on workday.Day, want func(Rule) bool) []Rule {
	var out []Rule
	for _, r := range c.rules {
		if want(r) && (r.Domain == All || r.Domain == domain) && r.InForce(on) {
			out = append(out, r)
		}
	}
	return out
}

// index orders the rows of each code by time and refuses rows that overlap.
func (c *Catalogue) index() error {
	c.byCode = map[string][]int{}
	for i, r := range c.rules {
		c.byCode[r.Code] = append(c.byCode[r.Code], i)
	}
	for code, rows := range c.byCode {
		sort.Slice(rows, func(a, b int) bool { return c.rules[rows[a]].EffectiveFrom < c.rules[rows[b]].EffectiveFrom })
		for k := 1; k < len(rows); k++ {
			if before := c.rules[rows[k-1]]; before.EffectiveTo == nil || *before.EffectiveTo >= c.rules[rows[k]].EffectiveFrom {
				return badCatalogue("规则 %s 有两行的施行期间重叠。", code)
			}
		}
	}
	return nil
}
