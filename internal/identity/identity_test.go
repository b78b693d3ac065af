package identity_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/database/pgtest"
	"jianbiao/internal/evidence"
	"jianbiao/internal/identity"
)

const password = "Xunlian-2026-kaibiao"

var (
	ctx       = context.Background()
	conductor = actor.Actor{Role: actor.Rehearsal}
	cheap     = identity.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}
	secret    = bytes.Repeat([]byte{9}, 32)
)

// watch is a clock that the test turns.
type watch struct {
	mu  sync.Mutex
	now time.Time
}

func (w *watch) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *watch) add(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

type house struct {
	*testing.T
	db    *pgtest.DB
	store *evidence.Store
	watch *watch
	cfg   identity.Config
	*identity.Service
	n int
}

func newHouse(t *testing.T, change func(*identity.Config)) *house {
	t.Helper()
	h := &house{T: t, db: pgtest.New(t), watch: &watch{now: time.Date(2026, 3, 2, 9, 17, 33, 0, time.UTC)}}
	h.store = evidence.NewStore(h.db.App)
	h.cfg = identity.Config{Now: h.watch.Now, Secret: secret, Rehearsal: true, Cost: cheap, FreshFor: -1}
	if change != nil {
		change(&h.cfg)
	}
	h.Service = identity.NewService(h.store, h.cfg)
	return h
}

// person makes a person with the roles, all in one organisation.
func (h *house) person(roles ...actor.Role) (identity.Person, identity.Organisation) {
	h.Helper()
	h.n++
	o, err := h.CreateOrganisation(ctx, conductor, identity.CreateOrganisationInput{
		USCC: identity.MakeUSCC(fmt.Sprintf("91321300MA2%06d", h.n)), Name: fmt.Sprintf("测试单位%d", h.n), Region: "321300"})
	if err != nil {
		h.Fatal(err)
	}
	p, err := h.CreatePerson(ctx, conductor, identity.CreatePersonInput{Login: fmt.Sprintf("tester-%d", h.n), Name: "测试员", Password: password})
	if err != nil {
		h.Fatal(err)
	}
	for _, r := range roles {
		if err := h.AddMembership(ctx, conductor, identity.Membership{PersonID: p.ID, OrganisationID: o.ID, Role: r, Region: "321300"}); err != nil {
			h.Fatal(err)
		}
	}
	return p, o
}

func (h *house) login(login, pass, device string) (identity.Login, string) {
	h.Helper()
	l, err := h.Login(ctx, identity.LoginInput{Login: login, Password: pass, Device: device, Address: "192.0.2.1"})
	if err != nil && apperr.CodeOf(err) == "" {
		h.Fatal(err)
	}
	return l, apperr.CodeOf(err)
}

func (h *house) count(query string, args ...any) (n int) {
	h.Helper()
	if err := h.db.Owner.Get(&n, query, args...); err != nil {
		h.Fatal(err)
	}
	return n
}

// Every command of the package: its event, and its refusals.
func TestCommands_eventsAndRefusals(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	p, o := h.person(actor.Buyer)
	admin, _ := h.person(actor.SystemAdmin)
	security, _ := h.person(actor.SecurityAdmin)
	adm := actor.Actor{PersonID: admin.ID, Role: actor.SystemAdmin}
	sec := actor.Actor{PersonID: security.ID, Role: actor.SecurityAdmin}
	org := func(uscc, name, region string) func(actor.Actor) error {
		return func(who actor.Actor) error {
			_, err := h.CreateOrganisation(ctx, who, identity.CreateOrganisationInput{USCC: uscc, Name: name, Region: region})
			return err
		}
	}
	pers := func(login, name, pass string) func(actor.Actor) error {
		return func(who actor.Actor) error {
			_, err := h.CreatePerson(ctx, who, identity.CreatePersonInput{Login: login, Name: name, Password: pass})
			return err
		}
	}
	member := func(person, org string, role actor.Role, region string) func(actor.Actor) error {
		return func(who actor.Actor) error {
			_, err := h.RequestMembership(ctx, who, identity.Membership{PersonID: person, OrganisationID: org, Role: role, Region: region})
			return err
		}
	}
	fresh := identity.MakeUSCC("91321300MA3333333")
	certify := func(id string) func(actor.Actor) error {
		return func(who actor.Actor) error { return h.CertifyOrganisation(ctx, who, id) }
	}
	set := func(id, pass string) func(actor.Actor) error {
		return func(who actor.Actor) error { return h.SetPassword(ctx, who, id, pass) }
	}
	disable := func(id, reason string) func(actor.Actor) error {
		return func(who actor.Actor) error { return h.DisablePerson(ctx, who, id, reason) }
	}
	tests := []struct {
		name    string
		command func(actor.Actor) error
		code    string // "" means accepted
		kind    string // of the event
	}{
		{"organisation", org(fresh, "新单位", "321302"), "", "organisation.created"},
		{"organisation again", org(fresh, "新单位", "321302"), "organisation.exists", ""},
		{"organisation with a wrong code", org(fresh[:17]+"?", "新单位", "321302"), "organisation.uscc", ""},
		{"organisation nowhere", org(identity.MakeUSCC("91321300MA4444444"), "新单位", "999999"), "region.unknown", ""},
		{"organisation without a name", org(identity.MakeUSCC("91321300MA4444444"), " ", "321302"), "identity.text", ""},
		{"certify", certify(o.ID), "", "organisation.certified"},
		{"certify again", certify(o.ID), "organisation.certified", ""},
		{"certify nobody", certify("x"), "organisation.not_found", ""},
		{"person", pers("zhang-san", "张三", password), "", "person.created"},
		{"person again", pers("ZHANG-san ", "张三", password), "person.exists", ""},
		{"person with a bad login", pers("a b", "张三", password), "person.login", ""},
		{"person without a name", pers("zhang-si", "", password), "identity.text", ""},
		{"person with a weak password", pers("zhang-si", "张四", "12345"), "person.password_weak", ""},
		{"membership", member(p.ID, o.ID, actor.Expert, "321300"), "", "membership.requested"},
		{"membership again", member(p.ID, o.ID, actor.Expert, "321300"), "grant.exists", ""},
		{"membership of the clock", member(p.ID, o.ID, actor.Clock, "321300"), "membership.role", ""},
		{"membership of a conductor", member(p.ID, o.ID, actor.Rehearsal, "321300"), "membership.role", ""},
		{"membership of an unknown role", member(p.ID, o.ID, "king", "321300"), "membership.role", ""},
		{"membership nowhere", member(p.ID, o.ID, actor.Notary, "1"), "region.unknown", ""},
		{"membership of nobody", member("x", o.ID, actor.Notary, "321300"), "person.not_found", ""},
		{"membership in nothing", member(p.ID, "x", actor.Notary, "321300"), "organisation.not_found", ""},
		{"set a password", set(p.ID, "Quite-Other-2026"), "", "person.password_set"},
		{"set a weak one", set(p.ID, "short"), "person.password_weak", ""},
		{"set nobody's", set("x", password), "person.not_found", ""},
		{"disable without a reason", disable(p.ID, ""), "identity.text", ""},
		{"disable oneself", disable(security.ID, "试试"), "person.self", ""},
		{"disable", disable(p.ID, "离职"), "", "person.disabled"},
		{"disable again", disable(p.ID, "离职"), "person.disabled", ""},
		{"disable nobody", disable("x", "离职"), "person.not_found", ""},
	}
	for _, tc := range tests {
		whose := adm
		if strings.HasPrefix(tc.name, "set") || strings.HasPrefix(tc.name, "disable") {
			whose = sec
		}
		for _, r := range actor.Roles() {
			if r == whose.Role || r == actor.Rehearsal {
				continue
			}
			if err := tc.command(actor.Actor{PersonID: p.ID, Role: r}); apperr.CodeOf(err) != "identity.not_admin" {
				t.Errorf("%s as %s: %v", tc.name, r, err)
			}
		}
		before := h.count(`SELECT count(*) FROM event`)
		err := tc.command(whose)
		if got := apperr.CodeOf(err); got != tc.code || got == "" && err != nil {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.code)
		}
		if grew := h.count(`SELECT count(*) FROM event`) - before; grew != map[bool]int{true: 1}[tc.code == ""] {
			t.Errorf("%s: %d events", tc.name, grew)
		}
		if tc.kind != "" && h.count(`SELECT count(*) FROM event WHERE kind = $1`, tc.kind) == 0 {
			t.Errorf("%s: no event %s", tc.name, tc.kind)
		}
	}
}

func TestConductor_onlyOnARehearsalInstance(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *identity.Config) { c.Rehearsal = false })
	_, err := h.CreatePerson(ctx, conductor, identity.CreatePersonInput{Login: "abc", Name: "甲", Password: password})
	if apperr.CodeOf(err) != "identity.not_admin" {
		t.Errorf("a conductor in production: %v", err)
	}
}

func TestBootstrap_onceOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *identity.Config) { c.Rehearsal = false })
	in := func(n int) identity.BootstrapInput {
		return identity.BootstrapInput{
			Organisation: identity.CreateOrganisationInput{USCC: identity.MakeUSCC(fmt.Sprintf("11321300MB%07d", n)), Name: "交易中心", Region: "321300"},
			People: [3]identity.CreatePersonInput{
				{Login: fmt.Sprintf("system-%d", n), Name: "甲", Password: password},
				{Login: fmt.Sprintf("security-%d", n), Name: "乙", Password: password},
				{Login: fmt.Sprintf("audit-%d", n), Name: "丙", Password: password}},
		}
	}
	codes := make([]string, 4)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() { _, err := h.Bootstrap(ctx, in(i)); codes[i] = apperr.CodeOf(err) })
	}
	wg.Wait()
	made := 0
	for _, c := range codes {
		if c == "" {
			made++
		} else if c != "identity.bootstrapped" {
			t.Errorf("code %s", c)
		}
	}
	if made != 1 || h.count(`SELECT count(*) FROM person WHERE password_once`) != 3 {
		t.Errorf("%d administrators: %v", made, codes)
	}
}

func TestAuthenticate_lifeOfASession(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	p, o := h.person(actor.Buyer, actor.Bidder)
	l, code := h.login(p.Login, password, "")
	if code != "" {
		t.Fatal(code)
	}
	want := actor.Actor{PersonID: p.ID, PersonName: p.Name, OrganisationID: o.ID, OrganisationName: o.Name, USCC: o.USCC,
		Role: actor.Bidder, Region: "321300", Rehearsal: true}
	if diff := cmp.Diff(want, l.Actor); diff != "" {
		t.Error(diff)
	}
	// The row: no token, and a time that says no more than the hour.
	var row struct {
		Hash []byte    `db:"token_hash"`
		At   time.Time `db:"expires_at"`
	}
	if err := h.db.Owner.Get(&row, `SELECT token_hash, expires_at FROM session`); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(row.Hash, []byte(l.Token)) || row.At.UTC() != time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC) {
		t.Errorf("row %x %s", row.Hash, row.At)
	}
	alive := func(token string) bool {
		t.Helper()
		_, err := h.Authenticate(ctx, token)
		if err != nil && apperr.CodeOf(err) != "session.none" {
			t.Fatal(err)
		}
		return err == nil
	}
	h.watch.add(7 * time.Hour) // used, so it slides
	if !alive(l.Token) {
		t.Error("dead after 7 hours")
	}
	h.watch.add(7 * time.Hour)
	if !alive(l.Token) {
		t.Error("dead though it was used")
	}
	h.watch.add(10 * time.Hour)
	if alive(l.Token) || alive("") || alive("made-up") {
		t.Error("a session that ran out, or none, is alive")
	}
	if n, err := h.Sweep(ctx); err != nil || n != 1 {
		t.Errorf("swept %d, %v", n, err)
	}
}

func TestAuthenticate_remembersForSecondsOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *identity.Config) { c.FreshFor = 3 * time.Second })
	p, _ := h.person(actor.Buyer)
	l, _ := h.login(p.Login, password, "")
	other := identity.NewService(h.store, h.cfg) // another replica
	if err := other.Logout(ctx, l.Token); err != nil {
		t.Fatal(err)
	}
	h.watch.add(4 * time.Second)
	if _, err := h.Authenticate(ctx, l.Token); apperr.CodeOf(err) != "session.none" {
		t.Errorf("after the seconds: %v", err)
	}
	l, _ = h.login(p.Login, password, "")
	if err := h.DisablePerson(ctx, conductor, p.ID, "离职"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Authenticate(ctx, l.Token); apperr.CodeOf(err) != "session.none" {
		t.Errorf("disabled here, at once: %v", err)
	}
}

func TestLogin_lockOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	p, _ := h.person(actor.Bidder)
	good, _ := h.login(p.Login, password, "") // this device is known from now on
	for range 5 {
		if _, code := h.login(p.Login, "wrong", ""); code != "session.bad_credentials" {
			t.Fatal(code)
		}
	}
	if _, code := h.login(p.Login, password, ""); code != "session.locked" {
		t.Errorf("after five failures: %q", code)
	}
	if _, code := h.login(p.Login, password, good.Device); code != "" {
		t.Errorf("from a known device: %q, a stranger must not lock the bidder out", code)
	}
	other, _ := h.person(actor.Bidder)
	if _, code := h.login(other.Login, password, good.Device); code != "" {
		t.Errorf("another account: %q", code)
	}
	if _, code := h.login(p.Login, password, good.Device[:len(good.Device)-2]+"xx"); code != "session.locked" {
		t.Errorf("a forged device: %q", code)
	}
	h.watch.add(61 * time.Second)
	if _, code := h.login(p.Login, "wrong", ""); code != "session.bad_credentials" {
		t.Errorf("after the wait: %q", code)
	}
	h.watch.add(61 * time.Second) // the wait has doubled
	if _, code := h.login(p.Login, password, ""); code != "session.locked" {
		t.Errorf("in the second wait: %q", code)
	}
	h.watch.add(60 * time.Second)
	if _, code := h.login(p.Login, password, ""); code != "" {
		t.Errorf("after the second wait: %q", code)
	}
	if n := h.count(`SELECT count(*) FROM login_failure`); n != 0 {
		t.Errorf("%d counters left after a success", n)
	}
	for range 6 {
		h.login("nobody", "wrong", "")
	}
	if n := h.count(`SELECT count(*) FROM login_failure WHERE login LIKE '%nobody%'`); n != 0 {
		t.Error("what was typed as a login is stored")
	}
	h.watch.add(26 * time.Hour)
	if _, code := h.login("nobody", "wrong", ""); code != "session.bad_credentials" {
		t.Errorf("a day later: %q", code)
	}
}

// Guesses that come all at once get no more tries than those that come in a row.
func TestLogin_lockOutUnderConcurrency(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	p, _ := h.person(actor.Bidder)
	codes := make([]string, 20)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() {
			_, err := h.Login(ctx, identity.LoginInput{Login: p.Login, Password: "guess" + fmt.Sprint(i)})
			codes[i] = apperr.CodeOf(err)
		})
	}
	wg.Wait()
	tried := 0
	for _, c := range codes {
		if c == "session.bad_credentials" {
			tried++
		}
	}
	if tried != 5 {
		t.Errorf("%d guesses were tried, want 5: %v", tried, codes)
	}
}

func TestLogin_addressCeilingIsSoft(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *identity.Config) { c.AddressCeiling = 8 })
	p, _ := h.person(actor.Bidder)
	used, _ := h.login(p.Login, password, "")
	for i := range 8 {
		h.login(fmt.Sprintf("nobody-%d", i), "wrong", "")
	}
	if _, code := h.login(p.Login, password, used.Device); code != "" {
		t.Errorf("from a computer used before, over the ceiling: %q", code)
	}
	if _, code := h.login("somebody-else", password, used.Device); code != "session.address" {
		t.Errorf("another account from that computer: %q", code)
	}
	if _, code := h.login(p.Login, password, ""); code != "session.address" {
		t.Errorf("over the ceiling: %q", code)
	}
	h.watch.add(11 * time.Minute)
	if _, code := h.login(p.Login, password, ""); code != "" {
		t.Errorf("after the window: %q", code)
	}
}

func TestLogin_upgradesTheHash(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	p, _ := h.person(actor.Bidder)
	hash := func() (s string) {
		t.Helper()
		if err := h.db.Owner.Get(&s, `SELECT password_hash FROM person WHERE id = $1`, p.ID); err != nil {
			t.Fatal(err)
		}
		return s
	}
	if !strings.HasPrefix(hash(), "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatal(hash())
	}
	h.cfg.Cost = identity.Cost{MemoryKiB: 128, Passes: 2, Lanes: 1}
	h.Service = identity.NewService(h.store, h.cfg)
	for range 2 {
		if _, code := h.login(p.Login, password, ""); code != "" {
			t.Fatal(code)
		}
	}
	if !strings.HasPrefix(hash(), "$argon2id$v=19$m=128,t=2,p=1$") {
		t.Error(hash())
	}
	var at []time.Time
	if err := h.db.Owner.Select(&at, `SELECT recorded_at FROM event WHERE kind = 'person.password_rehashed'`); err != nil {
		t.Fatal(err)
	}
	if len(at) != 1 || !at[0].Equal(evidence.Day(at[0])) {
		t.Errorf("the rehash says when somebody logged in: %v", at)
	}
}

func TestDefaultCost_isOWASPs(t *testing.T) {
	t.Parallel()
	if want := (identity.Cost{MemoryKiB: 19456, Passes: 2, Lanes: 1}); identity.DefaultCost != want {
		t.Error(identity.DefaultCost)
	}
}

func TestSaveVault_rowsSayNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	people := make([]identity.Person, 10)
	for i := range people {
		people[i], _ = h.person(actor.Bidder)
	}
	if n := h.count(`SELECT count(DISTINCT length(blob)) FROM vault`); n != 1 {
		t.Errorf("%d sizes of fresh vaults", n)
	}
	who := actor.Actor{PersonID: people[3].ID, Role: actor.Bidder}
	_, etag, err := h.Vault(ctx, who)
	if err != nil {
		t.Fatal(err)
	}
	before := h.count(`SELECT count(*) FROM event`)
	blob := []byte("jianbiao vault: magic and contents")
	next, err := h.SaveVault(ctx, who, etag, blob)
	if err != nil {
		t.Fatal(err)
	}
	if got, tag, err := h.Vault(ctx, who); err != nil || !bytes.Equal(got, blob) || tag != next {
		t.Errorf("%q %s %v", got, tag, err)
	}
	if h.count(`SELECT count(*) FROM event`) != before {
		t.Error("saving a vault left an event")
	}
	if n := h.count(`SELECT count(*) FROM vault WHERE position($1::bytea IN blob) > 0`, blob[:8]); n != 0 {
		t.Error("a saved vault can be told by its first bytes")
	}
	if n := h.count(`SELECT count(DISTINCT length(blob)) FROM vault`); n != 1 {
		t.Error("a saved vault can be told by its size")
	}
	if n := h.count(`SELECT count(*) FROM vault WHERE xmin = (SELECT xmin FROM vault WHERE person_id = $1)`, who.PersonID); n != 8 {
		t.Errorf("%d vaults written with it, want 8", n)
	}
	if _, err := h.SaveVault(ctx, who, etag, blob); apperr.CodeOf(err) != "vault.changed" {
		t.Errorf("a stale tag: %v", err)
	}
	for _, p := range people { // the decoys are whole
		if _, _, err := h.Vault(ctx, actor.Actor{PersonID: p.ID}); err != nil {
			t.Error(err)
		}
	}
	buyer, _ := h.person(actor.Buyer)
	if _, _, err := h.Vault(ctx, actor.Actor{PersonID: buyer.ID}); apperr.CodeOf(err) != "vault.none" {
		t.Errorf("a buyer's vault: %v", err)
	}
}

func TestSaveVault_manyAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	people := make([]identity.Person, 10)
	for i := range people {
		people[i], _ = h.person(actor.Bidder)
	}
	var wg sync.WaitGroup
	for i, p := range people {
		wg.Go(func() {
			who := actor.Actor{PersonID: p.ID}
			for n := range 3 {
				_, etag, err := h.Vault(ctx, who)
				if err == nil {
					_, err = h.SaveVault(ctx, who, etag, fmt.Appendf(nil, "%d-%d", i, n))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i, p := range people {
		if blob, _, err := h.Vault(ctx, actor.Actor{PersonID: p.ID}); err != nil || string(blob) != fmt.Sprintf("%d-2", i) {
			t.Errorf("vault %d: %q %v", i, blob, err)
		}
	}
}

func TestOffRecord_writesToPeopleNeedAnEvent(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	p, _ := h.person(actor.Bidder)
	if _, err := h.db.App.Exec(`UPDATE person SET name = '别人' WHERE id = $1`, p.ID); err == nil {
		t.Error("a person was renamed off the record")
	}
}
