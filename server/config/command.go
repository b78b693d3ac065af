package config

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"jianbiao/internal/apperr"
)

// Command is `jianbiao config check --config FILE`.
func Command(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] != "check" {
		fmt.Fprintln(stderr, "用法 usage: jianbiao config check --config FILE")
		return 2
	}
	f := flag.NewFlagSet("jianbiao config check", flag.ContinueOnError)
	f.SetOutput(stderr)
	path := f.String("config", "/etc/jianbiao/jianbiao.toml", "配置文件 configuration file")
	if err := f.Parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if _, err := Load(*path); err != nil {
		if e, ok := apperr.From(err); ok {
			fmt.Fprintf(stderr, "%s (%s)\n", e.Detail, e.Code)
		} else {
			fmt.Fprintln(stderr, err)
		}
		return 1
	}
	fmt.Fprintf(stdout, "配置文件 %s 没有错误。\n", *path)
	return 0
}
