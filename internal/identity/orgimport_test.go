package identity_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jianbiao/internal/actor"
	"jianbiao/internal/identity"
)

func uscc(n int) string { return identity.MakeUSCC(fmt.Sprintf("91321300MA9%06d", n)) }

// Each row that is wrong is told by line and column, and nothing is written by
// looking.
func TestImport_rowErrors(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	system, security, _ := h.three()
	_, known := h.person(actor.Bidder)
	wrong := uscc(5)[:17] + "?"
	rows := []identity.ImportRow{
		{Line: 2, USCC: uscc(1), Name: "甲公司", Region: "321302"},
		{Line: 3, USCC: uscc(2), Name: "乙公司", Region: "江苏省宿迁市泗洪县"},
		{Line: 4, USCC: uscc(1), Name: "甲公司", Region: "321302"},
		{Line: 5, USCC: uscc(1), Name: "甲甲公司", Region: "321302"},
		{Line: 6, USCC: wrong, Name: "丙公司", Region: "321302"},
		{Line: 7, USCC: uscc(6), Name: "丁", Region: "999999"},
		{Line: 8, USCC: known.USCC, Name: known.Name, Region: "321302"},
		{Line: 9, USCC: known.USCC, Name: "改了名的公司", Region: "321302"},
		{Line: 10, USCC: strings.Replace(uscc(7), uscc(7)[17:], "0", 1) + "\x00", Name: "戊公司", Region: ""},
	}
	events := h.count(`SELECT count(*) FROM event`)
	p, err := h.PlanImport(ctx, system, rows)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range p.Errors {
		got = append(got, fmt.Sprint(e.Line, " ", e.Column, " ", e.Code))
		if e.Message == "" || strings.ContainsAny(e.Message, ",;?") && !strings.Contains(e.Message, "MA") {
			t.Errorf("message %q", e.Message)
		}
	}
	want := []string{"4 uscc import.duplicate", "5 uscc import.duplicate", "6 uscc organisation.uscc", "7 name identity.text", "7 region region.unknown",
		"8 uscc organisation.exists", "9 name import.name_differs", "10 region region.unknown", "10 uscc organisation.uscc"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(p.Good) != 2 || p.Good[1].Region != "321324" {
		t.Errorf("good: %+v", p.Good)
	}
	if h.count(`SELECT count(*) FROM event`) != events {
		t.Error("a preview wrote something")
	}
	_, err = h.PlanImport(ctx, security, rows)
	wantCode(t, "by another administrator", err, "identity.not_admin")
	_, err = h.ApplyImport(ctx, system, "名录.csv", "sha256:x", rows, true)
	wantCode(t, "all or nothing", err, "import.rows_wrong")
	_, err = h.ApplyImport(ctx, system, "名录.csv", "sha256:x", rows[2:3], false)
	wantCode(t, "one good row", err, "")
	_, err = h.ApplyImport(ctx, system, "名录.csv", "sha256:x", rows[4:5], false)
	wantCode(t, "no good row", err, "import.nothing")
	im, err := h.ApplyImport(ctx, system, "名录.csv", "sha256:x", append([]identity.ImportRow{{Line: 11, USCC: uscc(8), Name: "=己公司", Region: "321300"}}, rows[1:]...), false)
	if err != nil || im.Entered != 2 || im.Refused != 7 {
		t.Fatalf("%+v %v", im, err)
	}
	result, err := h.ImportResult(ctx, im.ID)
	if err != nil || strings.Count(string(result), "已登记") < 2 || strings.Count(string(result), "\r\n") != 10 || !strings.Contains(string(result), ",'=己公司,") {
		t.Errorf("%s %v", result, err)
	}
	_, err = h.ImportResult(ctx, "x")
	wantCode(t, "no such import", err, "import.not_found")
}

// Ten thousand rows in one transaction, on the record, in some seconds.
func TestImport_tenThousandRows(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	system, _, _ := h.three()
	rows := make([]identity.ImportRow, 10_000)
	for i := range rows {
		rows[i] = identity.ImportRow{Line: i + 2, USCC: uscc(i), Name: fmt.Sprintf("宿迁第%d建筑工程有限公司", i), Region: "321302"}
	}
	began := time.Now()
	im, err := h.ApplyImport(ctx, system, "名录.xlsx", "sha256:x", rows, true)
	if err != nil || im.Entered != len(rows) {
		t.Fatalf("%+v %v", im, err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %s", took)
	} else {
		t.Logf("took %s", took)
	}
	if n := h.count(`SELECT count(*) FROM organisation`); n != len(rows)+3 {
		t.Errorf("%d organisations", n)
	}
	if n := h.count(`SELECT count(*) FROM event WHERE kind = 'organisation.imported'`); n != 10 {
		t.Errorf("%d events", n)
	}
}
