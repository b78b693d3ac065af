package platform_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/server/city"
	"jianbiao/server/firm"
	"jianbiao/server/platform"
)

// The attacker of the sealed bid: he has the database dump, the listing of the
// files with sizes and times, and the logs; he knows every firm and every lot.
// Over 20 lots with one deadline he must not learn who bid, or how many.
func TestSecrecy_BeforeTheCutoffNothingTellsWhoBidOrHowMany(t *testing.T) {
	t.Parallel()
	const lots, bidders, decoys = 20, 10, 6
	var log bytes.Buffer
	p, site := quiet(t, &log, nil)
	all := publish(t, p, lots)
	rng := rand.New(rand.NewPCG(20260302, 1))
	truth := map[[2]int]bool{} // firm, lot
	people := people(t, p, site, bidders+decoys)
	type act struct{ firm, lot int }
	var acts []act
	for f := range bidders {
		for l := range lots {
			if rng.Float64() < 0.35 {
				acts = append(acts, act{f, l})
				truth[[2]int{f, l}] = true
			}
		}
	}
	rng.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })
	for _, a := range acts {
		people[a.firm].bid(t, all[a.lot])
	}
	for _, x := range people { // everybody looks at every lot; that is no sign
		for _, l := range all {
			x.get(t, "/api/lots/"+l.ID)
		}
	}
	rows := dump(t, p, &log)
	t.Run("no row joins a firm and a lot, or a bid and either", func(t *testing.T) { noJoin(t, rows, people, all) })
	perLot, perFirm := make([]float64, lots), make([]float64, len(people))
	for pair := range truth {
		perLot[pair[1]]++
		perFirm[pair[0]]++
	}
	t.Run("no count of rows tells how many bids a lot has", func(t *testing.T) {
		guess(t, rows, "lot", perLot, func(i int) []string { return names(all[i].ID, all[i].Code, *all[i].CutoffKey) })
	})
	t.Run("no count of rows tells which firm bids", func(t *testing.T) {
		guess(t, rows, "firm", perFirm, func(i int) []string { return names(people[i].org, people[i].person, people[i].uscc) })
	})
	t.Run("the attack works where there is a leak", func(t *testing.T) {
		leaky := append([]row{}, rows...)
		for pair := range truth {
			leaky = append(leaky, row{"leak", "bid for " + all[pair[1]].ID})
		}
		r := strongest(leaky, perLot, func(i int) []string { return names(all[i].ID) })
		if r.value < 0.99 {
			t.Errorf("a table with one row a bid gives only %.2f", r.value)
		}
	})
}

// quiet is a rehearsal platform with its city behind a test server, its log in a
// buffer; more adds routes to it.
func quiet(t *testing.T, log io.Writer, more func(*platform.Platform)) (*platform.Platform, string) {
	t.Helper()
	ctx := context.Background()
	p, err := platform.Start(ctx, platform.Config{Data: t.TempDir(), Rehearsal: true, Unsafe: true, Log: slog.New(slog.NewJSONHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if more != nil {
		more(p)
	}
	server := httptest.NewServer(p.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := p.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := city.Make(ctx, p); err != nil {
		t.Fatal(err)
	}
	return p, server.URL
}

func publish(t *testing.T, p *platform.Platform, n int) []*lot.Lot {
	t.Helper()
	ctx := context.Background()
	var buyer actor.Actor
	if err := p.DB.QueryRowContext(ctx, `SELECT o.id, o.name FROM organisation o JOIN membership m ON m.organisation_id = o.id
		JOIN person x ON x.id = m.person_id WHERE x.login = 'buyer1'`).Scan(&buyer.OrganisationID, &buyer.OrganisationName); err != nil {
		t.Fatal(err)
	}
	buyer.Role = actor.Buyer
	var out []*lot.Lot
	for i := range n {
		project, err := p.Lots.CreateProject(ctx, buyer, lot.ProjectInput{Code: fmt.Sprintf("MM-%03d", i), Name: fmt.Sprintf("保密试验工程%d", i),
			Compulsory: true, Region: "321302", ApprovalNumber: "1", ApprovalAuthority: "发改委"})
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.Lots.Create(ctx, buyer, project.ID, lot.Input{Name: "施工", Estimate: "50000000"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Lots.SetDocument(ctx, buyer, l.ID, lot.Params{Sections: []lot.Section{{Name: "qualification", Label: "资格", Required: true},
			{Name: "technical", Label: "技术", Required: true}, {Name: "price", Label: "报价", Required: true}},
			DecryptMinutes: 30, SealCheckMinutes: 5, ObjectionMinutes: 5, ConfirmMinutes: 5, BidValidityDays: 90, DurationDays: 365, Quality: "合格"}); err != nil {
			t.Fatal(err)
		}
		l, err = p.Lots.Publish(ctx, buyer, l.ID, lot.PublishInput{SaleEnd: city.Begin.AddDate(0, 0, 6), BidDeadline: city.Begin.AddDate(0, 0, 22), Title: "公告", Body: "正文"})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

// client is a bidder with a browser.
type client struct {
	http              *http.Client
	site              string
	firm              *firm.Firm
	org, person, uscc string
	bids              int
}

func people(t *testing.T, p *platform.Platform, site string, n int) []*client {
	t.Helper()
	var out []*client
	for i := range n {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		c := &client{http: &http.Client{Jar: jar}, site: site}
		var session struct {
			Person       struct{ ID, Name string }
			Organisation struct{ ID, Name, USCC string }
		}
		c.send(t, http.MethodPost, "/api/session", fmt.Appendf(nil, `{"login":"bidder%d","password":%q}`, i+10, city.Password), "application/json", &session)
		c.org, c.person, c.uscc = session.Organisation.ID, session.Person.ID, session.Organisation.USCC
		if c.firm, err = firm.New(session.Organisation.Name, c.uscc, session.Person.Name); err != nil {
			t.Fatal(err)
		}
		// Every firm, bidding or not, registers a key when it first makes a vault.
		c.send(t, http.MethodPost, "/api/firm-key", fmt.Appendf(nil, `{"publicKey":%q}`, c.firm.PublicKey()), "application/json", nil)
		out = append(out, c)
	}
	return out
}

func (c *client) get(t *testing.T, path string) {
	t.Helper()
	c.send(t, http.MethodGet, path, nil, "", nil)
}

func (c *client) send(t *testing.T, method, path string, body []byte, media string, out any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.site+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", media)
	res, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, raw, err)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *client) bid(t *testing.T, l *lot.Lot) {
	t.Helper()
	var envelope bytes.Buffer
	if _, err := c.firm.Seal(&envelope, firm.Lot{ID: l.ID, Title: l.Name, DocumentVersion: l.DocumentVersion, CutoffKey: *l.CutoffKey, OpeningKey: *l.OpeningKey,
		Deadline: *l.BidDeadline}, firm.Offer{Price: "45000000.00", Duration: 300, Quality: "合格", Manager: "王工"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if c.bids++; c.bids%2 == 0 {
		c.send(t, http.MethodPost, "/api/bids", envelope.Bytes(), "application/octet-stream", nil)
		return
	}
	// In chunks; and one more upload that breaks off after its header.
	for _, part := range []int{envelope.Len(), 1 << 17} {
		id, a := c.announce(t, "bid", int64(envelope.Len()))
		want(t, "announced", a, http.StatusCreated, "")
		want(t, "a chunk", c.chunk(t, id, 0, envelope.Bytes()[:part]), http.StatusNoContent, "")
		if part == envelope.Len() {
			want(t, "finished", c.ask(t, http.MethodPost, "/api/bids?upload="+id, nil, nil), http.StatusCreated, "")
		}
	}
}

// row is one thing that the attacker sees: a row of a table as text, a file of
// the folder, a line of the log.
type row struct{ table, text string }

func dump(t *testing.T, p *platform.Platform, log *bytes.Buffer) []row {
	t.Helper()
	ctx := context.Background()
	var tables []string
	if err := p.DB.SelectContext(ctx, &tables, `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version' ORDER BY 1`); err != nil {
		t.Fatal(err)
	}
	var out []row
	for _, table := range tables {
		var texts []string
		columns := `to_jsonb(x)`
		if table == "vault" { // encrypted, and large: of the blob only its size is looked at
			columns = `to_jsonb(x) - 'blob' || jsonb_build_object('size', octet_length(x.blob))`
		}
		if err := p.DB.SelectContext(ctx, &texts, `SELECT CAST(`+columns+` AS text) FROM `+table+` x`); err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			out = append(out, row{table, readable(text)})
		}
	}
	for _, dir := range []string{"files", "uploads"} {
		if err := filepath.WalkDir(filepath.Join(p.Config.Data, dir), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			text := fmt.Sprintf("%s %d %s", d.Name(), info.Size(), info.ModTime().UTC())
			if strings.HasSuffix(path, ".state") {
				raw, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				text += string(raw)
			}
			if !info.ModTime().UTC().Equal(info.ModTime().UTC().Truncate(24 * time.Hour)) {
				t.Errorf("%s has a time finer than the day: %.80s", dir, text)
			}
			out = append(out, row{"files", text})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	for line := range strings.Lines(log.String()) {
		out = append(out, row{"log", line})
	}
	return out
}

// readable adds to a row what its hex columns say as text.
func readable(text string) string {
	var b strings.Builder
	b.WriteString(text)
	for part := range strings.SplitSeq(text, `"`) {
		if raw, err := hex.DecodeString(strings.TrimPrefix(part, `\\x`)); err == nil && len(raw) > 8 {
			b.WriteString(" ")
			b.Write(raw)
		}
	}
	return b.String()
}

// names are the forms in which an identifier may stand somewhere.
func names(ids ...string) []string {
	var out []string
	for _, id := range ids {
		out = append(out, id, strings.ReplaceAll(id, "-", ""), base64.RawURLEncoding.EncodeToString([]byte(id)))
		if u, err := uuid.Parse(id); err == nil {
			out = append(out, base64.RawURLEncoding.EncodeToString(u[:]))
		}
	}
	return out
}

func mentions(r row, names []string) bool {
	for _, n := range names {
		if strings.Contains(r.text, n) {
			return true
		}
	}
	return false
}

func noJoin(t *testing.T, rows []row, firms []*client, lots []*lot.Lot) {
	for _, r := range rows {
		anyFirm, anyLot := false, false
		for _, f := range firms {
			anyFirm = anyFirm || mentions(r, names(f.org, f.person, f.uscc, f.firm.Name))
		}
		for _, l := range lots {
			anyLot = anyLot || mentions(r, names(l.ID, l.Code, *l.CutoffKey, *l.OpeningKey))
		}
		bid := r.table == "envelope" || strings.Contains(r.text, `"bid/`) || r.table == "files"
		if anyFirm && anyLot || bid && (anyFirm || anyLot) {
			t.Errorf("%s: %.200s", r.table, r.text)
		}
		if bid && r.table == "envelope" && strings.Contains(r.text, time.Now().Format("15:04")) {
			t.Errorf("an envelope says when it came: %.200s", r.text)
		}
	}
}

type finding struct {
	table string
	value float64
}

// strongest is the attacker's best feature: of all tables, the one in which the
// number of rows that mention something goes with the truth most closely.
func strongest(rows []row, truth []float64, of func(i int) []string) finding {
	counts := map[string][]float64{}
	for i := range truth {
		wanted := of(i)
		for _, r := range rows {
			if mentions(r, wanted) {
				if counts[r.table] == nil {
					counts[r.table] = make([]float64, len(truth))
				}
				counts[r.table][i]++
			}
		}
	}
	best := finding{}
	for table, c := range counts {
		if r := math.Abs(correlation(c, truth)); r > best.value {
			best = finding{table, r}
		}
	}
	return best
}

// guess fails when some feature tells more than chance: with 16 to 20 points a
// correlation beyond 0.75 is found by chance in fewer than one of 1,000 tables.
func guess(t *testing.T, rows []row, what string, truth []float64, of func(i int) []string) {
	t.Helper()
	best := strongest(rows, truth, of)
	t.Logf("best feature about a %s: rows of %q, correlation %.2f", what, best.table, best.value)
	if best.value > 0.75 {
		t.Errorf("rows of %s tell about a %s: correlation %.2f", best.table, what, best.value)
	}
}

// correlation is Pearson's, 0 where a side does not vary: a constant tells
// nothing.
func correlation(a, b []float64) float64 {
	n := float64(len(a))
	var sa, sb, saa, sbb, sab float64
	for i := range a {
		sa, sb = sa+a[i], sb+b[i]
		saa, sbb, sab = saa+a[i]*a[i], sbb+b[i]*b[i], sab+a[i]*b[i]
	}
	va, vb := saa-sa*sa/n, sbb-sb*sb/n
	if va < 1e-9 || vb < 1e-9 {
		return 0
	}
	return (sab - sa*sb/n) / math.Sqrt(va*vb)
}
