package admincli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"jianbiao/internal/identity"
	"jianbiao/server/platform"
)

// The operator makes three people, each with a password that is good once;
// a second time is refused.
func TestBootstrap(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	data := t.TempDir()
	args := []string{"bootstrap", "--data", data, "--organisation", "某市公共资源交易平台", "--uscc", identity.MakeUSCC("12321300MB1234567"), "--region", "321300",
		"--system", "xitong", "--system-name", "甲", "--security", "anquan", "--security-name", "乙", "--audit", "shenji"}
	var out, bad bytes.Buffer
	if code := command(args, strings.NewReader("\n丙\n"), &out, &bad); code != 0 {
		t.Fatalf("exit %d: %s", code, bad.String())
	}
	passwords := map[string]string{}
	for line := range strings.Lines(out.String()) {
		if parts := strings.Split(strings.TrimSpace(line), "\t"); len(parts) == 3 {
			passwords[parts[1]] = parts[2]
		}
	}
	if len(passwords) != 3 {
		t.Fatalf("printed: %s", out.String())
	}
	out.Reset()
	if code := command(append(args, "--audit-name", "丙"), strings.NewReader(""), &out, &bad); code != 1 || !strings.Contains(bad.String(), "identity.bootstrapped") {
		t.Errorf("a second time: %d %s %s", code, out.String(), bad.String())
	}
	p, err := platform.Start(t.Context(), platform.Config{Data: data, Log: slog.New(slog.DiscardHandler), Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Stop(t.Context()) }()
	for login, password := range passwords {
		l, err := p.Identity.Login(t.Context(), identity.LoginInput{Login: login, Password: password})
		if err != nil || !l.Actor.PasswordOnce || !l.Actor.Role.Administers() {
			t.Errorf("%s: %+v %v", login, l.Actor, err)
		}
	}
}

func TestBootstrap_refusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		in   string
		code int
	}{
		"nothing":        {nil, "", 2},
		"another word":   {[]string{"abolish"}, "", 2},
		"unknown flag":   {[]string{"bootstrap", "--king", "x"}, "", 2},
		"help":           {[]string{"bootstrap", "--help"}, "", 0},
		"input runs out": {[]string{"bootstrap", "--data", t.TempDir()}, "某单位\n", 2},
	} {
		var out, bad bytes.Buffer
		if code := command(tc.args, strings.NewReader(tc.in), &out, &bad); code != tc.code || out.Len()+bad.Len() == 0 {
			t.Errorf("%s: exit %d, %s %s", name, code, out.String(), bad.String())
		}
	}
}
