package workday_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"jianbiao/internal/apperr"
	"jianbiao/internal/workday"
)

func day(t *testing.T, s string) workday.Day {
	t.Helper()
	d, err := workday.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDay_roundTrip(t *testing.T) {
	t.Parallel()
	for d := workday.Date(1998, time.December, 1); d < workday.Date(2045, time.January, 1); d++ {
		if back := day(t, d.String()); back != d {
			t.Fatalf("%d became %q became %d", d, d.String(), back)
		}
		if got := workday.DayOf(d.Start()); got != d {
			t.Fatalf("the day of the start of %s is %s", d, got)
		}
		if got := workday.DayOf(d.End().Add(-time.Nanosecond)); got != d {
			t.Fatalf("the day of the last moment of %s is %s", d, got)
		}
	}
	if got := workday.Date(1969, time.December, 31); got != -1 {
		t.Errorf("the day before the epoch is %d", got)
	}
}

func TestDayOf_isBeijing(t *testing.T) {
	t.Parallel()
	evening := time.Date(2026, time.March, 6, 16, 30, 0, 0, time.UTC) // 0:30 on the 7th in Beijing
	if got := workday.DayOf(evening).String(); got != "2026-03-07" {
		t.Errorf("got %s", got)
	}
}

func TestDay_encoding(t *testing.T) {
	t.Parallel()
	d := workday.Date(2026, time.March, 6)
	text, err := json.Marshal(map[string]workday.Day{"date": d})
	if err != nil || string(text) != `{"date":"2026-03-06"}` {
		t.Fatalf("JSON is %s, %v", text, err)
	}
	for _, src := range []any{"2026-03-06", []byte("2026-03-06"), time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC)} {
		var back workday.Day
		if err := back.Scan(src); err != nil || back != d {
			t.Errorf("Scan(%v) gives %s, %v", src, back, err)
		}
	}
	var back workday.Day
	if err := back.Scan(7); err == nil {
		t.Error("Scan took an integer")
	}
	if v, err := d.Value(); v != "2026-03-06" || err != nil {
		t.Errorf("Value is %v, %v", v, err)
	}
	if got := d.Chinese() + d.ChineseWeekday(); got != "2026年3月6日周五" {
		t.Errorf("in Chinese it is %s", got)
	}
}

func TestParseDay_refusals(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "2026-02-30", "2026-3-6", "06/03/2026", "2026-03-06T00:00", strings.Repeat("9", 500)} {
		_, err := workday.ParseDay(s)
		if apperr.CodeOf(err) != "workday.bad_date" || apperr.KindOf(err) != apperr.Invalid {
			t.Errorf("%q gives %v", s, err)
		}
	}
}

func TestCalendar_IsWorkday(t *testing.T) {
	t.Parallel()
	cal := workday.Default()
	for _, c := range []struct{ date, off, worked string }{
		{"2026-03-06", "", ""},
		{"2026-03-07", "周六", ""},
		{"2026-02-17", "春节放假", ""},
		{"2026-02-14", "", "春节调休上班"},
		{"2026-01-04", "", "元旦调休上班"},
		{"2026-05-09", "", "劳动节调休上班"},
		{"2026-06-19", "端午节放假", ""},
		{"2007-12-31", "元旦放假", ""}, // said by the notice of 2008
		{"2007-12-29", "", "元旦调休上班"},
		{"2018-12-31", "元旦放假", ""}, // said by the notice of 2019
		{"2018-12-29", "", "元旦调休上班"},
		{"2022-12-31", "元旦放假", ""}, // said by the notice of 2023
		{"2020-02-03", "", ""},     // a Monday the second notice of 2020 gives back to work
		{"2015-09-03", "抗日战争暨世界反法西斯战争胜利70周年纪念日放假", ""},
		{"2027-01-01", "元旦（日期固定的节日）", ""}, // no notice yet
		{"2027-05-03", "", ""},
		{"2027-05-01", "劳动节（日期固定的节日）", ""},
		{"2027-10-03", "国庆节（日期固定的节日）", ""},
		{"2027-02-08", "", ""}, // Spring Festival, unknown without a notice
	} {
		d := day(t, c.date)
		if got := cal.WhyOff(d); got != c.off || cal.IsWorkday(d) != (c.off == "") {
			t.Errorf("%s is off because of %q, want %q", c.date, got, c.off)
		}
		if got := cal.WhyWorked(d); got != c.worked {
			t.Errorf("%s is worked because of %q, want %q", c.date, got, c.worked)
		}
	}
}

// The number of working days of each year as published with the notices.
func TestCalendar_workdaysOfAYear(t *testing.T) {
	t.Parallel()
	cal := workday.Default()
	for year, want := range map[int]int{2023: 249, 2024: 251, 2025: 248, 2026: 248} {
		got := cal.WorkdaysBetween(workday.Date(year-1, 12, 31), workday.Date(year, 12, 31))
		if got != want {
			t.Errorf("%d has %d working days, want %d", year, got, want)
		}
	}
}

func TestCalendar_nextAndPrevious(t *testing.T) {
	t.Parallel()
	cal := workday.Default()
	for _, c := range []struct{ date, next, previous string }{
		{"2026-03-06", "2026-03-06", "2026-03-06"},
		{"2026-03-07", "2026-03-09", "2026-03-06"},
		{"2026-10-03", "2026-10-08", "2026-09-30"},
		{"2026-02-18", "2026-02-24", "2026-02-14"},
	} {
		d := day(t, c.date)
		if got := cal.Next(d).String(); got != c.next {
			t.Errorf("next of %s is %s, want %s", c.date, got, c.next)
		}
		if got := cal.Previous(d).String(); got != c.previous {
			t.Errorf("previous of %s is %s, want %s", c.date, got, c.previous)
		}
	}
}

func TestCalendar_WorkdaysBetween(t *testing.T) {
	t.Parallel()
	cal := workday.Default()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"2026-03-06", "2026-03-06", 0},
		{"2026-03-06", "2026-03-11", 3},
		{"2026-03-07", "2026-03-09", 1},
		{"2026-03-06", "2026-03-08", 0},
		{"2026-03-11", "2026-03-06", -3},
		{"2026-04-10", "2026-05-26", 30},
	} {
		if got := cal.WorkdaysBetween(day(t, c.a), day(t, c.b)); got != c.want {
			t.Errorf("from %s to %s are %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestCalendar_Remarks(t *testing.T) {
	t.Parallel()
	cal := workday.Default()
	for _, c := range []struct {
		a, b string
		want int
		says string
	}{
		{"2026-03-06", "2026-03-11", 0, ""},
		{"2025-12-20", "2026-01-10", 0, ""},
		{"2026-12-20", "2026-12-28", 1, "2027年元旦的放假安排尚未公布"},
		{"2027-03-01", "2027-03-05", 1, "春节、清明、端午、中秋"},
		{"2026-12-20", "2028-01-05", 3, "2028年放假安排尚未公布"},
		{"2027-03-05", "2027-03-01", 1, "2027年放假安排尚未公布"},
	} {
		got := cal.Remarks(day(t, c.a), day(t, c.b))
		if len(got) != c.want || !strings.Contains(strings.Join(got, "\n"), c.says) {
			t.Errorf("from %s to %s: %q", c.a, c.b, got)
		}
	}
}

func TestCalendar_Check(t *testing.T) {
	t.Parallel()
	cal := workday.Default()
	for date, ok := range map[string]bool{"2006-12-31": false, "2007-01-01": true, "2036-12-31": true, "2037-01-01": false} {
		if err := cal.Check(day(t, date)); (err == nil) != ok || !ok && apperr.CodeOf(err) != "workday.out_of_range" {
			t.Errorf("%s: %v", date, err)
		}
	}
}

func TestCalendar_anImportedNoticeChangesDaysAndDigest(t *testing.T) {
	t.Parallel()
	older := `{"year":2026,"papers":["p"],"days":[{"name":"元旦","date":"2026-01-01","isOffDay":true}]}`
	newer := `{"year":2027,"papers":["q"],"days":[{"name":"春节","date":"2027-02-08","isOffDay":true},{"name":"元旦","date":"2026-12-27","isOffDay":false}]}`
	before, err := workday.Load(fstest.MapFS{"2026.json": {Data: []byte(older)}, "2027.json": {Data: []byte(`{"year":2027,"papers":[],"days":[]}`)}})
	if err != nil {
		t.Fatal(err)
	}
	after, err := workday.Load(fstest.MapFS{"2026.json": {Data: []byte(older)}, "2027.json": {Data: []byte(newer)}})
	if err != nil {
		t.Fatal(err)
	}
	festival, sunday := day(t, "2027-02-08"), day(t, "2026-12-27")
	if !before.IsWorkday(festival) || after.IsWorkday(festival) || before.Noticed(2027) || !after.Noticed(2027) {
		t.Error("the notice of 2027 does not move Spring Festival")
	}
	if before.IsWorkday(sunday) || !after.IsWorkday(sunday) {
		t.Error("the notice of 2027 does not move a day of 2026")
	}
	if before.Digest() == after.Digest() || !strings.HasPrefix(after.Digest(), "sha256:") {
		t.Errorf("digests %s and %s", before.Digest(), after.Digest())
	}
	if diff := cmp.Diff([]string{"q"}, after.Papers(2027)); diff != "" {
		t.Error(diff)
	}
	if len(after.Remarks(festival, festival)) != 0 {
		t.Error("a noticed year still has a remark")
	}
}

func TestParseFile_refusals(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"not JSON":        `holiday`,
		"trailing":        `{"year":2026,"days":[]} {}`,
		"no year":         `{"days":[]}`,
		"impossible date": `{"year":2026,"days":[{"name":"元旦","date":"2026-02-30","isOffDay":true}]}`,
		"no isOffDay":     `{"year":2026,"days":[{"name":"元旦","date":"2026-01-01"}]}`,
		"no name":         `{"year":2026,"days":[{"date":"2026-01-01","isOffDay":true}]}`,
		"no date":         `{"year":2026,"days":[{"name":"元旦","isOffDay":true}]}`,
		"far year":        `{"year":2026,"days":[{"name":"元旦","date":"2024-01-01","isOffDay":true}]}`,
		"twice":           `{"year":2026,"days":[{"name":"元旦","date":"2026-01-01","isOffDay":true},{"name":"元旦","date":"2026-01-01","isOffDay":true}]}`,
		"huge":            `{"year":2026,"note":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		_, err := workday.ParseFile([]byte(text))
		if apperr.CodeOf(err) != "workday.bad_file" || apperr.KindOf(err) != apperr.Invalid {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

func TestNew_refusals(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	one := workday.Date(2026, 1, 1)
	file := func(year int, d workday.Day, off *bool) workday.File {
		return workday.File{Year: year, Days: []workday.Notice{{Name: "元旦", Date: d, Off: off}}}
	}
	for name, files := range map[string][]workday.File{
		"nothing":          nil,
		"only empty files": {{Year: 2027}},
		"a year twice":     {file(2026, one, &yes), file(2026, one+1, &yes)},
		"opposite days":    {file(2026, one, &yes), file(2025, one, &no)},
		"undecided":        {file(2026, one, nil)},
	} {
		if _, err := workday.New(files...); apperr.CodeOf(err) != "workday.bad_file" {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

func TestCalendar_OfficeMinutes(t *testing.T) {
	t.Parallel()
	cal := workday.Default()
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, workday.Beijing)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		from, until string
		want        int
	}{
		{"2026-03-06 09:00", "2026-03-06 18:00", 480},
		{"2026-03-06 08:00", "2026-03-06 12:30", 180},
		{"2026-03-06 17:00", "2026-03-09 10:00", 120}, // over a weekend
		{"2026-03-07 00:00", "2026-03-08 24:00", 0},
		{"2026-03-06 09:00", "2026-03-11 09:00", 3 * 480},
		{"2026-03-06 10:00", "2026-03-06 09:00", -60},
	} {
		until := strings.Replace(c.until, "24:00", "23:59", 1)
		got, err := cal.OfficeMinutes(at(c.from), at(until), workday.DefaultOffice)
		if err != nil || got != c.want {
			t.Errorf("from %s to %s are %d minutes, want %d (%v)", c.from, c.until, got, c.want, err)
		}
	}
	span := workday.Span{From: day(t, "2026-03-09"), To: day(t, "2026-03-10")}
	got, err := cal.OfficeMinutes(at("2026-03-06 09:00"), at("2026-03-11 09:00"), workday.DefaultOffice, span)
	if err != nil || got != 480 || workday.DefaultOffice.Minutes() != 480 {
		t.Errorf("with two days excluded: %d, %v", got, err)
	}
	_, err = cal.OfficeMinutes(at("2026-03-06 09:00"), at("2026-03-11 09:00"), workday.Office{{600, 500}})
	if apperr.CodeOf(err) != "workday.bad_office" {
		t.Errorf("hours out of order give %v", err)
	}
	if _, err = cal.OfficeMinutes(at("1999-03-06 09:00"), at("2026-03-11 09:00"), workday.DefaultOffice); apperr.CodeOf(err) != "workday.out_of_range" {
		t.Errorf("a start before the calendar gives %v", err)
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte(`{"year":2026,"papers":["p"],"days":[{"name":"元旦","date":"2026-01-01","isOffDay":true}]}`))
	f.Add([]byte(`{"year":2027,"papers":[],"days":[]}`))
	f.Add([]byte(`{"year":2026,"days":[{"name":"元旦","date":"2025-12-31","isOffDay":false}]}`))
	f.Add([]byte(`{"year":2026,"days":[{"name":"x","date":null,"isOffDay":null}]}`))
	f.Add([]byte(`{"year":1e9}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := workday.ParseFile(data)
		if err != nil {
			if apperr.KindOf(err) != apperr.Invalid {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		cal, err := workday.New(file)
		if err != nil {
			if apperr.KindOf(err) != apperr.Invalid {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		for d := workday.Date(file.Year, 1, 1); d.Year() == file.Year; d++ {
			if next := cal.Next(d); next < d || !cal.IsWorkday(next) {
				t.Fatalf("the working day after %s is %s", d, next)
			}
		}
		for _, n := range file.Days {
			if cal.IsWorkday(n.Date) == *n.Off {
				t.Fatalf("the calendar contradicts the notice on %s", n.Date)
			}
		}
	})
}
