package backup

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"jianbiao/internal/apperr"
)

// PassphraseEnv may hold the passphrase of the keys instead of a file.
const PassphraseEnv = "JIANBIAO_KEY_PASSPHRASE"

// common are the options that backup and restore share.
type common struct {
	flags       *flag.FlagSet
	data, file  *string
	pass        *string
	withoutKeys *bool
}

func options(name, fileFlag, fileHelp string, stderr io.Writer) common {
	f := flag.NewFlagSet("jianbiao "+name, flag.ContinueOnError)
	f.SetOutput(stderr)
	return common{flags: f,
		data:        f.String("data", "data", "数据目录 data folder of the platform"),
		file:        f.String(fileFlag, "", fileHelp),
		pass:        f.String("key-passphrase-file", "", "存放密钥口令的文件 file with the passphrase of the keys (or "+PassphraseEnv+")"),
		withoutKeys: f.Bool("without-keys", false, "不含密钥，由运维人员另行保管 leave the private keys out"),
	}
}

// parse reads the options; code is the exit code when there is nothing to do.
func (c common) parse(args []string, stderr io.Writer) (passphrase string, code int, ok bool) {
	if err := c.flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return "", 0, false
		}
		return "", 2, false
	}
	if *c.file == "" || c.flags.NArg() > 0 {
		c.flags.Usage()
		return "", 2, false
	}
	passphrase = os.Getenv(PassphraseEnv)
	if *c.pass != "" {
		raw, err := os.ReadFile(*c.pass)
		if err != nil {
			return "", Complain(stderr, apperr.New(apperr.Invalid, "backup.passphrase_file", "不能读取口令文件 %s：请核对路径和权限。", *c.pass).Because(err)), false
		}
		passphrase = strings.TrimRight(string(raw), "\r\n")
	}
	return passphrase, 0, true
}

// Command is `jianbiao backup`.
func Command(program string) func(args []string, stdout, stderr io.Writer) int {
	return func(args []string, stdout, stderr io.Writer) int {
		c := options("backup", "out", "备份文件，不能已存在 the archive to write; keys go to FILE"+KeysSuffix, stderr)
		passphrase, code, ok := c.parse(args, stderr)
		if !ok {
			return code
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		m, err := Make(ctx, Options{Data: *c.data, DatabaseURL: os.Getenv("DATABASE_URL"), Out: *c.file, Passphrase: passphrase, WithoutKeys: *c.withoutKeys,
			Program: program, Log: quiet(), Say: say(stdout)})
		if err != nil {
			return Complain(stderr, err)
		}
		fmt.Fprintf(stdout, "备份完成：%s（%s）\n", *c.file, m.MadeAt)
		if !*c.withoutKeys {
			fmt.Fprintf(stdout, "密钥在 %s：请与备份文件分开保管，口令丢失无法找回。\n", *c.file+KeysSuffix)
		}
		return 0
	}
}

// RestoreCommand is `jianbiao restore`.
func RestoreCommand(args []string, stdout, stderr io.Writer) int {
	c := options("restore", "from", "备份文件 the archive to read; its keys are in FILE"+KeysSuffix, stderr)
	passphrase, code, ok := c.parse(args, stderr)
	if !ok {
		return code
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	m, err := Restore(ctx, RestoreOptions{Data: *c.data, DatabaseURL: os.Getenv("DATABASE_URL"), From: *c.file, Passphrase: passphrase,
		WithoutKeys: *c.withoutKeys, Log: quiet(), Say: say(stdout)})
	if err != nil {
		return Complain(stderr, err)
	}
	fmt.Fprintf(stdout, "恢复完成：%s 的备份已写入 %s。请先运行 jianbiao check --data %s，再启动平台。\n", m.MadeAt, *c.data, *c.data)
	if *c.withoutKeys {
		fmt.Fprintf(stdout, "没有恢复密钥：启动之前，请把密钥放回 %s/keys。\n", *c.data)
	}
	return 0
}

func say(w io.Writer) func(string, ...any) {
	return func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
}

func quiet() *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// Complain says what went wrong in words a person can act on, with the cause
// for whoever looks closer, and gives the exit code.
func Complain(stderr io.Writer, err error) int {
	if e, ok := apperr.From(err); ok {
		fmt.Fprintf(stderr, "%s (%s)\n", e.Detail, e.Code)
		if cause := errors.Unwrap(e); cause != nil {
			fmt.Fprintf(stderr, "  原因：%v\n", cause)
		}
		return 1
	}
	fmt.Fprintf(stderr, "没有完成：%v\n", err)
	return 1
}
