package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"jianbiao/server/web"
)

func site() fstest.MapFS {
	return fstest.MapFS{
		".gitkeep":              {Data: nil},
		"index.html":            {Data: []byte("<html>start</html>")},
		"assets/app-1a2b.js":    {Data: []byte("plain")},
		"assets/app-1a2b.js.br": {Data: []byte("brotli")},
		"assets/app-1a2b.js.gz": {Data: []byte("gzip")},
		"sealer.wasm":           {Data: []byte("wasm")},
		".vite/manifest.json":   {Data: []byte("{}")},
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	type answer struct {
		Status                    int
		Type, Coding, Cache, Body string
	}
	const html, js = "text/html; charset=utf-8", "text/javascript; charset=utf-8"
	const forEver, always = "public, max-age=31536000, immutable", "no-cache"
	cases := map[string]struct {
		method, path, accept string
		want                 answer
	}{
		"start page":          {"GET", "/", "", answer{200, html, "", always, "<html>start</html>"}},
		"page of the router":  {"GET", "/lots/1/hall", "", answer{200, html, "", always, "<html>start</html>"}},
		"asset":               {"GET", "/assets/app-1a2b.js", "", answer{200, js, "", forEver, "plain"}},
		"asset, brotli first": {"GET", "/assets/app-1a2b.js", "gzip, br", answer{200, js, "br", forEver, "brotli"}},
		"asset, gzip":         {"GET", "/assets/app-1a2b.js", "gzip;q=0.8, br;q=0", answer{200, js, "gzip", forEver, "gzip"}},
		"old asset":           {"GET", "/assets/gone-9z.js", "", answer{404, "text/plain; charset=utf-8", "", "", "\n"}},
		"wasm":                {"GET", "/sealer.wasm", "", answer{200, "application/wasm", "", always, "wasm"}},
		"dot file":            {"GET", "/.vite/manifest.json", "", answer{200, html, "", always, "<html>start</html>"}},
		"climbing out":        {"GET", "/../../etc/passwd", "", answer{200, html, "", always, "<html>start</html>"}},
		"api is not ours":     {"GET", "/api/nothing", "", answer{404, "text/plain; charset=utf-8", "", "", "\n"}},
		"only reading":        {"POST", "/", "", answer{405, "text/plain; charset=utf-8", "", "", "\n"}},
		"head":                {"HEAD", "/", "", answer{200, html, "", always, ""}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(c.method, "http://localhost"+c.path, nil)
			r.Header.Set("Accept-Encoding", c.accept)
			w := httptest.NewRecorder()
			web.NewHandler(site()).ServeHTTP(w, r)
			h := w.Header()
			got := answer{w.Code, h.Get("Content-Type"), h.Get("Content-Encoding"), h.Get("Cache-Control"), w.Body.String()}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "'wasm-unsafe-eval'") || strings.Contains(csp, "'unsafe-eval'") {
				t.Errorf("policy %q", csp)
			}
		})
	}
}

func TestHandlerNotModified(t *testing.T) {
	t.Parallel()
	h := web.NewHandler(site())
	first := httptest.NewRecorder()
	h.ServeHTTP(first, httptest.NewRequest(http.MethodGet, "/", nil))
	again := httptest.NewRequest(http.MethodGet, "/", nil)
	again.Header.Set("If-None-Match", first.Header().Get("ETag"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, again)
	if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("got %d with %d bytes, want 304 with none", w.Code, w.Body.Len())
	}
}

func TestHandlerWithoutBuild(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	web.NewHandler(fstest.MapFS{".gitkeep": {}}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("got %d %q, want 503 with what to do", w.Code, w.Body.String())
	}
}
