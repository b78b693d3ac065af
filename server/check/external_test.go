package check_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jianbiao/bidding/biddingtest"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/database/pgtest"
	"jianbiao/internal/identity"
	"jianbiao/server/backup"
	"jianbiao/server/check"
	"jianbiao/server/platform"
)

// A platform on a PostgreSQL that somebody else runs is backed up, restored
// into another database, and checked.
func TestBackup_OfAPlatformOnAnotherPostgreSQL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, into := pgtest.Empty(t), pgtest.Empty(t)
	p, err := platform.Start(t.Context(), platform.Config{Data: filepath.Join(dir, "data"), DatabaseURL: from.OwnerDSN, Rehearsal: true, Unsafe: true,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Stop(t.Context()) }()
	c := &biddingtest.City{T: t, Store: p.Store, Keys: p.Keys, Files: p.Files, Lots: p.Lots, Submissions: p.Submissions, Openings: p.Openings}
	c.At(biddingtest.Start)
	c.Buyer, c.Agency = c.Organisation("招标人", actor.Buyer), c.Organisation("代理机构", actor.Agency)
	c.Bid(c.NewFirm("苏北建设集团有限公司"), c.Published(), "45600000.00", "肆仟伍佰陆拾万元整")
	list := []identity.ImportRow{{Line: 2, USCC: identity.MakeUSCC("91321300MA9000001"), Name: "名录一公司", Region: "321300"}, {Line: 3, USCC: identity.MakeUSCC("91321300MA9000002"), Name: "名录二公司", Region: "321302"}}
	conductor := actor.Actor{Role: actor.Rehearsal}
	person, err := p.Identity.CreatePerson(t.Context(), conductor, identity.CreatePersonInput{Login: "import-admin", Name: "钱明", Password: passphrase})
	if err != nil {
		t.Fatal(err)
	}
	conductor.PersonID = person.ID
	if _, err := p.Identity.ApplyImport(t.Context(), conductor, "名录.csv", "sm3:", list, true); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "backup")
	if _, err := backup.Make(t.Context(), backup.Options{Data: p.Config.Data, DatabaseURL: from.OwnerDSN, Out: archive, Passphrase: passphrase}); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "copy")
	restore := func(data string) error {
		_, err := backup.Restore(t.Context(), backup.RestoreOptions{Data: data, DatabaseURL: into.OwnerDSN, From: archive, Passphrase: passphrase})
		return err
	}
	if err := restore(copied); err != nil {
		t.Fatal(err)
	}
	rep, err := check.Run(t.Context(), check.Options{Data: copied, DatabaseURL: into.OwnerDSN, Dictionary: platform.Dictionary()})
	if err != nil || !rep.OK {
		t.Errorf("%v%s", err, tell(rep))
	}
	// A row that its import does not tell of, and one that an import tells of and is gone.
	owner := into.Owner
	for _, change := range []string{
		`ALTER TABLE organisation DISABLE TRIGGER ALL`,
		`INSERT INTO organisation (id, uscc, name, region, created_at) VALUES ('00000000-0000-4000-8000-000000000001', '91321300MA9000003X', '混入的公司', '321300', now())`,
		`DELETE FROM organisation WHERE name = '名录一公司'`,
	} {
		if _, err := owner.ExecContext(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	rep, err = check.Run(t.Context(), check.Options{Data: copied, DatabaseURL: into.OwnerDSN, Dictionary: platform.Dictionary()})
	if text := tell(rep); err != nil || !strings.Contains(text, "organisation/00000000-0000-4000-8000-000000000001 没有证据") || !strings.Contains(text, "有证据，但行不在了") {
		t.Errorf("%v%s", err, text)
	}
	another := filepath.Join(dir, "another")
	if err := restore(another); apperr.CodeOf(err) != "backup.database_not_empty" {
		t.Errorf("into a database in use: %v", err)
	}
	if list, err := os.ReadDir(another); err == nil && len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
	if _, err := check.Run(t.Context(), check.Options{Data: filepath.Join(dir, "nothing"), Dictionary: platform.Dictionary()}); apperr.CodeOf(err) != "database.no_data" {
		t.Errorf("a folder without a database: %v", err)
	}
}
