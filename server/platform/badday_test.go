package platform_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/internal/seal"
	"jianbiao/internal/vault"
	"jianbiao/server/api"
	"jianbiao/server/city"
	"jianbiao/server/firm"
	"jianbiao/server/platform"
)

func digestOf(b []byte) string {
	sum := sm3.Sum(b)
	return "sm3:" + hex.EncodeToString(sum[:])
}

// answer is what came back; code is that of a problem.
type answer struct {
	status       int
	code, detail string
	offset       int64
	body         []byte
}

func (c *client) ask(t *testing.T, method, path string, header map[string]string, body io.Reader) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.site+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	if n, err := strconv.ParseInt(header["Content-Length"], 10, 64); err == nil {
		req.ContentLength = n
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{detail: err.Error()}
	}
	defer func() { _ = res.Body.Close() }()
	a := answer{status: res.StatusCode}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	a.offset, _ = strconv.ParseInt(res.Header.Get("Upload-Offset"), 10, 64)
	var p api.Problem
	if res.StatusCode >= http.StatusBadRequest && json.Unmarshal(a.body, &p) == nil {
		a.code, a.detail = p.Code, p.Detail
	}
	return a
}

func (c *client) announce(t *testing.T, purpose string, size int64) (id string, a answer) {
	t.Helper()
	a = c.ask(t, http.MethodPost, "/api/uploads", map[string]string{"Content-Type": "application/json"},
		strings.NewReader(fmt.Sprintf(`{"size":%d,"purpose":%q}`, size, purpose)))
	var v api.UploadView
	_ = json.Unmarshal(a.body, &v)
	return v.ID, a
}

func (c *client) chunk(t *testing.T, id string, at int64, piece []byte) answer {
	t.Helper()
	return c.ask(t, http.MethodPatch, "/api/uploads/"+id, map[string]string{"Upload-Offset": strconv.FormatInt(at, 10), "Upload-Digest": digestOf(piece)},
		bytes.NewReader(piece))
}

func want(t *testing.T, what string, a answer, status int, code string) {
	t.Helper()
	if a.status != status || a.code != code || status >= http.StatusBadRequest && !api.Chinese(a.detail) {
		t.Errorf("%s: %d %s %s, want %d %s", what, a.status, a.code, a.detail, status, code)
	}
}

// stored lists what files and uploads hold.
func stored(t *testing.T, p *platform.Platform) []string {
	t.Helper()
	var out []string
	for _, dir := range []string{"files", "uploads"} {
		if err := filepath.WalkDir(filepath.Join(p.Config.Data, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".state") {
				out = append(out, path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// site serves a platform; stop ends both.
func site(t *testing.T, p *platform.Platform) (url string, stop func()) {
	t.Helper()
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)
	return server.URL, func() {
		server.Close()
		if err := p.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// A bid is sent over a real line that breaks at every boundary and once inside
// every chunk; in the middle the server is stopped and started again. The
// receipt is that of the envelope that was sealed.
func TestUpload_BreaksEverywhereAndTheServerRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := still(t, dir)
	must(t, city.Make(t.Context(), p))
	url, stop := site(t, p)
	l := publish(t, p, 1)[0]
	c := people(t, p, url, 1)[0]
	envelope, sealed := sealFor(t, c, l)
	id, a := c.announce(t, "bid", int64(len(envelope)))
	want(t, "announced", a, http.StatusCreated, "")
	size := len(envelope)/7 + 1
	for at := 0; at < len(envelope); at += size {
		piece := envelope[at:min(at+size, len(envelope))]
		head := map[string]string{"Upload-Offset": strconv.Itoa(at), "Upload-Digest": digestOf(piece)}
		c.ask(t, http.MethodPatch, "/api/uploads/"+id, head, io.MultiReader(bytes.NewReader(piece[:len(piece)/2]), brokenLine{}))
		want(t, "a truncated chunk", c.ask(t, http.MethodPatch, "/api/uploads/"+id, head, bytes.NewReader(piece[1:])), http.StatusUnprocessableEntity, "upload.digest_mismatch")
		if a := c.chunk(t, id, int64(at)+1, piece); a.status != http.StatusConflict || a.code != "upload.offset" || a.offset != int64(at) {
			t.Errorf("a wrong offset: %+v", a)
		}
		want(t, "incomplete", c.ask(t, http.MethodPost, "/api/bids?upload="+id, nil, nil), http.StatusConflict, "upload.incomplete")
		if at == 3*size { // the server goes and comes again, with sessions and uploads
			stop()
			url, stop = site(t, still(t, dir))
			moveTo(t, c, url)
		}
		if a := c.ask(t, http.MethodHead, "/api/uploads/"+id, nil, nil); a.status != http.StatusOK || a.offset != int64(at) {
			t.Fatalf("the offset is %d at %d: %+v", a.offset, at, a)
		}
		want(t, "the chunk", c.chunk(t, id, int64(at), piece), http.StatusNoContent, "")
	}
	a = c.ask(t, http.MethodPost, "/api/bids?upload="+id, nil, nil)
	want(t, "finished", a, http.StatusCreated, "")
	var r seal.Receipt
	if err := json.Unmarshal(a.body, &r); err != nil {
		t.Fatal(err)
	}
	if err := r.Covers(sealed.Header, sealed.Digest, sealed.Size); err != nil {
		t.Error(err)
	}
	if again := c.ask(t, http.MethodPost, "/api/bids?upload="+id, nil, nil); !bytes.Equal(again.body, a.body) {
		t.Errorf("asked again: %d %s", again.status, again.body)
	}
	stop()
}

// still is a platform whose timetable does not run.
func still(t *testing.T, dir string) *platform.Platform {
	t.Helper()
	p, err := platform.Start(t.Context(), platform.Config{Data: dir, Rehearsal: true, Unsafe: true, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	return p
}

type brokenLine struct{}

func (brokenLine) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func sealFor(t *testing.T, c *client, l *lot.Lot) ([]byte, vault.Bid) {
	t.Helper()
	var envelope bytes.Buffer
	s, err := c.firm.Seal(&envelope, firm.Lot{ID: l.ID, Title: l.Name, DocumentVersion: l.DocumentVersion, CutoffKey: *l.CutoffKey, OpeningKey: *l.OpeningKey,
		Deadline: *l.BidDeadline}, firm.Offer{Price: "45000000.00", Duration: 300, Quality: "合格", Manager: "王工"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return envelope.Bytes(), s
}

// moveTo takes the client's cookies along to another address of the platform.
func moveTo(t *testing.T, c *client, url string) {
	t.Helper()
	old, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.site, nil)
	if err != nil {
		t.Fatal(err)
	}
	next, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.http.Jar.SetCookies(next.URL, c.http.Jar.Cookies(old.URL))
	c.site = url
}

// host is an agency's browser and a lot that it is writing.
func host(t *testing.T, p *platform.Platform, url string) (*client, string) {
	t.Helper()
	c := &client{http: login(t, url, "agency1"), site: url}
	var id string
	if err := p.DB.GetContext(t.Context(), &id, `SELECT l.id FROM lot l JOIN project p ON p.id = l.project_id JOIN membership m ON m.organisation_id = p.agency_id
		JOIN person x ON x.id = m.person_id WHERE l.state = 'drafting' AND x.login = 'agency2' LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	c.http = login(t, url, "agency2")
	return c, id
}

// Files that are too large, broken or dangerous are refused in a sentence, and
// nothing of them is on the disk. What is too large by its announcement is not
// read; what turns out to be is read up to the limit.
func TestFiles_BadOnesLeaveNothing(t *testing.T) {
	t.Parallel()
	p, url := quiet(t, io.Discard, nil)
	c, lotID := host(t, p, url)
	before := stored(t, p)
	post := func(name, content string) answer {
		return c.ask(t, http.MethodPost, "/api/lots/"+lotID+"/document/files?name="+name, nil, strings.NewReader(content))
	}
	inChunks := func(name string, content []byte) answer {
		id, a := c.announce(t, "file", int64(len(content)))
		want(t, "announced", a, http.StatusCreated, "")
		for at := 0; at < len(content); at += 1 << 20 {
			want(t, "chunk", c.chunk(t, id, int64(at), content[at:min(at+1<<20, len(content))]), http.StatusNoContent, "")
		}
		return c.ask(t, http.MethodPost, "/api/lots/"+lotID+"/document/files?name="+name+"&upload="+id, nil, nil)
	}
	bomb := zipBomb(t)
	want(t, "a PDF that is none", post("a.pdf", "<html>"), http.StatusUnprocessableEntity, "file.wrong_type")
	want(t, "a PDF cut off", post("a.pdf", biddingtest.PDF("x")[:60]), http.StatusUnprocessableEntity, "file.damaged_pdf")
	want(t, "a zip bomb", post("a.xlsx", bomb), http.StatusUnprocessableEntity, "file.zip_bomb")
	want(t, "a program", post("a.exe", "MZ"), http.StatusUnprocessableEntity, "file.executable")
	want(t, "a PDF that is none, in chunks", inChunks("a.pdf", []byte("<html>")), http.StatusUnprocessableEntity, "file.wrong_type")
	want(t, "a zip bomb, in chunks", inChunks("a.xlsx", []byte(bomb)), http.StatusUnprocessableEntity, "file.zip_bomb")
	const huge = 3 << 30
	_, a := c.announce(t, "file", huge)
	want(t, "3 GB announced", a, http.StatusRequestEntityTooLarge, "document.file_too_large")
	declared := &zeros{left: huge}
	a = c.ask(t, http.MethodPost, "/api/lots/"+lotID+"/document/files?name=a.bin", map[string]string{"Content-Length": strconv.Itoa(huge)}, declared)
	if a.status != 0 { // the server may hang up while the client is still sending
		want(t, "3 GB declared", a, http.StatusRequestEntityTooLarge, "document.file_too_large")
	}
	if declared.read.Load() > 32<<20 {
		t.Errorf("of 3 GB that were declared %d bytes were read", declared.read.Load())
	}
	streamed := &zeros{left: huge}
	a = c.ask(t, http.MethodPost, "/api/lots/"+lotID+"/document/files?name=a.bin", nil, io.NopCloser(streamed))
	if a.status != 0 {
		want(t, "3 GB streamed", a, http.StatusRequestEntityTooLarge, "document.file_too_large")
	}
	if streamed.read.Load() > lot.MaxFile+32<<20 {
		t.Errorf("of 3 GB that were streamed %d bytes were read", streamed.read.Load())
	}
	id, a := c.announce(t, "file", 5000)
	want(t, "announced", a, http.StatusCreated, "")
	endless := &zeros{left: huge}
	a = c.ask(t, http.MethodPatch, "/api/uploads/"+id, map[string]string{"Upload-Offset": "0", "Upload-Digest": digestOf(nil)}, io.NopCloser(endless))
	if a.status != 0 {
		want(t, "3 GB as a chunk", a, http.StatusRequestEntityTooLarge, "upload.too_long")
	}
	if endless.read.Load() > 32<<20 {
		t.Errorf("of 3 GB as a chunk %d bytes were read", endless.read.Load())
	}
	eventually(t, "nothing is left on the disk", func() bool { return len(stored(t, p)) == len(before) })
	want(t, "a good one, in chunks", inChunks("ok.pdf", []byte(biddingtest.PDF("x"))), http.StatusCreated, "")
	want(t, "a good one", post("ok.pdf", biddingtest.PDF("y")), http.StatusCreated, "")
}

func zipBomb(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("xl/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, &zeros{left: 300 << 20}); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

// zeros gives so many zero bytes and counts what was taken.
type zeros struct {
	left int64
	read atomic.Int64
}

func (z *zeros) Read(p []byte) (int, error) {
	if z.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	z.read.Add(n)
	return int(n), nil
}

// A file of 500 MB comes in chunks and is stored; memory does not grow with it.
func TestUpload_FiveHundredMegabytesInConstantMemory(t *testing.T) {
	p, url := quiet(t, io.Discard, nil)
	c, lotID := host(t, p, url)
	const size, chunk = 500_000_000, 4 << 20
	piece := bytes.Repeat([]byte("见标"), chunk/6+1)[:chunk]
	runtime.GC()
	var base runtime.MemStats
	runtime.ReadMemStats(&base)
	var peak atomic.Uint64
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), m.HeapInuse))
			}
		}
	}()
	id, a := c.announce(t, "file", size)
	want(t, "announced", a, http.StatusCreated, "")
	whole := sm3.New()
	for at := int64(0); at < size; at += chunk {
		b := piece[:min(chunk, size-at)]
		whole.Write(b)
		if a := c.chunk(t, id, at, b); a.status != http.StatusNoContent {
			t.Fatalf("chunk at %d: %+v", at, a)
		}
	}
	a = c.ask(t, http.MethodPost, "/api/lots/"+lotID+"/document/files?name=big.bin&upload="+id, nil, nil)
	close(done)
	want(t, "finished", a, http.StatusCreated, "")
	var f lot.File
	if err := json.Unmarshal(a.body, &f); err != nil || f.Size != size || f.SM3 != fmt.Sprintf("sm3:%x", whole.Sum(nil)) {
		t.Errorf("%s %v", a.body, err)
	}
	grown := int64(peak.Load()) - int64(base.HeapInuse)
	t.Logf("heap in use: %d MB before, at most %d MB more", base.HeapInuse>>20, grown>>20)
	if grown > 64<<20 {
		t.Errorf("memory grew by %d MB", grown>>20)
	}
}

// The disk is full for a while: the answer is 503 with a sentence, nothing is
// half done, and the same chunk is taken when there is room again. The disk is a
// small file system of its own; where none may be mounted (not root) the test of
// internal/upload with a limit on file sizes stands alone.
func TestUpload_DiskFullAndFreeAgain(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for _, dir := range []string{"uploads", "files"} {
		if err := os.MkdirAll(filepath.Join(data, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", filepath.Join(data, dir)).CombinedOutput(); err != nil {
			t.Logf("no file system of its own: %v %s", err, out)
			return
		}
		t.Cleanup(func() { _ = exec.Command("umount", filepath.Join(data, dir)).Run() })
	}
	p := still(t, data)
	must(t, city.Make(t.Context(), p))
	url, stop := site(t, p)
	defer stop()
	l := publish(t, p, 1)[0]
	c := people(t, p, url, 1)[0]
	envelope, sealed := sealFor(t, c, l)
	_, a := c.announce(t, "bid", 90<<20)
	want(t, "no room for what is announced", a, http.StatusServiceUnavailable, "storage.full")
	id, a := c.announce(t, "bid", int64(len(envelope)))
	want(t, "announced", a, http.StatusCreated, "")
	want(t, "a first chunk", c.chunk(t, id, 0, envelope[:1000]), http.StatusNoContent, "")
	filler := fill(t, filepath.Join(data, "uploads"))
	a = c.chunk(t, id, 1000, envelope[1000:])
	want(t, "the disk of uploads is full", a, http.StatusServiceUnavailable, "storage.full")
	if a := c.ask(t, http.MethodHead, "/api/uploads/"+id, nil, nil); a.offset != 1000 {
		t.Errorf("the offset is %d", a.offset)
	}
	must(t, os.Remove(filler))
	want(t, "the same chunk again", c.chunk(t, id, 1000, envelope[1000:]), http.StatusNoContent, "")
	filler = fill(t, filepath.Join(data, "files")) // another disk: the envelope is copied there
	held := len(stored(t, p))
	want(t, "the disk of files is full", c.ask(t, http.MethodPost, "/api/bids?upload="+id, nil, nil), http.StatusServiceUnavailable, "storage.full")
	want(t, "also in one piece", c.ask(t, http.MethodPost, "/api/bids", nil, bytes.NewReader(envelope)), http.StatusServiceUnavailable, "storage.full")
	if n := len(stored(t, p)); n != held {
		t.Errorf("%d files, %d before", n, held)
	}
	must(t, os.Remove(filler))
	eventually(t, "there is room again", func() bool { // the kernel counts what it frees a little later
		a = c.ask(t, http.MethodPost, "/api/bids?upload="+id, nil, nil)
		return a.status != http.StatusServiceUnavailable
	})
	want(t, "finished", a, http.StatusCreated, "")
	var r seal.Receipt
	must(t, json.Unmarshal(a.body, &r))
	must(t, r.Covers(sealed.Header, sealed.Digest, sealed.Size))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill leaves no byte free in the file system of dir.
func fill(t *testing.T, dir string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	must(t, err)
	block := make([]byte, 1<<20)
	for len(block) > 0 {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	_ = f.Close()
	return f.Name()
}
