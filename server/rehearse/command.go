package rehearse

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func keyBytes(text string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(text) }

// Command is `jianbiao rehearse`. Progress goes to stderr; the last line of
// stdout is the summary as JSON. Exit 0 only if all went as it should.
func Command(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("jianbiao rehearse", flag.ContinueOnError)
	flags.SetOutput(stderr)
	url := flags.String("url", "http://127.0.0.1:8080", "平台地址 address of a rehearsal platform")
	bidders := flags.Int("bidders", 5, "投标人数 firms that bid")
	fail := flags.Int("fail", 0, "其中不能解密的家数 how many of them cannot decrypt")
	pace := flags.Int("pace", 0, "开标过程铺开多少秒 spread the opening over so many seconds")
	two := flags.Bool("two-section", false, "双信封，两天两次开标 two envelopes, opened on two days")
	out := flags.String("out", "", "保存回执和开标记录的目录 folder for receipts and record")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var mu sync.Mutex
	began := time.Now()
	sum, err := Run(ctx, Options{URL: *url, Bidders: *bidders, Fail: *fail, Pace: time.Duration(*pace) * time.Second, Out: *out, Two: *two,
		Say: func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(stderr, "[%3.0f 秒] "+format+"\n", append([]any{time.Since(began).Seconds()}, args...)...)
		}})
	if err != nil {
		fmt.Fprintln(stderr, "演练没有如期完成：", err)
	}
	raw, merr := json.Marshal(sum)
	if merr != nil {
		fmt.Fprintln(stderr, merr)
		return 1
	}
	fmt.Fprintln(stdout, string(raw))
	if err != nil {
		return 1
	}
	return 0
}
