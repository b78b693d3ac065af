package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/identity"
	"jianbiao/server/config"
	"jianbiao/server/platform"
)

// setup is what serve runs with: the configuration file, and over it the flags.
type setup struct {
	platform    platform.Config
	addr        string
	metricsAddr string
	level       slog.Level
}

// serve runs the platform until it is told to stop (SIGINT, SIGTERM).
func serve(args []string, stdout, stderr io.Writer) int {
	s, err := readSetup(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	log := slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: s.level}))
	switch _, ours := apperr.From(err); {
	case ours:
		return complain(stderr, log, err)
	case err != nil:
		return 2 // package flag has said why
	}
	s.platform.Log = log
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serveUntil(ctx, s, stdout); err != nil {
		return complain(stderr, log, err)
	}
	return 0
}

// readSetup reads flags and file. A flag that was given goes before the file.
func readSetup(args []string, stderr io.Writer) (s setup, err error) {
	flags := flag.NewFlagSet("jianbiao serve", flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("config", "", "配置文件 configuration file (deploy/jianbiao.toml)")
	addr := flags.String("addr", "127.0.0.1:8080", "监听地址 address to listen on")
	data := flags.String("data", "data", "数据目录 folder for database, keys and files")
	rehearsal := flags.Bool("rehearsal", false, "演练：一座虚构的城市，时间可以快进 a rehearsal city with a clock that may be moved")
	site := flags.String("site", "", "公众访问的网址，印在文书上 address that people use, printed on documents")
	roots := flags.String("trusted-roots", "", "受信任的 CA：证书文件或目录 CAs whose certificates may be used: a file or a folder")
	factor := flags.String("second-factor", "enrolled", "敏感操作的第二验证：off、enrolled、required second factor before sensitive acts")
	secure := flags.Bool("secure", false, "前面有 TLS 代理 served over TLS by a proxy")
	metrics := flags.String("metrics-addr", "", "不需要令牌的运行指标地址，只应监听本机 address for /metrics without a token")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	var c config.Config
	if *file != "" {
		if c, err = config.Load(*file); err != nil {
			return s, err
		}
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	choose := func(flag, key, flagValue, fileValue string) string {
		if given[flag] || !c.Set[key] {
			return flagValue
		}
		return fileValue
	}
	s.addr, s.metricsAddr, s.level = choose("addr", "addr", *addr, c.Addr), choose("metrics-addr", "metrics.addr", *metrics, c.MetricsAddr), c.LogLevel
	s.platform = platform.Config{Data: choose("data", "data", *data, c.Data), DatabaseURL: c.DatabaseURL, Rehearsal: *rehearsal,
		Site: choose("site", "site", *site, c.Site), Secure: *secure || (!given["secure"] && c.Secure), TrustedProxies: c.TrustedProxies,
		MetricsToken: c.MetricsToken, TrustedRoots: choose("trusted-roots", "trusted_roots", *roots, c.TrustedRoots),
		SecondFactor: identity.FactorPolicy(choose("second-factor", "second_factor", *factor, c.SecondFactor))}
	if url := os.Getenv("DATABASE_URL"); url != "" {
		s.platform.DatabaseURL = url
	}
	return s, nil
}

func serveUntil(ctx context.Context, s setup, stdout io.Writer) (err error) {
	listener, err := listen(ctx, s.addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "见标正在启动…… starting")
	if s.platform.Site == "" {
		s.platform.Site = "http://" + shown(listener.Addr())
	}
	p, err := platform.Start(ctx, s.platform)
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
	stopMetrics, err := serveMetrics(ctx, p, s.metricsAddr)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer stopMetrics()
	fmt.Fprintf(stdout, "见标已启动 ready: http://%s\n", shown(listener.Addr()))
	notify("READY=1")
	context.AfterFunc(ctx, func() { notify("STOPPING=1") })
	return p.Serve(ctx, listener)
}

// listen takes over the socket that is held for us, or opens one.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	if l, err := inherited(); l != nil || err != nil {
		return l, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, apperr.New(apperr.Unavailable, "serve.address", "不能监听 %s：可能有另一个程序正在使用它，请换一个地址（--addr）。", addr).Because(err)
	}
	return l, nil
}

// serveMetrics answers GET /metrics on an address of its own.
func serveMetrics(ctx context.Context, p *platform.Platform, addr string) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, apperr.New(apperr.Unavailable, "serve.metrics_address", "不能在 %s 提供运行指标：可能有另一个程序正在使用它。", addr).Because(err)
	}
	srv := &http.Server{Handler: p.Operator.MetricsHandler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }() // ends by Close
	return func() { _ = srv.Close() }, nil
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
