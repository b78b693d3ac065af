package workday_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jianbiao/internal/workday"
)

// The notice of 2026 as it was published, and one in an older style.
const notice2026 = `国务院办公厅关于2026年
部分节假日安排的通知
国办发明电〔2025〕7号

各省、自治区、直辖市人民政府，国务院各部委、各直属机构：
　　经国务院批准，现将2026年元旦、春节、清明节、劳动节、端午节、中秋节和国庆节放假调休日期的具体安排通知如下。
　　一、元旦：1月1日（周四）至3日（周六）放假调休，共3天。1月4日（周日）上班。
　　二、春节：2月15日（农历腊月二十八、周日）至23日（农历正月初七、周一）放假调休，共9天。2月14日（周六）、2月28日（周六）上班。
　　三、清明节：4月4日（周六）至6日（周一）放假，共3天。
　　四、劳动节：5月1日（周五）至5日（周二）放假调休，共5天。5月9日（周六）上班。
　　五、端午节：6月19日（周五）至21日（周日）放假，共3天。
　　六、中秋节：9月25日（周五）至27日（周日）放假，共3天。
　　七、国庆节：10月1日（周四）至7日（周三）放假调休，共7天。9月20日（周日）、10月10日（周六）上班。
　　节假日期间，各地区、各部门要妥善安排好值班和安全、保卫等工作，遇有重大突发事件，要按规定及时报告并妥善处置，确保人民群众祥和平安度过节日假期。
国务院办公厅
2025年11月4日`

// What is read out of the official text is what the public collection says.
func TestParsePaper_agreesWithTheCollection(t *testing.T) {
	t.Parallel()
	p := workday.ParsePaper(notice2026)
	if len(p.Faults)+len(p.Warnings) != 0 || p.Number != "国办发明电〔2025〕7号" || p.File.Year != 2026 {
		t.Fatalf("%+v", p)
	}
	mine, err := workday.With(p.File)
	if err != nil {
		t.Fatal(err)
	}
	theirs := workday.Default()
	for d := day(t, "2025-12-01"); d <= day(t, "2027-01-31"); d++ {
		if mine.IsWorkday(d) != theirs.IsWorkday(d) {
			t.Errorf("%s: working day %t, the collection says %t", d, mine.IsWorkday(d), theirs.IsWorkday(d))
		}
	}
}

func TestParsePaper_styles(t *testing.T) {
	t.Parallel()
	head := "国务院办公厅关于2023年部分节假日安排的通知\n"
	for text, want := range map[string]string{
		"一、元旦：2022年12月31日至2023年1月2日放假调休，共3天。":                     "-2022-12-31 -2023-01-01 -2023-01-02",
		"一、元旦：12月31日（星期六）至1月2日（星期一）放假调休，共3天。":                     "-2022-12-31 -2023-01-01 -2023-01-02",
		"三、清明节：4月5日（周三）放假1天，不调休。":                                 "-2023-04-05",
		"七、国庆节：9月29日（周五）至30日（周六）放假，共2天。10月7日\n、8日上班。\n2022年12月8日": "-2023-09-29 -2023-09-30 +2023-10-07 +2023-10-08",
		"三、清明节:4月5日(周三)放假1天,不调休.":                                 "-2023-04-05",
		"五、端午节：6月22日至24日放假调休，共3天。6月25日（周日）上班。":                    "-2023-06-22 -2023-06-23 -2023-06-24 +2023-06-25",
		"六、中秋节、国庆节：9月29日（周五）至30日（周六）放假，与周末连休。10月7日、8日上班。":         "-2023-09-29 -2023-09-30 +2023-10-07 +2023-10-08",
		"二、春节：1月21日放假，共1天。鼓励各单位安排职工在除夕（1月20日）休息。1月28日（周六）上班。":     "-2023-01-21 +2023-01-28",
	} {
		p := workday.ParsePaper(head + text)
		var got []string
		for _, n := range p.File.Days {
			got = append(got, map[bool]string{true: "-", false: "+"}[*n.Off]+n.Date.String())
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" || len(p.Faults) != 0 {
			t.Errorf("%s: %s %+v", text, diff, p.Faults)
		}
	}
}

func TestParsePaper_faultsBySentence(t *testing.T) {
	t.Parallel()
	head := "国务院办公厅关于2027年部分节假日安排的通知\n"
	for text, want := range map[string]string{
		"一、元旦：1月1日（周四）至3日（周日）放假，共3天。": "2027年1月1日是周五",
		"一、元旦：1月1日（周五）至3日（周日）放假，共4天。": "按日期数出来是3天",
		"一、元旦：2月30日放假，共1天。":           "没有“2027年2月30日”",
		"一、元旦：1月1日至放假，共1天。":           "没有日期",
		"一、元旦：1月3日至1日放假，共3天。":         "前后颠倒",
		"一、元旦：1月1日放假，共1天。1月1日上班。":     "既写了放假又写了上班",
		"一、元旦：一月一日放假，共1天。":            "看不懂",
		"一、元旦：1月1日休市。":                "没有写明“放假”或者“上班”",
		"一、元旦：3日放假，共1天。":              "没有写月份",
		"一、元旦：2020年1月1日放假，共1天。":       "不属于2027年",
		"什么安排都没有。":                    "没有找到任何",
	} {
		p := workday.ParsePaper(head + text)
		if len(p.Faults) == 0 || !strings.Contains(p.Faults[0].Message, want) {
			t.Errorf("%s: %+v, want %s", text, p.Faults, want)
		}
	}
	if p := workday.ParsePaper("放假通知"); len(p.Faults) != 1 || !strings.Contains(p.Faults[0].Message, "哪一年") {
		t.Errorf("%+v", p.Faults)
	}
	if p := workday.ParsePaper(head + "一、元旦：1月1日（周五）放假1天。"); !strings.Contains(strings.Join(p.Warnings, "\n"), "没有找到“春节”") {
		t.Errorf("a notice that was pasted in part: %q", p.Warnings)
	}
}

func TestParseTable(t *testing.T) {
	t.Parallel()
	p := workday.ParseTable(2027, "国办发明电〔2026〕9号", "\ufeff日期,名称,类型\r\n2027-01-01,元旦,放假\r\n2027/2/14,春节,上班\r\n\r\n")
	if len(p.Faults) != 0 || len(p.File.Days) != 2 || *p.File.Days[1].Off || p.File.Papers[0] != "国办发明电〔2026〕9号" {
		t.Errorf("%+v", p)
	}
	p = workday.ParseTable(2027, "", "日期,名称,类型\n2027-02-30,春节,放假\n2027-01-01,元旦,休\n2027-01-02,,放假\n2027-01-03,元旦\n2030-01-01,元旦,放假\n2027-05-01,劳动节,放假\n2027-05-01,劳动节,放假")
	if len(p.Faults) != 6 || p.Faults[0].Sentence != 2 || p.Faults[5].Sentence != 8 {
		t.Errorf("%+v", p.Faults)
	}
}

func TestWith_replacesTheYear(t *testing.T) {
	t.Parallel()
	p := workday.ParseTable(2026, "", "2026-03-06,某日,放假")
	cal, err := workday.With(p.File)
	if err != nil || cal.IsWorkday(day(t, "2026-03-06")) || !cal.IsWorkday(day(t, "2026-02-17")) || cal.Digest() == workday.Default().Digest() {
		t.Errorf("%v", err)
	}
}

// Whatever is pasted, a notice comes out that is either faultless and makes a
// calendar, or says what is wrong; and all its days lie about its year.
func FuzzParsePaper(f *testing.F) {
	f.Add(notice2026)
	f.Add("国务院办公厅关于2027年部分节假日安排的通知\n一、元旦：1月1日（周五）至3日（周日）放假，共3天。")
	f.Add("国务院办公厅关于2027年部分节假日安排的通知\n元旦：至日（（周）放假，共-1天。99月99日上班")
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range []workday.Paper{workday.ParsePaper(text), workday.ParseTable(2027, "", text)} {
			if len(p.Faults) > 0 {
				continue
			}
			if _, err := workday.New(p.File); err != nil {
				t.Errorf("faultless, and no calendar: %v", err)
			}
			for _, n := range p.File.Days {
				if y := n.Date.Year(); y < p.File.Year-1 || y > p.File.Year+1 {
					t.Errorf("%s in the notice of %d", n.Date, p.File.Year)
				}
			}
		}
	})
}
