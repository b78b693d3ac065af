// Package admincli is `jianbiao admin`: what the operator of a platform does at
// its machine because nobody can log in yet.
package admincli

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"os"
	"strings"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/identity"
	"jianbiao/server/platform"
)

const usage = `用法：jianbiao admin bootstrap --data 数据目录 [选项]

在一个还没有管理员的平台上设立首批三位管理员（三员分立：系统、安全、审计，必须是三个人）。
每人得到一个一次性口令，只在这里显示一次，首次登录后必须修改。请先停止平台再运行。

  --data          数据目录（与 jianbiao serve 相同）
  --organisation  运营单位名称
  --uscc          运营单位统一社会信用代码
  --region        运营单位所在地的行政区划代码（GB/T 2260，6 位）
  --system        系统管理员的登录名       --system-name    姓名
  --security      安全管理员的登录名       --security-name  姓名
  --audit         审计管理员的登录名       --audit-name     姓名

没有给出的项目会逐项询问。`

// Command is `jianbiao admin`. It returns the exit code: 0, 1 for a refusal, 2
// for a command that was not understood.
func Command(args []string, stdout, stderr io.Writer) int {
	return command(args, os.Stdin, stdout, stderr)
}

func command(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] != "bootstrap" {
		fmt.Fprintln(stderr, usage)
		return 2
	}
	o, err := parse(args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "参数不正确，用法如下。\n%s\n", usage)
		return 2
	}
	if err := o.ask(bufio.NewScanner(stdin), stdout); err == nil {
		err = o.bootstrap(context.Background(), stdout)
		if err == nil {
			return 0
		}
		return complain(stderr, err)
	}
	fmt.Fprintln(stderr, "没有填完，什么都没有改动。")
	return 2
}

func complain(stderr io.Writer, err error) int {
	if e, ok := apperr.From(err); ok {
		fmt.Fprintf(stderr, "%s (%s)\n", e.Detail, e.Code)
	} else {
		fmt.Fprintln(stderr, "没有完成，什么都没有改动。原因：", err)
	}
	return 1
}

// options are the answers, by flag; the order is that of the questions.
type options struct {
	data   string
	fields []field
}

type field struct{ flag, label, value string }

func parse(args []string) (*options, error) {
	o := &options{fields: []field{
		{flag: "organisation", label: "运营单位名称"}, {flag: "uscc", label: "统一社会信用代码"}, {flag: "region", label: "行政区划代码"},
		{flag: "system", label: "系统管理员的登录名"}, {flag: "system-name", label: "系统管理员的姓名"},
		{flag: "security", label: "安全管理员的登录名"}, {flag: "security-name", label: "安全管理员的姓名"},
		{flag: "audit", label: "审计管理员的登录名"}, {flag: "audit-name", label: "审计管理员的姓名"},
	}}
	flags := flag.NewFlagSet("jianbiao admin bootstrap", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.data, "data", "data", "")
	for i := range o.fields {
		flags.StringVar(&o.fields[i].value, o.fields[i].flag, "", "")
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, errors.New("too many arguments")
	}
	return o, nil
}

// ask asks for what the flags did not say.
func (o *options) ask(in *bufio.Scanner, stdout io.Writer) error {
	for i := range o.fields {
		for f := &o.fields[i]; f.value == ""; f.value = strings.TrimSpace(in.Text()) {
			fmt.Fprintf(stdout, "%s：", f.label)
			if !in.Scan() {
				return io.ErrUnexpectedEOF
			}
		}
	}
	return nil
}

func (o *options) input() identity.BootstrapInput {
	in := identity.BootstrapInput{Organisation: identity.CreateOrganisationInput{Name: o.fields[0].value, USCC: o.fields[1].value, Region: o.fields[2].value}}
	for i := range in.People {
		in.People[i] = identity.CreatePersonInput{Login: o.fields[3+2*i].value, Name: o.fields[4+2*i].value, Password: oncePassword()}
	}
	return in
}

func (o *options) bootstrap(ctx context.Context, stdout io.Writer) (err error) {
	p, err := platform.Start(ctx, platform.Config{Data: o.data, DatabaseURL: os.Getenv("DATABASE_URL"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 25*time.Second)
		defer cancel()
		err = errors.Join(err, p.Stop(grace))
	}()
	in := o.input()
	if _, err := p.Identity.Bootstrap(ctx, in); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "已设立三位管理员。一次性口令只显示这一次，请分别交给本人；首次登录后必须修改。")
	for i, role := range actor.Administrators() {
		fmt.Fprintf(stdout, "%s\t%s\t%s\n", role.Label(), in.People[i].Login, in.People[i].Password)
	}
	return nil
}

// alphabet has no characters that are mistaken for each other on paper.
const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"

// oncePassword is 20 random characters in groups of five: 115 bits.
func oncePassword() string {
	var b strings.Builder
	for i := range 20 {
		if i > 0 && i%5 == 0 {
			b.WriteByte('-')
		}
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic("admincli: no randomness: " + err.Error())
		}
		b.WriteByte(alphabet[n.Int64()])
	}
	return b.String()
}
