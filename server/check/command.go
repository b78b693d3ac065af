package check

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"jianbiao/internal/evidence"
	"jianbiao/server/backup"
)

// Command is `jianbiao check`. It exits with 0 when everything holds, with 1
// when something does not, with 2 when it could not look.
func Command(dictionary func() evidence.Dictionary) func(args []string, stdout, stderr io.Writer) int {
	return func(args []string, stdout, stderr io.Writer) int {
		f := flag.NewFlagSet("jianbiao check", flag.ContinueOnError)
		f.SetOutput(stderr)
		data := f.String("data", "data", "数据目录 data folder of the platform")
		asJSON := f.Bool("json", false, "以 JSON 输出 print JSON")
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return 0
			}
			return 2
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		rep, err := Run(ctx, Options{Data: *data, DatabaseURL: os.Getenv("DATABASE_URL"), Dictionary: dictionary(),
			Log: slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
		if err != nil {
			backup.Complain(stderr, err)
			return 2
		}
		if *asJSON {
			enc := json.NewEncoder(stdout)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			err = enc.Encode(rep)
		} else {
			rep.print(stdout)
		}
		if err != nil || !rep.OK {
			return 1
		}
		return 0
	}
}

// print writes a line for each check, and below it what was found.
func (rep Report) print(w io.Writer) {
	bad := 0
	for _, r := range rep.Checks {
		mark := "通过"
		if !r.OK() {
			mark = "不符"
			bad++
		}
		fmt.Fprintf(w, "[%s] %-9s %s：%d 项\n", mark, r.Name, r.Label, r.Looked)
		for _, s := range r.Faults {
			fmt.Fprintf(w, "       ✗ %s\n", s)
		}
		if r.More > 0 {
			fmt.Fprintf(w, "       ✗ 另有 %d 处\n", r.More)
		}
		for _, s := range r.Notes {
			fmt.Fprintf(w, "       · %s\n", s)
		}
	}
	if bad == 0 {
		fmt.Fprintln(w, "校验通过：能够重新推导的都与记录一致。")
		return
	}
	fmt.Fprintf(w, "校验没有通过：%d 项检查发现不符。请保留现场，不要改动数据，按运维手册“校验不符”一节处理。\n", bad)
}
