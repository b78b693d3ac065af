// Package bench measures the platform against the plainest program that does
// the same work, in one run and with rounds interleaved, so that a ratio means
// the same on every machine. Each measurement brings its own database and ends
// with one line of JSON.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"jianbiao/internal/apperr"
)

// Result is what a measurement says last on standard output.
type Result struct {
	Bench string  `json:"bench"`
	Value float64 `json:"value"` // ours, the median
	Unit  string  `json:"unit"`
	Peer  float64 `json:"peer"`  // the plain program's, the median
	Ratio float64 `json:"ratio"` // Value / Peer
}

const usage = `用法：jianbiao bench hall|rush|open|seal|pages|soak [--json]
  hall   [--viewers 5000] [--rounds 31]  开标大厅：一个事件送达全部观众所需的时间，与直接用 gorilla 预编码消息逐个发送相比
  rush   [--clients 64] [--seconds 5] [--rounds 5]  截止前的高峰：每秒提交多少份投标文件，与 pgbench 的 simple-update 事务相比
  open   [--bids 200] [--size 5000000]  从解密窗口关闭到开标一览表，与只读文件并解密相比
  seal   [--size 100000000] [--rounds 5]  封装，命令行与 Chromium 中各测一次，与只用密码算法相比
  pages  [--clients 16] [--seconds 5] [--rounds 5]  标段页与公告列表的 p99，与只做同样查询的 Echo 相比
  soak   [--minutes 15] [--sockets 3000] [--halls 30]  持续运行：结束时的内存与第 3 分钟相比
`

// measures are the measurements by name.
var measures = map[string]func(ctx context.Context, flags *flag.FlagSet, args []string, human io.Writer) ([]Result, error){
	"hall": hallMeasure, "open": openMeasure, "rush": rushMeasure, "seal": sealMeasure, "pages": pagesMeasure, "soak": soakMeasure,
}

// newResult compares two durations.
func newResult(name, unit string, ours, peer time.Duration) Result {
	return ratio(Result{Bench: name, Value: ms(ours), Unit: unit, Peer: ms(peer)})
}

// ratio fills Ratio, to three decimals.
func ratio(r Result) Result {
	r.Ratio = float64(int(r.Value/r.Peer*1000+0.5)) / 1000
	return r
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Command is `jianbiao bench …`. It returns the exit code: 0 when it measured,
// 1 when it could not, 2 for a wrong call.
func Command(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := errUsage
	switch {
	case len(args) > 0 && measures[args[0]] != nil:
		err = measure(ctx, args[0], args[1:], stdout, stderr)
	case len(args) > 0 && args[0] == viewersCommand:
		err = viewers(ctx, args[1:], os.Stdin, stdout)
	}
	if err == nil {
		return 0
	}
	if errors.Is(err, errUsage) {
		_, _ = fmt.Fprint(stderr, usage)
		return 2
	}
	sentence := "测量未能完成。"
	if e, ok := apperr.From(err); ok {
		sentence = e.Detail
	}
	_, _ = fmt.Fprintf(stderr, "%s\n  （%v）\n", sentence, err)
	return 1
}

var errUsage = errors.New("bench: wrong call")

// measure runs one measurement. With --json standard output has nothing but
// one line of JSON for each result; else people are told there too.
func measure(ctx context.Context, name string, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	human := stdout
	onlyJSON := flags.Bool("json", false, "")
	for _, a := range args {
		if a == "--json" || a == "-json" || a == "--json=true" {
			human = stderr
		}
	}
	results, err := measures[name](ctx, flags, args, human)
	if err != nil {
		return err
	}
	_ = onlyJSON
	out := json.NewEncoder(stdout)
	for _, r := range results {
		if err := out.Encode(r); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	return nil
}

// parse reads the flags; every number must be at least 1.
func parse(flags *flag.FlagSet, args []string, numbers ...*int) error {
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return errUsage
	}
	for _, n := range numbers {
		if *n < 1 {
			return errUsage
		}
	}
	return nil
}

func hallMeasure(ctx context.Context, flags *flag.FlagSet, args []string, human io.Writer) ([]Result, error) {
	n, rounds := flags.Int("viewers", 5000, ""), flags.Int("rounds", 31, "")
	if err := parse(flags, args, n, rounds); err != nil {
		return nil, err
	}
	r, err := hall(ctx, *n, *rounds, human)
	return []Result{r}, err
}

func openMeasure(ctx context.Context, flags *flag.FlagSet, args []string, human io.Writer) ([]Result, error) {
	n, size := flags.Int("bids", 200, ""), flags.Int("size", 5_000_000, "")
	if err := parse(flags, args, n, size); err != nil {
		return nil, err
	}
	r, err := opened(ctx, *n, int64(*size), human)
	return []Result{r}, err
}

// enoughFiles raises the limit of open files to what is needed, if it may.
func enoughFiles(viewers int) error {
	need := uint64(2*viewers + 500)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if limit.Cur >= need {
		return nil
	}
	wanted := unix.Rlimit{Cur: need, Max: max(limit.Max, need)}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &wanted); err != nil {
		return apperr.New(apperr.Precondition, "bench.too_few_files",
			"本机最多允许打开 %d 个文件，%d 名观众需要 %d 个。请用 ulimit -n 提高限制，或减小 --viewers。",
			limit.Max, viewers, need).Because(err)
	}
	return nil
}

// monotonic is a time that two processes of one machine share, in nanoseconds.
func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic("bench: no monotonic clock: " + err.Error())
	}
	return ts.Nano()
}

// median of durations, in milliseconds with three decimals.
func median(ds []time.Duration) float64 {
	s := slices.Sorted(slices.Values(ds))
	m := s[len(s)/2]
	if len(s)%2 == 0 {
		m = (m + s[len(s)/2-1]) / 2
	}
	return float64(m.Microseconds()) / 1000
}
