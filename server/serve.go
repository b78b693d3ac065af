package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/identity"
	"jianbiao/server/platform"
)

// serve runs the platform until it is told to stop (SIGINT, SIGTERM).
func serve(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("jianbiao serve", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:8080", "监听地址 address to listen on")
	data := flags.String("data", "data", "数据目录 folder for database, keys and files")
	rehearsal := flags.Bool("rehearsal", false, "演练：一座虚构的城市，时间可以快进 a rehearsal city with a clock that may be moved")
	site := flags.String("site", "", "公众访问的网址，印在文书上 address that people use, printed on documents")
	roots := flags.String("trusted-roots", "", "受信任的 CA：证书文件或目录 CAs whose certificates may be used: a file or a folder")
	factor := flags.String("second-factor", "enrolled", "敏感操作的第二验证：off、enrolled、required second factor before sensitive acts")
	secure := flags.Bool("secure", false, "前面有 TLS 代理 served over TLS by a proxy")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	cfg := platform.Config{Data: *data, DatabaseURL: os.Getenv("DATABASE_URL"), Rehearsal: *rehearsal, Site: *site, Secure: *secure, Log: log,
		TrustedRoots: *roots, SecondFactor: identity.FactorPolicy(*factor)}
	if err := serveUntil(ctx, cfg, *addr, stdout); err != nil {
		return complain(stderr, log, err)
	}
	return 0
}

func serveUntil(ctx context.Context, cfg platform.Config, addr string, stdout io.Writer) (err error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return apperr.New(apperr.Unavailable, "serve.address", "不能监听 %s:可能有另一个程序正在使用它，请换一个地址(--addr)。", addr).Because(err)
	}
	fmt.Fprintln(stdout, "见标正在启动…… starting")
	if cfg.Site == "" {
		cfg.Site = "http://" + shown(listener.Addr())
	}
	p, err := platform.Start(ctx, cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() {
		grace, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		err = errors.Join(err, p.Stop(grace))
	}()
	wait, err := prepare(ctx, p, listener.Addr(), stdout)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer wait()
	fmt.Fprintf(stdout, "见标已启动 ready: http://%s\n", shown(listener.Addr()))
	return p.Serve(ctx, listener)
}

// shown is the address as people type it.
func shown(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if host == "127.0.0.1" || host == "::" || host == "::1" {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// complain says what went wrong in words a person can act on; the rest is for
// the log.
func complain(stderr io.Writer, log *slog.Logger, err error) int {
	if e, ok := apperr.From(err); ok {
		fmt.Fprintf(stderr, "%s (%s)\n", e.Detail, e.Code)
		log.Error("not started", "error", err.Error())
		return 1
	}
	fmt.Fprintf(stderr, "平台没有启动：%v\n", err)
	return 1
}
