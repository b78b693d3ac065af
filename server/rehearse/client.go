// Package rehearse plays a whole lot (演练), from publication to the closed
// record, with real clients over HTTP and websockets: they seal real files,
// release, object, confirm. It uses nothing that a real client could not use,
// but the rehearsal's clock.
package rehearse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Problem is the server's refusal.
type Problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Error is the Chinese sentence with its code.
func (p *Problem) Error() string { return fmt.Sprintf("%s (%s)", p.Detail, p.Code) }

// client is one person's browser: a cookie jar and the address of the platform.
type client struct {
	base  string
	http  *http.Client
	login string
}

func newClient(base, login string) (*client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &client{base: strings.TrimSuffix(base, "/"), http: &http.Client{Jar: jar, Timeout: 2 * time.Minute}, login: login}, nil
}

// patience is how long a client waits for a server that is starting again.
const patience = 90 * time.Second

// do sends a JSON request and decodes the answer. When the server is away it
// tries again with the same idempotency key, so that nothing is done twice.
func (c *client) do(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	h := http.Header{"Content-Type": {"application/json"}}
	if method != http.MethodGet {
		h.Set("Idempotency-Key", uuid.NewString())
	}
	raw, _, err := c.send(ctx, method, path, h, func() io.Reader { return bytes.NewReader(body) })
	if err != nil || out == nil || len(raw) == 0 {
		return err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s %s: answer: %w", method, path, err)
	}
	return nil
}

// send tries until the server answers with something other than "not now".
func (c *client) send(ctx context.Context, method, path string, h http.Header, body func() io.Reader) ([]byte, http.Header, error) {
	for until := time.Now().Add(patience); ; {
		raw, header, err := c.once(ctx, method, path, h, body())
		var p *Problem
		away := err != nil && (!errors.As(err, &p) || p.Status == http.StatusServiceUnavailable || p.Code == "request.interrupted")
		if !away || ctx.Err() != nil || time.Now().After(until) {
			return raw, header, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func (c *client) once(ctx context.Context, method, path string, h http.Header, body io.Reader) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, nil, err
	}
	if h != nil {
		req.Header = h.Clone()
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		p := &Problem{Status: res.StatusCode}
		if json.Unmarshal(raw, p) != nil || p.Code == "" {
			p.Code, p.Detail = "http", fmt.Sprintf("服务器答复 %d", res.StatusCode)
		}
		return nil, nil, p
	}
	return raw, res.Header, nil
}

// session logs the person in.
func (c *client) session(ctx context.Context, password string) error {
	return c.do(ctx, http.MethodPost, "/api/session", map[string]string{"login": c.login, "password": password}, nil)
}

// socketURL is the address of a hall for this client.
func (c *client) socketURL(lot string, after int64, view string) (string, error) {
	u, err := url.Parse(c.base)
	if err != nil {
		return "", err
	}
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	u.Path = "/api/lots/" + lot + "/hall"
	u.RawQuery = url.Values{"after": {fmt.Sprint(after)}, "view": {view}}.Encode()
	return u.String(), nil
}
