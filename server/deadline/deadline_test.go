package deadline_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"jianbiao/internal/apperr"
	"jianbiao/internal/rule"
	"jianbiao/internal/workday"
	"jianbiao/server/deadline"
)

func run(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = deadline.Command(args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestCommand_printsTheDateAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{"--kind MAX --unit WD --n 3 --from 2026-03-06", "2026-03-11"},
		{"--kind MAX --unit WD --n 3 --from 2026-03-06 --mode DATE_DIFF", "2026-03-11"},
		{"--kind=MAX --unit=WD --n=30 --from=2026-03-02 --exclude=2026-03-16..2026-03-27", "2026-04-28"},
		{"--kind MAX --unit WD --n 30 --from 2026-03-02 --exclude 2026-03-16..2026-03-20,2026-03-21..2026-03-27", "2026-04-28"},
		{"--kind MAX --unit WD --n 30 --from 2026-03-02 --exclude 2026-03-16..2026-03-20 --exclude 2026-03-21..2026-03-27", "2026-04-28"},
		{"--kind MAX --unit WD --n 30 --from 2026-03-02 --exclude 2026-03-16..2026-03-26，2026-03-27", "2026-04-28"},
		{"-kind max -unit wd -n 3 -from 2026-03-06", "2026-03-11"},
		{"--kind MIN_BEFORE --unit CD --n 10 --from 2026-03-25", "2026-03-15"},
		{"--kind MAX_BEFORE --unit WD --n 2 --from 2026-03-09", "2026-03-05"},
		{"--kind MIN --unit CD --n 20 --from 2026-03-02 --mode CALENDAR_STRICT", "2026-03-23"},
		{"--kind MAX --unit H --n 12 --from 2026-03-06T18:00", "2026-03-07"},
		{"--kind MAX --unit H --n 12 --from 2026-03-06T18:00:00Z", "2026-03-07"},
		{"--kind MAX --unit WD --n 3 --from 2026-03-06T18:00:00Z", "2026-03-11"}, // Saturday in Beijing
		{"--rule R09-1 --from 2026-03-02", "2026-03-22"},
		{"--rule r09-1 --from 2026-03-02 --mode CALENDAR_STRICT", "2026-03-23"},
		{"--rule R32-2 --from 2026-03-12", "2026-03-16"},
		{"--rule R32-2 --from 2026-03-12 --kind MIN --unit CD --n 3 --mode DATE_DIFF", "2026-03-15"},
	} {
		code, stdout, stderr := run(strings.Fields(c.args)...)
		if code != 0 || stdout != c.want+"\n" || stderr != "" {
			t.Errorf("%s: exit %d, %q, %q; want %s", c.args, code, stdout, stderr, c.want)
		}
	}
}

func TestCommand_explain(t *testing.T) {
	t.Parallel()
	code, stdout, _ := run(strings.Fields("--explain --rule R32-2 --from 2026-03-12")...)
	want := `规则 R32-2 中标候选人公示期
依据 《中华人民共和国招标投标法实施条例》第五十四条
  2026-03-12 周四 起算当日，不计入（民法典第二百零一条）
+ 2026-03-13 周五 第1日
+ 2026-03-14 周六 第2日（周六，照常计入）
+ 2026-03-15 周日 第3日（周日，照常计入）
  2026-03-16 周一 顺延至本日届满（民法典第二百零三条）
说明：末日2026年3月15日为休假日（周日），依《中华人民共和国民法典》第二百零三条顺延至2026年3月16日
结果：最早2026年3月16日24时届满
2026-03-16
`
	if diff := cmp.Diff(want, stdout); code != 0 || diff != "" {
		t.Errorf("exit %d\n%s", code, diff)
	}
	_, stdout, _ = run(strings.Fields("--explain --kind MAX --unit WD --n 2 --from 2027-02-05")...)
	if !strings.Contains(stdout, "春节、清明、端午、中秋") {
		t.Errorf("a year without a notice passes in silence:\n%s", stdout)
	}
}

func TestCommand_refusals(t *testing.T) {
	t.Parallel()
	base := "--kind MAX --unit WD --n 3 --from 2026-03-06 "
	for _, args := range []string{
		"", "--from 2026-03-06", "--kind MAX --unit WD --n 3",
		base + "--n 4", base + "--until 2026-03-07", base + "later", base + "--mode", base + "--mode LOOSE", base + "--explain=yes",
		base + "--exclude 2026-03-27..2026-03-16", base + "--exclude someday", base + "--exclude",
		base + "--rule R99-1", base + "--rule R09-1",
		"--kind SOON --unit WD --n 3 --from 2026-03-06",
		"--kind GATE --unit CD --n 3 --from 2026-03-06",
		"--kind MAX --unit YEAR --n 3 --from 2026-03-06",
		"--kind MAX --unit WD --n -3 --from 2026-03-06",
		"--kind MAX --unit WD --n 3.5 --from 2026-03-06",
		"--kind MAX --unit WD --n 99999999999999999999 --from 2026-03-06",
		"--kind MAX --unit WD --n 9999 --from 2026-03-06",
		"--kind MAX --unit WD --n 3 --from 2026-02-30",
		"--kind MAX --unit WD --n 3 --from 1999-03-06",
		"--kind MAX --unit WD --n 3 --from 0001-01-01",
		"--kind MAX --unit WD --n 3 --from 9999-12-31",
		"--rule R33-1 --from 2026-03-06", "--rule R01-1 --from 2026-03-06", "--rule R38-2 --from 2024-03-06",
	} {
		code, stdout, stderr := run(strings.Fields(args)...)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit %d, %q, %q", args, code, stdout, stderr)
		}
		if !strings.ContainsFunc(stderr, func(r rune) bool { return unicode.Is(unicode.Han, r) }) || strings.Contains(stderr, "parsing") {
			t.Errorf("%q is told %q", args, stderr)
		}
	}
}

func TestCommand_help(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := run("--help")
	if code != 0 || !strings.Contains(stdout, "--exclude") || stderr != "" {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

func TestAnswer_asJSON(t *testing.T) {
	t.Parallel()
	res, err := deadline.Answer(workday.Default(), rule.Default(), deadline.Params{Rule: "R16-1", From: "2026-03-07 23:59:30", Exclude: []string{" "}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(res, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "date": "2026-03-08",
 "at": "2026-03-08T00:00:30+08:00",
 "bound": "最迟2026年3月8日00时00分30秒",
 "kind": "MAX",
 "unit": "MIN",
 "n": 1,
 "mode": "DATE_DIFF",
 "from": "2026-03-07T23:59:30+08:00",
 "exclude": [],
 "days": [
  {
   "date": "2026-03-07",
   "weekday": "周六",
   "workday": false,
   "counted": true,
   "why": "按时刻连续计算，休假日照常计入（民法典第二百零一条第二款）"
  },
  {
   "date": "2026-03-08",
   "weekday": "周日",
   "workday": false,
   "counted": true,
   "why": "按时刻连续计算，休假日照常计入（民法典第二百零一条第二款）"
  }
 ],
 "remarks": [
  "本规则的数字是平台默认值，不是法定时限"
 ],
 "rule": {
  "code": "R16-1",
  "name": "收到投标文件即时回执",
  "basis": "《电子招标投标办法》（国家发展改革委等八部委令2013年第20号）第二十七条（即时向投标人发出确认回执）",
  "conf": "S"
 },
 "calendar": "` + workday.Default().Digest() + `",
 "catalogue": "` + rule.Default().Digest() + `"
}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
}

func TestAnswer_remarksAndBounds(t *testing.T) {
	t.Parallel()
	answer := func(p deadline.Params) deadline.Response {
		res, err := deadline.Answer(workday.Default(), rule.Default(), p)
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		return res
	}
	if res := answer(deadline.Params{Rule: "R09-3", From: "2026-03-02"}); !strings.Contains(strings.Join(res.Remarks, ""), "尚未与法条原文核对") {
		t.Errorf("a rule of confidence K passes in silence: %q", res.Remarks)
	}
	if res := answer(deadline.Params{Rule: "R20-1", From: "2026-03-09"}); !strings.Contains(strings.Join(res.Remarks, ""), "竞争性磋商") {
		t.Errorf("the exceptions of R20-1 are not told: %q", res.Remarks)
	}
	long := answer(deadline.Params{Kind: "MAX", Unit: "CD", N: "1000", From: "2026-03-02"})
	if len(long.Days) != 0 || !strings.Contains(strings.Join(long.Remarks, ""), "不逐日列出") {
		t.Errorf("%d days, %q", len(long.Days), long.Remarks)
	}
}

func TestAnswer_codes(t *testing.T) {
	t.Parallel()
	for code, p := range map[string]deadline.Params{
		"deadline.missing":       {From: "2026-03-02"},
		"deadline.bad_from":      {Kind: "MAX", Unit: "WD", N: "3", From: "tomorrow"},
		"deadline.bad_number":    {Kind: "MAX", Unit: "WD", N: "three", From: "2026-03-02"},
		"deadline.contradiction": {Rule: "R09-1", N: "21", From: "2026-03-02"},
		"rule.unknown":           {Rule: "R99-9", From: "2026-03-02"},
		"rule.not_in_force":      {Rule: "R38-2", From: "2024-03-02"},
		"rule.bad_exclusion":     {Kind: "MAX", Unit: "WD", N: "3", From: "2026-03-02", Exclude: []string{"x"}},
	} {
		if _, err := deadline.Answer(workday.Default(), rule.Default(), p); apperr.CodeOf(err) != code {
			t.Errorf("%+v gives %v, want %s", p, err, code)
		}
	}
}
