// Package config reads the platform's configuration file (配置文件), a TOML text.
// It tells all faults at once, each with its line and what to do: a key that
// nobody reads is a fault, because a misspelt one would otherwise be silently
// without effect.
package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
)

// Config is everything that may be set. The zero value of a field means that it
// was not set.
type Config struct {
	Addr           string         // address to listen on; not used under systemd's socket activation
	Data           string         // folder for database, keys and files
	DatabaseURL    string         // another PostgreSQL
	Site           string         // the address that people use
	Secure         bool           // served over TLS by a proxy before us
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	TrustedRoots   string         // file or folder of the CAs whose certificates may be used
	SecondFactor   string         // off, enrolled or required
	LogLevel       slog.Level
	MetricsAddr    string // another address, on which /metrics needs no token
	MetricsToken   string // for /metrics on the ordinary address
	Set            map[string]bool
}

// Fault is one thing wrong with a file.
type Fault struct {
	Line int // from 1; 0: the file as a whole
	Key  string
	Text string // a Chinese sentence
}

// String is the fault as a line for people.
func (f Fault) String() string {
	switch {
	case f.Line == 0:
		return f.Text
	case f.Key == "":
		return fmt.Sprintf("第 %d 行：%s", f.Line, f.Text)
	default:
		return fmt.Sprintf("第 %d 行 %s：%s", f.Line, f.Key, f.Text)
	}
}

// setting is one key: what kind of value it takes, and what becomes of it. A
// complaint of "" is none.
type setting struct {
	key string
	set func(c *Config, v value) (complaint string)
}

var settings = []setting{
	{"addr", text(func(c *Config, s string) string { c.Addr = s; return address(s) })},
	{"data", text(func(c *Config, s string) string {
		c.Data = s
		if !filepath.IsAbs(s) {
			return "请写绝对路径，例如 /var/lib/jianbiao。"
		}
		return ""
	})},
	{"database_url", text(func(c *Config, s string) string { c.DatabaseURL = s; return dsn(s) })},
	{"database_url_file", text(func(c *Config, s string) string {
		var complaint string
		if c.DatabaseURL, complaint = secret(s); complaint != "" {
			return complaint
		}
		return dsn(c.DatabaseURL)
	})},
	{"site", text(func(c *Config, s string) string {
		c.Site = s
		if u, err := url.Parse(s); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" {
			return "请写公众访问的网址，例如 https://ggzy.example.gov.cn，不带路径。"
		}
		return ""
	})},
	{"secure", yesno(func(c *Config, b bool) { c.Secure = b })},
	{"trusted_proxies", list(func(c *Config, all []string) string {
		for _, s := range all {
			p, complaint := prefix(s)
			if complaint != "" {
				return complaint
			}
			c.TrustedProxies = append(c.TrustedProxies, p)
		}
		return ""
	})},
	{"trusted_roots", text(func(c *Config, s string) string {
		c.TrustedRoots = s
		if _, err := os.Stat(s); err != nil {
			return "没有这个文件或目录，或没有读取权限。"
		}
		return ""
	})},
	{"second_factor", text(func(c *Config, s string) string {
		c.SecondFactor = s
		if !slices.Contains([]string{"off", "enrolled", "required"}, s) {
			return "应为 off（不要求）、enrolled（已登记的人要求）或 required（一律要求）。"
		}
		return ""
	})},
	{"log.level", text(func(c *Config, s string) string {
		levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
		level, ok := levels[s]
		if c.LogLevel = level; !ok {
			return "应为 debug、info、warn 或 error。"
		}
		return ""
	})},
	{"metrics.addr", text(func(c *Config, s string) string { c.MetricsAddr = s; return address(s) })},
	{"metrics.token_file", text(func(c *Config, s string) (complaint string) {
		if c.MetricsToken, complaint = secret(s); complaint == "" && len(c.MetricsToken) < 20 {
			return "令牌太短：至少 20 个字符，可用 openssl rand -hex 32 生成。"
		}
		return complaint
	})},
}

func text(set func(*Config, string) string) func(*Config, value) string {
	return func(c *Config, v value) string {
		if v.text == nil {
			return "应为文字，写在引号里。"
		}
		if strings.TrimSpace(*v.text) == "" {
			return "不能为空；不需要这一项时请删去整行。"
		}
		return set(c, *v.text)
	}
}

func yesno(set func(*Config, bool)) func(*Config, value) string {
	return func(c *Config, v value) string {
		if v.yes == nil {
			return "应为 true 或 false，不加引号。"
		}
		set(c, *v.yes)
		return ""
	}
}

func list(set func(*Config, []string) string) func(*Config, value) string {
	return func(c *Config, v value) string {
		if v.list == nil {
			return `应为列表，例如 ["127.0.0.1", "10.0.0.0/8"]。`
		}
		return set(c, v.list)
	}
}

func address(s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil || port == "" {
		return "应为 地址:端口，例如 127.0.0.1:8080。"
	}
	if _, err := netip.ParseAddr(host); host != "" && host != "localhost" && err != nil {
		return "地址部分应为 IP 地址、localhost 或留空（监听所有地址）。"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "端口应在 1 到 65535 之间。"
	}
	return ""
}

func dsn(s string) string {
	if _, err := database.With(s); err != nil || (!strings.Contains(s, "://") && !strings.Contains(s, "=")) {
		return "数据库地址的格式不正确，应为 postgres://用户:密码@主机:端口/数据库名。"
	}
	return ""
}

func prefix(s string) (netip.Prefix, string) {
	if p, err := netip.ParsePrefix(s); err == nil {
		if p.Bits() == 0 {
			return p, fmt.Sprintf("“%s”是所有地址：那样谁都可以冒充别人的地址，请只写代理服务器的地址。", s)
		}
		return p, ""
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, fmt.Sprintf("“%s”不是地址或网段，例如 127.0.0.1 或 10.0.0.0/8。", s)
	}
	return netip.PrefixFrom(a, a.BitLen()), ""
}

// secret reads a value that must not stand in the configuration itself.
func secret(path string) (string, string) {
	info, err := os.Stat(path)
	if err != nil {
		return "", "没有这个文件，或没有读取权限。"
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Sprintf("文件里是秘密，别的用户也能读（权限 %o）：请执行 chmod 600。", info.Mode().Perm())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", "没有这个文件，或没有读取权限。"
	}
	return strings.TrimSpace(string(raw)), ""
}

// Load reads a file. The error is config.unreadable, or config.invalid with all
// the faults in its sentence.
func Load(path string) (Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, apperr.New(apperr.Invalid, "config.unreadable", "不能读取配置文件 %s：请核对路径和权限。", path).Because(err)
	}
	c, faults := Parse(raw)
	if len(faults) == 0 {
		return c, nil
	}
	lines := make([]string, len(faults))
	for i, f := range faults {
		lines[i] = "  " + f.String()
	}
	return Config{}, apperr.New(apperr.Invalid, "config.invalid", "配置文件 %s 有 %d 处错误：\n%s\n", path, len(faults), strings.Join(lines, "\n"))
}
