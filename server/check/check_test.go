package check_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"jianbiao/bidding/biddingtest"
	"jianbiao/bidding/lot"
	"jianbiao/bidding/opening"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
	"jianbiao/server/backup"
	"jianbiao/server/check"
	"jianbiao/server/platform"
)

const passphrase = "Yanlian-2026"

func start(t *testing.T, dir string) *platform.Platform {
	t.Helper()
	p, err := platform.Start(t.Context(), platform.Config{Data: dir, Rehearsal: true, Unsafe: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(context.Background()) }) // again at the end is no harm
	return p
}

// play makes a lot whose opening ends, and calls mid in mid-window, while
// somebody else writes all the time.
func play(t *testing.T, p *platform.Platform, mid func()) (*biddingtest.City, *lot.Lot) {
	t.Helper()
	ctx := t.Context()
	c := &biddingtest.City{T: t, Store: p.Store, Keys: p.Keys, Files: p.Files, Dir: p.Config.Data, Lots: p.Lots, Submissions: p.Submissions, Openings: p.Openings}
	c.At(biddingtest.Start)
	c.Buyer = c.Organisation("宿迁市城市建设投资有限公司", actor.Buyer)
	c.Agency = c.Organisation("江苏经纬工程咨询有限公司", actor.Agency)
	l := c.Published()
	var firms []*biddingtest.Firm
	for i, name := range []string{"苏北建设集团有限公司", "运河建工集团有限公司", "华宇建筑工程有限公司"} {
		f := c.NewFirm(name)
		c.Bid(f, l, fmt.Sprintf("4%d600000.00", i+3), []string{"肆仟叁佰陆拾万元整", "肆仟肆佰陆拾万元整", "肆仟伍佰陆拾万元整"}[i])
		firms = append(firms, f)
	}
	later := c.NewFirm("后来建设有限公司") // a bid that is not opened yet
	c.Bid(later, c.Published(), "45600000.00", "肆仟伍佰陆拾万元整")
	p2, err := c.Lots.CreateProject(ctx, c.Buyer, lot.ProjectInput{Code: "DOC-1", Name: "有附件的项目", Compulsory: true, Region: "321302",
		AgencyID: c.Agency.OrganisationID, ApprovalNumber: "1", ApprovalAuthority: "发改委"})
	c.Must(err)
	l2, err := c.Lots.Create(ctx, c.Agency, p2.ID, lot.Input{Name: "施工一标段", Estimate: "48000000"})
	c.Must(err)
	_, err = c.Lots.AddFile(ctx, c.Agency, l2.ID, "图纸.pdf", "application/pdf", strings.NewReader(biddingtest.PDF("drawing")))
	c.Must(err)
	_, err = c.Lots.SetDocument(ctx, c.Agency, l2.ID, biddingtest.Params())
	c.Must(err)
	c.To(l, firms, opening.Decrypting)
	mid()
	_, err = c.Openings.RaiseObjection(ctx, firms[0].Actor, l.ID, opening.ObjectionInput{})
	if err == nil {
		t.Fatal("an empty objection was taken")
	}
	c.To(l, firms, opening.ObjectionWindow)
	id, err := c.Openings.RaiseObjection(ctx, firms[1].Actor, l.ID, opening.ObjectionInput{
		Signed: c.Signed(firms[1], l.ID, "raise_objection", map[string]any{"text": "唱标顺序有疑问"}), Text: "唱标顺序有疑问"})
	c.Must(err)
	c.Must(c.Openings.AnswerObjection(ctx, c.Agency, l.ID, id, "按截止记录的顺序"))
	c.To(l, firms, opening.Closed)
	return c, l
}

// write makes projects, lots, documents and files until done.
func write(t *testing.T, c *biddingtest.City, p *platform.Platform, done *atomic.Bool) (made int) {
	ctx := context.Background()
	for ; !done.Load(); made++ {
		project, err := p.Lots.CreateProject(ctx, c.Buyer, lot.ProjectInput{Code: "W" + uuid.NewString()[:8], Name: "写入", Compulsory: true, Region: "321302",
			AgencyID: c.Agency.OrganisationID, ApprovalNumber: "1", ApprovalAuthority: "发改委"})
		if err != nil {
			t.Error(err)
			return made
		}
		l, err := p.Lots.Create(ctx, c.Agency, project.ID, lot.Input{Name: "标段", Estimate: "48000000"})
		if err == nil {
			_, err = p.Lots.AddFile(ctx, c.Agency, l.ID, "附件.pdf", "application/pdf", strings.NewReader(biddingtest.PDF(strings.Repeat(l.ID, 2000))))
		}
		if err == nil {
			_, err = p.Lots.SetDocument(ctx, c.Agency, l.ID, biddingtest.Params())
		}
		if err != nil {
			t.Error(err)
			return made
		}
	}
	return made
}

func run(t *testing.T, data string) check.Report {
	t.Helper()
	rep, err := check.Run(t.Context(), check.Options{Data: data, Dictionary: platform.Dictionary(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// A backup is made in mid-opening with writes going on. The copy holds, starts,
// and goes on; the original holds too.
func TestBackup_InMidOpeningRestoresAndHolds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, filepath.Join(dir, "data"))
	archive := filepath.Join(dir, "jianbiao.backup")
	city := &biddingtest.City{T: t, Store: p.Store}
	city.Buyer, city.Agency = city.Organisation("写入单位", actor.Buyer), city.Organisation("写入代理", actor.Agency)
	var manifest backup.Manifest
	_, l := play(t, p, func() {
		var done atomic.Bool
		made := make(chan int)
		go func() { made <- write(t, city, p, &done) }()
		var err error
		manifest, err = backup.Make(t.Context(), backup.Options{Data: p.Config.Data, Out: archive, Passphrase: passphrase, Program: "test"})
		done.Store(true)
		if n := <-made; err != nil || n == 0 {
			t.Fatalf("%d writes meanwhile, %v", n, err)
		}
	})
	if rep := run(t, p.Config.Data); !rep.OK {
		t.Errorf("the running platform: %s", tell(rep))
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rep := run(t, p.Config.Data); !rep.OK {
		t.Errorf("the stopped platform: %s", tell(rep))
	}
	refusals(t, archive, p.Config.Data)
	copied := filepath.Join(dir, "copy")
	if m, err := backup.Restore(t.Context(), backup.RestoreOptions{Data: copied, From: archive, Passphrase: passphrase, Unsafe: true}); err != nil || m.ID != manifest.ID {
		t.Fatalf("restore: %v", err)
	}
	rep := run(t, copied)
	if !rep.OK {
		t.Errorf("the copy: %s", tell(rep))
	}
	for _, r := range rep.Checks {
		if r.Looked == 0 {
			t.Errorf("%s looked at nothing", r.Name)
		}
	}
	q := start(t, copied)
	snap, err := q.Openings.Snapshot(t.Context(), l.ID)
	if err != nil || snap.State != opening.Decrypting {
		t.Fatalf("the copy's opening is %v, %v", snap, err)
	}
	if string(q.Keys.Platform().Ed25519) != string(p.Keys.Platform().Ed25519) {
		t.Error("the copy signs with another key")
	}
}

func tell(rep check.Report) string {
	var out strings.Builder
	for _, r := range rep.Checks {
		for _, f := range r.Faults {
			fmt.Fprintf(&out, "\n%s: %s", r.Name, f)
		}
	}
	return out.String()
}

// refusals: nothing is restored over data, under a wrong passphrase, without
// keys, from a damaged or shortened archive; and nothing is left behind.
func refusals(t *testing.T, archive, data string) {
	t.Helper()
	whole, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := os.ReadFile(archive + backup.KeysSuffix)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, b, keys []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if keys != nil {
			if err := os.WriteFile(path+backup.KeysSuffix, keys, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	badKeys := bytes.Clone(keys)
	badKeys[len(badKeys)-1] ^= 1
	target := filepath.Join(dir, "target")
	for _, tc := range []struct{ name, from, pass, into, code string }{
		{"a folder in use", archive, passphrase, data, "backup.not_empty"},
		{"wrong passphrase", archive, "Yanlian-2027", target, "backup.wrong_passphrase"},
		{"no passphrase", archive, "", target, "backup.passphrase"},
		{"no keys", file("nokeys", whole, nil), passphrase, target, "backup.keys_missing"},
		{"damaged keys", file("badkeys", whole, badKeys), passphrase, target, "backup.wrong_passphrase"},
		{"a flipped bit", file("flipped", flipped, keys), passphrase, target, "backup.damaged"},
		{"shortened", file("short", whole[:len(whole)-len(whole)/5], keys), passphrase, target, "backup.damaged"},
		{"something else", file("other", []byte("hello"), keys), passphrase, target, "backup.not_backup"},
		{"nothing", filepath.Join(dir, "nothing"), passphrase, target, "backup.unreadable"},
	} {
		_, err := backup.Restore(t.Context(), backup.RestoreOptions{Data: tc.into, From: tc.from, Passphrase: tc.pass, Unsafe: true})
		if e, ok := apperr.From(err); !ok || e.Code != tc.code || !strings.ContainsFunc(e.Detail, func(r rune) bool { return r > 0x4e00 }) {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.code)
		}
		if list, err := os.ReadDir(target); err == nil && len(list) > 0 {
			t.Errorf("%s leaves %v behind", tc.name, list)
		}
	}
	if _, err := backup.Make(t.Context(), backup.Options{Data: data, Out: archive, Passphrase: passphrase}); apperr.CodeOf(err) != "backup.exists" {
		t.Errorf("over an older backup: %v", err)
	}
	for _, pass := range []string{"", "1234567890"} {
		_, err := backup.Make(t.Context(), backup.Options{Data: data, Out: filepath.Join(dir, "weak"), Passphrase: pass})
		if code := apperr.CodeOf(err); code != "backup.passphrase" && code != "vault.weak_passphrase" {
			t.Errorf("passphrase %q: %v", pass, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".backup-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// An unfinished restore is not started.
func TestPlatform_RefusesAnUnfinishedRestore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, backup.Pending), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := platform.Start(t.Context(), platform.Config{Data: dir, Unsafe: true})
	if apperr.CodeOf(err) != "platform.restoring" {
		t.Errorf("%v", err)
	}
}

// corruptions are changes behind the platform's back, by whoever owns the
// database; want is the check that must find it.
var corruptions = []struct{ want, name, sql string }{
	{"events", "kind of an event", `UPDATE event SET kind = 'lot.suspended' WHERE kind = 'opening.announced'`},
	{"events", "time of an event", `UPDATE event SET at = at - interval '1 hour' WHERE kind = 'cutoff.recorded'`},
	{"events", "value of a field", `UPDATE event_opening SET value = '"1"' WHERE name = 'reason' OR name = 'title'`},
	{"events", "commitment of a field", `UPDATE event_field SET commitment = decode(repeat('00', 32), 'hex') WHERE name = 'title'`},
	{"events", "opening of a field deleted", `DELETE FROM event_opening WHERE name = 'table'`},
	{"events", "last event of a stream deleted", `WITH e AS (SELECT id FROM event WHERE kind = 'opening.closed'), o AS (DELETE FROM event_opening WHERE event_id IN (TABLE e)),
		f AS (DELETE FROM event_field WHERE event_id IN (TABLE e)) DELETE FROM event WHERE id IN (TABLE e)`},
	{"events", "counter of a stream", `UPDATE stream_head SET seq = seq + 1 WHERE stream LIKE 'lot/%'`},
	{"openings", "a price", `UPDATE bid SET price = price - 1 WHERE row_no = 1`},
	{"openings", "a form", `UPDATE bid SET form = convert_to(replace(convert_from(form, 'UTF8'), '李建国', '李建军'), 'UTF8') WHERE row_no = 2`},
	{"openings", "a bid deleted", `DELETE FROM bid WHERE row_no = 3`},
	{"openings", "an outcome", `UPDATE bid SET outcome = 'revoked', outcome_reason = 'bidder' WHERE row_no = 1`},
	{"openings", "a bidder's name", `UPDATE bid SET organisation = '别的公司' WHERE row_no = 1`},
	{"openings", "released parts", `UPDATE bid SET parts = (SELECT parts FROM bid WHERE row_no = 2) WHERE row_no = 1`},
	{"openings", "a confirmation", `UPDATE bid SET confirmation = (SELECT confirmation FROM bid WHERE row_no = 2) WHERE row_no = 1`},
	{"openings", "the opening's state", `UPDATE opening SET state = 'decrypting' WHERE state = 'closed'`},
	{"openings", "the opening record", `UPDATE opening SET record = convert_to(replace(convert_from(record, 'UTF8'), '600000.00', '500000.00'), 'UTF8') WHERE record IS NOT NULL`},
	{"openings", "the coefficient", `UPDATE opening SET coefficient = convert_to(regexp_replace(convert_from(coefficient, 'UTF8'), '"value":"[^"]*"', '"value":"0.1"'), 'UTF8') WHERE coefficient IS NOT NULL`},
	{"openings", "the count at the cut-off", `UPDATE opening SET cutoff_count = 4 WHERE cutoff_count = 3`},
	{"openings", "an answer to an objection", `UPDATE opening_objection SET answer = '无'`},
	{"openings", "an objection deleted", `DELETE FROM opening_objection`},
	{"openings", "an opening deleted", `DELETE FROM opening WHERE state = 'scheduled'`},
	{"lots", "the lot's state", `UPDATE lot SET state = 'cut_off' WHERE state = 'opened'`},
	{"lots", "the deadline", `UPDATE lot SET bid_deadline = bid_deadline + interval '1 day' WHERE state = 'published'`},
	{"lots", "the lot's key", `UPDATE lot SET opening_key = (SELECT opening_key FROM lot WHERE state = 'opened') WHERE state = 'published'`},
	{"lots", "a document", `UPDATE document SET body = convert_to(replace(convert_from(body, 'UTF8'), '合格', '优良'), 'UTF8')`},
	{"lots", "a document with its digest", `UPDATE document SET body = convert_to('{}', 'UTF8'), digest = 'sm3:' || repeat('0', 64) WHERE issued_at IS NOT NULL`},
	{"lots", "a notice's title", `UPDATE notice SET title = '别的公告'`},
	{"lots", "a suspension", `UPDATE lot SET suspended_since = legal_now(), suspended_reason = '无' WHERE state = 'published'`},
	{"lots", "a file's row deleted", `DELETE FROM document_file`},
	{"rows", "a project deleted", `DELETE FROM project WHERE code = 'DOC-1'`},
	{"rows", "an organisation without a trace", `INSERT INTO organisation (id, uscc, name, region, created_at) VALUES (gen_random_uuid(), '91320000MA00000000', '无中生有', '321300', now())`},
	{"envelopes", "the head of an envelope", `UPDATE envelope SET prefix = set_byte(prefix, 5, get_byte(prefix, 5) # 1)`},
	{"envelopes", "the digest of an envelope", `UPDATE envelope SET digest = 'sm3:' || repeat('0', 64)`},
	{"envelopes", "the header of a bid", `UPDATE bid SET header = convert_to(replace(convert_from(header, 'UTF8'), '"number":1', '"number":2'), 'UTF8') WHERE row_no = 1`},
	{"files", "a file's digest", `UPDATE bid_file SET sm3 = 'sm3:' || repeat('0', 64) WHERE section = 'price'`},
	{"keys", "the published key", `UPDATE lot SET cutoff_key = (SELECT cutoff_key FROM lot WHERE state = 'opened')  WHERE state = 'published'`},
	{"guards", "a trigger switched off", `ALTER TABLE event DISABLE TRIGGER event_append_only`},
	{"guards", "a trigger dropped", `DROP TRIGGER on_record ON bid`},
	{"guards", "a right too much", `GRANT UPDATE ON event TO jianbiao_app`},
	{"guards", "a guard without teeth", `CREATE OR REPLACE FUNCTION evidence_required() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RETURN NULL; END $f$`},
}

// Whoever owns the database changes something: the check names it.
func TestCheck_FindsEveryCorruption(t *testing.T) {
	t.Parallel()
	p := start(t, filepath.Join(t.TempDir(), "data"))
	_, l := play(t, p, func() {})
	db, err := database.OpenPool(t.Context(), p.Database.OwnerDSN(""), 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	o := check.Options{Data: p.Config.Data, Dictionary: platform.Dictionary()}
	find := func(name, want string, change func(tx *sqlx.Tx) error) {
		t.Helper()
		tx := db.MustBeginTx(t.Context(), nil)
		defer func() { _ = tx.Rollback() }()
		tx.MustExec(`SET LOCAL session_replication_role = replica`) // no trigger, no foreign key: the owner may
		if err := change(tx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		rep, err := check.RunIn(t.Context(), o, tx)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		for _, r := range rep.Checks {
			if r.Name == want && !r.OK() && !rep.OK {
				return
			}
		}
		t.Errorf("%s is not found by %s:%s", name, want, tell(rep))
	}
	for _, c := range corruptions {
		find(c.name, c.want, func(tx *sqlx.Tx) error {
			res, err := tx.Exec(c.sql)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); n == 0 && err == nil && strings.HasPrefix(c.sql, "UPDATE") {
				return fmt.Errorf("changed nothing")
			}
			return nil
		})
	}
	for _, f := range fileCorruptions(t, db, p, l) {
		was, err := os.ReadFile(f.path)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(was)
		changed[len(changed)-1] ^= 1
		find(f.name+" with one flipped bit", f.want, func(*sqlx.Tx) error { return os.WriteFile(f.path, changed, 0o600) })
		find(f.name+" deleted", f.want, func(*sqlx.Tx) error { return os.Remove(f.path) })
		if err := os.WriteFile(f.path, was, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if rep := run(t, p.Config.Data); !rep.OK {
		t.Errorf("when all is as it was: %s", tell(rep))
	}
}

type fileCorruption struct{ want, name, path string }

func fileCorruptions(t *testing.T, db *sqlx.DB, p *platform.Platform, l *lot.Lot) []fileCorruption {
	t.Helper()
	out := []fileCorruption{{"keys", "a lot's keys", filepath.Join(p.Config.Data, "keys", "lot-"+l.ID+".json")}}
	for _, q := range []struct{ want, name, query string }{
		{"envelopes", "a pending envelope", `SELECT id FROM envelope LIMIT 1`},
		{"envelopes", "an opened envelope", `SELECT envelope_id FROM bid WHERE row_no = 1`},
		{"files", "a file of a document", `SELECT id FROM document_file LIMIT 1`},
		{"files", "a file of a bid", `SELECT id FROM bid_file WHERE section = 'technical' LIMIT 1`},
	} {
		var id string
		if err := db.Get(&id, q.query); err != nil {
			t.Fatal(err)
		}
		out = append(out, fileCorruption{q.want, q.name, filepath.Join(p.Config.Data, "files", id)})
	}
	return out
}
