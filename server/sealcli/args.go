// Package sealcli is the sealer on the command line: `jianbiao seal` and `jianbiao
// unseal`, for whoever does not trust a browser, or a page, with his bid. It
// talks to no network: what it needs from the platform is a file.
package sealcli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"jianbiao/internal/apperr"
)

// flags says what each option does with its value; an option that takes none
// stands in switches.
type flags struct {
	values   map[string]func(string) error
	switches map[string]*bool
}

var errHelp = errors.New("help asked for")

// parse reads --name value and --name=value itself, because the standard package
// answers in English.
func (f flags) parse(args []string) error {
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !strings.HasPrefix(args[i], "-") {
			return refuse("seal.argument", "多余的参数“%s”：各项都以 -- 开头，用法见 --help。", args[i])
		}
		if name == "help" || name == "h" {
			return errHelp
		}
		if on, ok := f.switches[name]; ok && !joined {
			*on = true
			continue
		}
		set, ok := f.values[name]
		if !ok {
			return refuse("seal.argument", "没有“--%s”这一选项，用法见 --help。", name)
		}
		if !joined {
			if i++; i == len(args) {
				return refuse("seal.argument", "“--%s”后面缺少内容，用法见 --help。", name)
			}
			value = args[i]
		}
		if err := set(value); err != nil {
			return err
		}
	}
	return nil
}

func refuse(code, format string, args ...any) error {
	return apperr.New(apperr.Invalid, code, format, args...)
}

func text(target *string) func(string) error {
	return func(v string) error { *target = v; return nil }
}

// pair adds "section=value" to a list.
func pair(name string, add func(section, value string)) func(string) error {
	return func(v string) error {
		section, value, ok := strings.Cut(v, "=")
		if !ok || section == "" || value == "" {
			return refuse("seal.argument", "“--%s”应写作 部分=内容，如 --%s price=…。", name, name)
		}
		add(section, value)
		return nil
	}
}

// required refuses the first option that is empty.
func required(options ...[2]string) error {
	for _, o := range options {
		if o[1] == "" {
			return refuse("seal.argument", "缺少“--%s”，用法见 --help。", o[0])
		}
	}
	return nil
}

// passphraseFrom reads the vault's passphrase: the first line of a file, or the
// environment variable JIANBIAO_PASSPHRASE. It never stands in the arguments,
// which other users of the machine can read.
func passphraseFrom(path string) (string, error) {
	if path == "" {
		if p := os.Getenv("JIANBIAO_PASSPHRASE"); p != "" {
			return p, nil
		}
		return "", refuse("seal.argument", "请用 --passphrase-file 或环境变量 JIANBIAO_PASSPHRASE 给出保险箱口令。")
	}
	raw, err := readFile(path)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

func readFile(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", refuse("seal.file", "无法读取文件“%s”。", path), err)
	}
	return raw, nil
}

// writeFile replaces a file in one step; only its owner may read it.
func writeFile(path string, raw []byte) error {
	temporary := path + ".part"
	if err := os.WriteFile(temporary, raw, 0o600); err != nil {
		return notWritten(path, err)
	}
	return rename(temporary, path)
}

func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return notWritten(to, err)
	}
	return nil
}

func notWritten(path string, err error) error {
	return fmt.Errorf("%w: %w", refuse("seal.file", "无法写入文件“%s”，请检查磁盘空间和权限。", path), err)
}

// finish prints an error's Chinese sentence with its code, never the cause, and
// gives the exit code: 0, 2 for what the user can mend, 1 for the rest.
func finish(err error, usage string, stdout, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, errHelp) {
		_, _ = io.WriteString(stdout, usage)
		return 0
	}
	if e, ok := apperr.From(err); ok {
		_, _ = fmt.Fprintf(stderr, "%s（%s）\n", e.Detail, e.Code)
		return 2
	}
	_, _ = fmt.Fprintln(stderr, "封装工具内部错误（seal.internal）")
	return 1
}
