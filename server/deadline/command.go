package deadline

import (
	"fmt"
	"io"
	"strings"

	"jianbiao/internal/apperr"
	"jianbiao/internal/rule"
	"jianbiao/internal/workday"
)

const usage = `用法：jianbiao deadline --kind 类型 --unit 单位 --n 数字 --from 日期 [选项]
      jianbiao deadline --rule 规则编号 --from 日期 [选项]

  --kind     MAX 最长时限，MIN 最短期间，MIN_BEFORE 至少提前，MAX_BEFORE 至多提前
  --unit     CD 日，WD 工作日，H 小时，MIN 分钟
  --n        数字
  --from     起算日期，如 2026-03-06；可带时刻，如 2026-03-06T09:30。
             MIN_BEFORE 和 MAX_BEFORE 填倒推的起点
  --mode     最短期间的判法：DATE_DIFF（默认）、CALENDAR_STRICT、HOURS、PUBLICITY
  --exclude  不计入的期间，如 2026-03-16..2026-03-27，两端都不计入；可多次使用，也可用逗号隔开
  --rule     规则目录中的编号，如 R09-1
  --explain  逐日列出计算过程

最后一行只有一个日期。
`

// Command is `jianbiao deadline`. The last line of stdout is the ISO date
// alone; --explain puts the days and the remarks before it. What is wrong with
// the question is one Chinese sentence on stderr. It returns the exit code: 0, or 2
// for a question that has no answer.
func Command(args []string, stdout, stderr io.Writer) int {
	p, explain, help, err := parseArgs(args)
	if help {
		fmt.Fprint(stdout, usage)
		return 0
	}
	var res Response
	if err == nil {
		res, err = Answer(workday.Default(), rule.Default(), p)
	}
	if err != nil {
		fmt.Fprintln(stderr, sentence(err))
		return 2
	}
	if explain {
		printDays(stdout, res)
	}
	fmt.Fprintln(stdout, res.Date)
	return 0
}

// sentence is what a person is told of an error: its Chinese sentence, never the cause.
func sentence(err error) string {
	if e, ok := apperr.From(err); ok {
		return e.Detail
	}
	return "计算期限时出现内部错误"
}

// parseArgs reads the flags itself, because the standard package answers in English.
func parseArgs(args []string) (p Params, explain, help bool, err error) {
	values := map[string]*string{
		"kind": &p.Kind, "unit": &p.Unit, "n": &p.N, "from": &p.From, "mode": &p.Mode, "rule": &p.Rule, "exclude": nil,
	}
	given := map[string]bool{}
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		name = strings.TrimLeft(name, "-")
		if !strings.HasPrefix(args[i], "-") {
			return p, false, false, badArg("多余的参数“%s”：各项都以 -- 开头，用法见 jianbiao deadline --help。", brief(args[i]))
		}
		switch target, known := values[name]; {
		case name == "help" || name == "h":
			return p, false, true, nil
		case name == "explain" && !joined:
			explain = true
			continue
		case !known:
			return p, false, false, badArg("没有名为“%s”的选项，用法见 jianbiao deadline --help。", brief(args[i]))
		case given[name] && target != nil:
			return p, false, false, badArg("选项 --%s 只能使用一次。", name)
		default:
			if !joined {
				if i++; i == len(args) {
					return p, false, false, badArg("选项 --%s 后面缺少内容。", name)
				}
				value = args[i]
			}
			given[name] = true
			if target == nil {
				p.Exclude = append(p.Exclude, value)
				continue
			}
			*target = value
		}
	}
	return p, explain, false, nil
}

func badArg(format string, args ...any) error {
	return apperr.New(apperr.Invalid, "deadline.bad_argument", format, args...)
}

// printDays writes the explanation, one line a day.
func printDays(w io.Writer, res Response) {
	if res.Rule != nil {
		fmt.Fprintf(w, "规则 %s %s\n依据 %s\n", res.Rule.Code, res.Rule.Name, res.Rule.Basis)
	}
	for _, d := range res.Days {
		mark := " "
		if d.Counted {
			mark = "+"
		}
		fmt.Fprintf(w, "%s %s %s %s\n", mark, d.Date, d.Weekday, d.Why)
	}
	for _, r := range res.Remarks {
		fmt.Fprintf(w, "说明：%s\n", r)
	}
	fmt.Fprintf(w, "结果：%s\n", res.Bound)
}
