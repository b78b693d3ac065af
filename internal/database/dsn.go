package database

import (
	"fmt"
	"net"
	"net/url"
	"sort"
	"strings"

	"jianbiao/internal/apperr"
)

// AppRole is the restricted database role under which the application works.
// A migration creates it; it owns nothing, so that a fault in the application
// can neither change the schema nor rewrite the insert-only tables (留痕).
const AppRole = "jianbiao_app"

// DefaultName is the database that the application uses on its own cluster.
const DefaultName = "jianbiao"

// OwnerName is the superuser of our own cluster, under which migrations run.
const OwnerName = "postgres"

// With returns dsn, in URL or in keyword form, with settings put in or
// replaced. Settings are given as key, value, key, value. The result is always
// in keyword form; its last word on a key is the one that counts. An error is
// an *apperr.Error that does not carry the DSN, for it may hold a password.
func With(dsn string, settings ...string) (string, error) {
	words, err := keywords(dsn)
	if err != nil {
		return "", err
	}
	for i := 0; i+1 < len(settings); i += 2 {
		words = append(words, settings[i]+"="+quoteSetting(settings[i+1]))
	}
	return strings.Join(words, " "), nil
}

// keywords turns a URL into the words of the keyword form; a DSN that is in
// keyword form already is one word.
func keywords(dsn string) ([]string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return []string{strings.TrimSpace(dsn)}, nil
	}
	u, err := url.Parse(dsn)
	if err != nil {
		// The cause quotes the URL, password included, so it is left out.
		return nil, apperr.New(apperr.Invalid, "database.url_invalid",
			"数据库地址 DATABASE_URL 的格式不正确，应为 postgres://用户:密码@主机:端口/数据库名")
	}
	var words []string
	put := func(key, value string) {
		if value != "" {
			words = append(words, key+"="+quoteSetting(value))
		}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		put("user", u.User.Username())
		put("password", password)
	}
	if host, port, err := net.SplitHostPort(u.Host); err == nil {
		put("host", host)
		put("port", port)
	} else {
		put("host", u.Host)
	}
	put("dbname", strings.TrimPrefix(u.Path, "/"))
	query := u.Query()
	keys := make([]string, 0, len(query))
	for key := range query {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		put(key, query.Get(key))
	}
	return words, nil
}

var settingEscaper = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// quoteSetting quotes one value of the keyword form.
func quoteSetting(value string) string {
	return "'" + settingEscaper.Replace(value) + "'"
}

// socketDSN is the DSN of a cluster of ours: a socket in dir, no password.
func socketDSN(dir string, port int) string {
	return fmt.Sprintf("host=%s port=%d user=%s sslmode=disable", quoteSetting(dir), port, OwnerName)
}
