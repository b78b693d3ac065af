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

const usage = `用法：jianbiao bench hall [--json] [--viewers 5000] [--rounds 31]
  hall  开标大厅：一个事件送达全部观众所需的时间，与直接用 gorilla 预编码消息逐个发送相比
`

// Command is `jianbiao bench …`. It returns the exit code: 0 when it measured,
// 1 when it could not, 2 for a wrong call.
func Command(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case len(args) > 0 && args[0] == "hall":
		err = hallCommand(ctx, args[1:], stdout, stderr)
	case len(args) > 0 && args[0] == viewersCommand:
		err = viewers(ctx, args[1:], os.Stdin, stdout)
	default:
		err = errUsage
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

func hallCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("hall", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	onlyJSON := flags.Bool("json", false, "")
	n := flags.Int("viewers", 5000, "")
	rounds := flags.Int("rounds", 31, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || *n < 1 || *rounds < 1 {
		return errUsage
	}
	human := stdout
	if *onlyJSON {
		human = stderr
	}
	result, err := hall(ctx, *n, *rounds, human)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(result)
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
