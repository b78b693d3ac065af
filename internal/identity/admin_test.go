package identity_test

import (
	"testing"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/identity"
)

// three are one administrator of each kind.
func (h *house) three() (system, security, audit actor.Actor) {
	h.Helper()
	var out [3]actor.Actor
	for i, r := range actor.Administrators() {
		p, _ := h.person(r)
		out[i] = actor.Actor{PersonID: p.ID, PersonName: p.Name, Role: r}
	}
	return out[0], out[1], out[2]
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if apperr.CodeOf(err) != code || code == "" && err != nil {
		t.Errorf("%s: %v, want %q", what, err, code)
	}
}

// A role takes effect when the second administrator says so, and only then.
func TestGrant_takesTwoPersons(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	system, security, audit := h.three()
	p, err := h.CreatePerson(ctx, system, identity.CreatePersonInput{Login: "new-one", Name: "新人", Password: password})
	if err != nil || !p.Once {
		t.Fatalf("%+v %v", p, err)
	}
	_, o := h.person(actor.Buyer)
	m := identity.Membership{PersonID: p.ID, OrganisationID: o.ID, Role: actor.Buyer, Region: "321300"}
	wantCode(t, "a role given at once", h.AddMembership(ctx, system, m), "identity.not_admin")
	g, err := h.RequestMembership(ctx, system, m)
	if err != nil || g.State != identity.GrantPending || !g.New {
		t.Fatalf("%+v %v", g, err)
	}
	if _, code := h.login(p.Login, password, ""); code != "session.no_membership" {
		t.Errorf("login before the grant: %s", code)
	}
	for _, who := range []actor.Actor{system, audit, {Role: actor.Rehearsal}, {}} {
		_, err := h.DecideGrant(ctx, who, g.ID, true, "")
		wantCode(t, "decided by "+string(who.Role), err, "identity.not_admin")
	}
	moved := actor.Actor{PersonID: system.PersonID, Role: actor.SecurityAdmin} // changed sides since he asked
	_, err = h.DecideGrant(ctx, moved, g.ID, true, "")
	wantCode(t, "decided by who asked", err, "grant.self")
	_, err = h.DecideGrant(ctx, actor.Actor{PersonID: p.ID, Role: actor.SecurityAdmin}, g.ID, true, "")
	wantCode(t, "decided for oneself", err, "grant.self")
	_, err = h.DecideGrant(ctx, security, g.ID, false, "")
	wantCode(t, "rejected without a reason", err, "identity.text")
	if g, err = h.DecideGrant(ctx, security, g.ID, true, ""); err != nil || g.State != identity.GrantApproved || g.New {
		t.Fatalf("%+v %v", g, err)
	}
	_, err = h.DecideGrant(ctx, security, g.ID, false, "反悔了")
	wantCode(t, "decided again", err, "grant.decided")
	l, code := h.login(p.Login, password, "")
	if code != "" || !l.Actor.PasswordOnce {
		t.Errorf("login after the grant: %s %+v", code, l.Actor)
	}
	if err := h.ChangePassword(ctx, l.Actor, l.Token, password, "Quite-Own-2026"); err != nil {
		t.Fatal(err)
	}
	if l, _ := h.login(p.Login, "Quite-Own-2026", ""); l.Actor.PersonID == "" || l.Actor.PasswordOnce {
		t.Errorf("after the change: %+v", l.Actor)
	}
	wantCode(t, "removed by the system administrator", h.RemoveMembership(ctx, system, m, "离职"), "identity.not_admin")
	wantCode(t, "removed", h.RemoveMembership(ctx, security, m, "离职"), "")
	wantCode(t, "removed again", h.RemoveMembership(ctx, security, m, "离职"), "membership.not_found")
	if _, err := h.Authenticate(ctx, l.Token); apperr.CodeOf(err) != "session.none" {
		t.Errorf("a session of a role that was taken away: %v", err)
	}
}

// Nobody holds two of the three, in whatever organisation, and none of the
// three is ever left without anybody.
func TestAdministrators_areThreePersons(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	system, security, audit := h.three()
	_, elsewhere := h.person(actor.Buyer)
	for _, who := range []actor.Actor{system, security, audit} {
		for _, r := range actor.Administrators() {
			if r == who.Role {
				continue
			}
			m := identity.Membership{PersonID: who.PersonID, OrganisationID: elsewhere.ID, Role: r, Region: "321300"}
			_, err := h.RequestMembership(ctx, system, m)
			wantCode(t, string(who.Role)+" asks for "+string(r), err, "membership.exclusive")
			if e, _ := apperr.From(err); e == nil || e.Basis == "" {
				t.Errorf("no standard is named: %v", err)
			}
			wantCode(t, "even by the conductor", h.AddMembership(ctx, conductor, m), "membership.exclusive")
		}
		o, _ := h.Memberships(ctx, who.PersonID)
		m := identity.Membership{PersonID: who.PersonID, OrganisationID: o[0].OrganisationID, Role: who.Role}
		want := "identity.last_administrator"
		if who.Role == actor.SecurityAdmin {
			want = "person.self"
		}
		wantCode(t, "the last "+string(who.Role), h.RemoveMembership(ctx, security, m, "试试"), want)
		wantCode(t, "the last "+string(who.Role), h.DisablePerson(ctx, security, who.PersonID, "试试"), want)
	}
	second, _ := h.person(actor.AuditAdmin)
	wantCode(t, "one of two", h.DisablePerson(ctx, security, second.ID, "离职"), "")
	wantCode(t, "the one that is left", h.DisablePerson(ctx, security, audit.PersonID, "离职"), "identity.last_administrator")
	_, err := h.db.App.Exec(`INSERT INTO membership (person_id, organisation_id, role, region) VALUES ($1, $2, 'audit_admin', '321300')`, system.PersonID, elsewhere.ID)
	if err == nil {
		t.Error("the database lets one person hold two")
	}
}

func TestSuspendedOrganisation_nobodyActsForIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	system, security, _ := h.three()
	p, o := h.person(actor.Buyer)
	l, _ := h.login(p.Login, password, "")
	wantCode(t, "by another", h.SuspendOrganisation(ctx, security, o.ID, "调查"), "identity.not_admin")
	wantCode(t, "without a reason", h.SuspendOrganisation(ctx, system, o.ID, ""), "identity.text")
	wantCode(t, "suspend", h.SuspendOrganisation(ctx, system, o.ID, "营业执照被吊销"), "")
	wantCode(t, "again", h.SuspendOrganisation(ctx, system, o.ID, "营业执照被吊销"), "organisation.suspended")
	if _, err := h.Authenticate(ctx, l.Token); apperr.CodeOf(err) != "session.none" {
		t.Errorf("a session goes on: %v", err)
	}
	if _, code := h.login(p.Login, password, ""); code != "session.organisation_suspended" {
		t.Errorf("login: %s", code)
	}
	wantCode(t, "resume", h.ResumeOrganisation(ctx, system, o.ID), "")
	wantCode(t, "resume again", h.ResumeOrganisation(ctx, system, o.ID), "organisation.not_suspended")
	if _, code := h.login(p.Login, password, ""); code != "" {
		t.Errorf("login: %s", code)
	}
}

// The audit has every act of the administrators and their logins; of everybody
// else's logins it has none.
func TestAudit(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	system, security, audit := h.three()
	buyer, _ := h.person(actor.Buyer)
	sys, err := h.Person(ctx, system.PersonID)
	if err != nil {
		t.Fatal(err)
	}
	h.login(sys.Login, "wrong-Password-1", "")
	h.login(sys.Login, password, "")
	h.login(buyer.Login, "wrong-Password-1", "")
	h.login(buyer.Login, password, "")
	for _, who := range []actor.Actor{system, security, conductor, {}} {
		_, err := h.Audit(ctx, who, identity.AuditFilter{Limit: 10})
		wantCode(t, "audit by "+string(who.Role), err, "identity.not_admin")
	}
	kinds := func(f identity.AuditFilter) map[string]int {
		t.Helper()
		f.Limit = 100
		events, err := h.Audit(ctx, audit, f)
		if err != nil {
			t.Fatal(err)
		}
		n := map[string]int{}
		for i, e := range events {
			n[e.Kind]++
			if i > 0 && e.At.After(events[i-1].At) {
				t.Error("not the newest first")
			}
		}
		return n
	}
	if n := kinds(identity.AuditFilter{}); n["administrator.logged_in"] != 1 || n["administrator.login_refused"] != 1 || n["person.created"] != 4 {
		t.Errorf("%v", n)
	}
	if n := kinds(identity.AuditFilter{PersonID: system.PersonID}); len(n) != 1 || n["administrator.logged_in"] != 1 {
		t.Errorf("by the system administrator: %v", n)
	}
	names, err := h.Names(ctx, []string{buyer.ID, "x"})
	if err != nil || len(names) != 1 || names[buyer.ID] != buyer.Name {
		t.Errorf("names: %v %v", names, err)
	}
	if n := kinds(identity.AuditFilter{Subject: "person/" + buyer.ID}); n["person.created"] != 1 || n["membership.added"] != 1 || len(n) != 2 {
		t.Errorf("of the buyer: %v", n)
	}
}
