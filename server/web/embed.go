// Package web holds the built web application and serves it. The application is made by `npm run build` in this folder;
// without a build the package still compiles and answers with a page that says what is missing.
package web

import (
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed all:dist
var files embed.FS

// policy is the Content-Security-Policy of every page: own scripts only, WebAssembly for the sealer, own workers, no
// other origin. Style attributes are allowed because Vue and Element Plus place floating panels with them.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; " +
	"img-src 'self' data: blob:; style-src 'self'; style-src-attr 'unsafe-inline'; font-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// types names the media types we serve, so that they do not depend on the machine's own tables.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
	".wasm": "application/wasm",
	".png":  "image/png",
	".ico":  "image/x-icon",
	".txt":  "text/plain; charset=utf-8",
}

// missing is the page of a program that was built without the web application.
const missing = `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>见标</title>` +
	`<p>网页程序尚未构建。请在源代码目录运行 <code>make build</code> 后重新启动。</p><p><small>web.not_built</small></p></html>`

// Built reports whether a web application is embedded.
func Built() bool {
	_, err := fs.Stat(files, "dist/index.html")
	return err == nil
}

// Handler serves the web application: files as they are (precompressed where the browser takes it), hashed assets for
// ever, and the start page for every other path, because the browser's router knows the pages. Paths under /api/ are
// none of its business and answer 404.
func Handler() http.Handler {
	dist, err := fs.Sub(files, "dist")
	if err != nil { // cannot happen: the folder is embedded above
		panic(err)
	}
	return NewHandler(dist)
}

// NewHandler serves a web application from any file system; Handler gives it the embedded one.
func NewHandler(dist fs.FS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		switch {
		case name == "api" || strings.HasPrefix(name, "api/"):
			http.Error(w, "", http.StatusNotFound)
		case isFile(dist, name):
			serveFile(w, r, dist, name)
		case strings.HasPrefix(name, "assets/"):
			// A chunk of an older build: the page must be loaded anew, and must not get HTML for a script.
			http.Error(w, "", http.StatusNotFound)
		case isFile(dist, "index.html"):
			serveFile(w, r, dist, "index.html")
		default:
			w.Header().Set("Content-Type", types[".html"])
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(missing))
		}
	})
}

func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
}

// isFile says whether name is a file that may be served; dot files (the placeholder, Vite's manifest) may not.
func isFile(dist fs.FS, name string) bool {
	if name == "" || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") {
		return false
	}
	info, err := fs.Stat(dist, name)
	return err == nil && !info.IsDir()
}

func serveFile(w http.ResponseWriter, r *http.Request, dist fs.FS, name string) {
	h := w.Header()
	ext := path.Ext(name)
	kind := types[ext]
	if kind == "" {
		kind = mime.TypeByExtension(ext)
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	h.Set("Content-Type", kind)
	h.Set("Vary", "Accept-Encoding")
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	served := name
	for _, c := range []struct{ coding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if accepts(r.Header.Get("Accept-Encoding"), c.coding) && isFile(dist, name+c.suffix) {
			h.Set("Content-Encoding", c.coding)
			served = name + c.suffix
			break
		}
	}
	body, err := fs.ReadFile(dist, served)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	tag := entityTag(body)
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeBody(w, r, body)
}
