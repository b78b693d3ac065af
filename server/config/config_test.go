package config_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"jianbiao/internal/apperr"
	"jianbiao/server/config"
)

func TestParse_TellsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte("postgres://u@h/d"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	_, faults := config.Parse([]byte(strings.ReplaceAll(`# a file with everything wrong
adr = "127.0.0.1:8080"
addr = 8080
data = "data"
this is no TOML
site = "ftp://example.com"
secure = "yes"
trusted_proxies = ["10.0.0.0/8", "0.0.0.0/0"]
second_factor = "sometimes"
database_url_file = "OPEN"
[log]
level = "loud"
level = "info"
[metrics]
token = "x"
addr = "127.0.0.1"
[nowhere]
unquoted = yes
`, "OPEN", open)))
	want := []struct {
		line int
		key  string
		says string
	}{{2, "adr", "是否应为 addr"}, {3, "addr", "应为文字"}, {4, "data", "绝对路径"}, {5, "", "写法不对"}, {6, "site", "网址"}, {7, "secure", "true 或 false"},
		{8, "trusted_proxies", "所有地址"}, {9, "second_factor", "off"}, {10, "database_url_file", "chmod 600"}, {12, "log.level", "debug"},
		{13, "log.level", "重复"}, {15, "metrics.token", "没有这一项"}, {16, "metrics.addr", "端口"}, {18, "", "写法不对"}}
	if len(faults) != len(want) {
		t.Fatalf("%d faults, want %d: %v", len(faults), len(want), faults)
	}
	for i, f := range faults {
		if f.Line != want[i].line || f.Key != want[i].key || !strings.Contains(f.Text, want[i].says) {
			t.Errorf("fault %d is %q, want line %d %s %s", i, f, want[i].line, want[i].key, want[i].says)
		}
	}
}

func TestParse_ReadsEveryKey(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(strings.Repeat("t", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, faults := config.Parse([]byte(`addr = ":8080"
data = "/var/lib/jianbiao"
database_url = "postgres://u:p@h:5432/d"
site = "https://ggzy.example.gov.cn"
secure = true
trusted_proxies = [
  "127.0.0.1", # the proxy
  "10.1.0.0/16",
]
second_factor = "required"
trusted_roots = "` + filepath.Dir(token) + `"
[log]
level = "warn"
[metrics]
addr = "127.0.0.1:9108"
token_file = "` + token + `"
`))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if c.Addr != ":8080" || c.Data != "/var/lib/jianbiao" || !c.Secure || c.LogLevel != slog.LevelWarn || c.MetricsToken != strings.Repeat("t", 32) ||
		len(c.TrustedProxies) != 2 || c.TrustedProxies[1].String() != "10.1.0.0/16" || c.SecondFactor != "required" || !c.Set["site"] || c.Set["database_url_file"] {
		t.Errorf("%+v", c)
	}
}

// The sample that is handed out is without fault.
func TestSample(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../deploy/jianbiao.toml")
	if err != nil {
		t.Fatal(err)
	}
	if _, faults := config.Parse(raw); len(faults) > 0 {
		t.Error(faults)
	}
	// and with everything switched on it is without an unknown key
	_, faults := config.Parse(bytes.ReplaceAll(raw, []byte("\n# "), []byte("\n")))
	if i := slices.IndexFunc(faults, func(f config.Fault) bool { return strings.Contains(f.Text, "没有这一项") }); i >= 0 {
		t.Error(faults[i])
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good"), filepath.Join(dir, "bad")
	if err := os.WriteFile(good, []byte("secure = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, []byte("x = 1\ny = 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{{[]string{"check", "--config", good}, 0, "没有错误"}, {[]string{"check", "--config", bad}, 1, "有 2 处错误"},
		{[]string{"check", "--config", filepath.Join(dir, "none")}, 1, "不能读取"}, {nil, 2, "用法"}} {
		var out bytes.Buffer
		if code := config.Command(tc.args, &out, &out); code != tc.code || !strings.Contains(out.String(), tc.says) {
			t.Errorf("%v: %d %s", tc.args, code, out.String())
		}
	}
	if _, err := config.Load(bad); apperr.CodeOf(err) != "config.invalid" {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("addr = \"x\"\n[log]\nlevel = 1\n"))
	f.Add([]byte("a = [1,\n"))
	f.Add([]byte("\"\"\"\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, faults := config.Parse(raw)
		for _, x := range faults {
			if x.Text == "" || x.Line < 0 {
				t.Errorf("%+v", x)
			}
		}
	})
}
