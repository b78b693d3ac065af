package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"

	"jianbiao/internal/identity"
)

// mark is something that belongs to somebody: a word that is nowhere else, or an
// id. No answer to anybody but those who may know it may carry it.
type mark struct {
	what, text string
	may        func(p *person) bool
}

var (
	authorities = []string{"supervisor", "general_supervisor", "discipline_inspector", "witness_officer", "centre"}
	admins      = []string{"system_admin", "security_admin", "audit_admin"}
)

func only(logins ...string) func(*person) bool {
	return func(p *person) bool { return slices.Contains(logins, p.Login) }
}

func either(a, b func(*person) bool) func(*person) bool {
	return func(p *person) bool { return a(p) || b(p) }
}

func ofRole(roles ...string) func(*person) bool {
	return func(p *person) bool { return slices.Contains(roles, p.Role) }
}

// planter makes things that belong to somebody before the run begins.
type planter struct {
	base   string
	people []*person
	ids    *pool
	tag    string // of this run, in every marker
	marks  []mark
}

func (g *planter) mark(what, text string, may func(*person) bool) string {
	g.marks = append(g.marks, mark{what, text, may})
	return text
}

// plant returns the marks and the people that were made for them.
func plant(ctx context.Context, base string, people []*person, ids *pool, r *rand.Rand) ([]mark, []*person, error) {
	g := &planter{base: base, people: people, ids: ids, tag: fmt.Sprintf("%08x", r.Uint32())}
	asker, err := g.firm(ctx, "asker", r, ofRole(admins...))
	if err != nil {
		return nil, nil, err
	}
	asker.secret = true
	signer, err := g.firm(ctx, "signer", r, ofRole(append(admins, authorities...)...))
	if err != nil {
		return nil, nil, err
	}
	for _, step := range []func(context.Context) error{
		g.draft,
		func(ctx context.Context) error { return g.vault(ctx, asker) },
		func(ctx context.Context) error { return g.speak(ctx, asker, signer) },
	} {
		if err := step(ctx); err != nil {
			return nil, nil, err
		}
	}
	signer.secret = true // told to one host, and to no other
	return g.marks, []*person{asker, signer}, nil
}

// firm makes a bidder whose name, login and ids are known to may, the host of the city's lots not among them.
func (g *planter) firm(ctx context.Context, name string, r *rand.Rand, may func(*person) bool) (*person, error) {
	admin, security := find(g.people, "admin"), find(g.people, "security")
	p := &person{Login: "fm" + name + g.tag, Role: "bidder", Organisation: "FM" + name + g.tag + "公司", Password: "Fm-Mima-" + g.tag, useless: map[*operation]bool{}}
	var org, someone struct {
		ID string `json:"id"`
	}
	var grants struct {
		Items []struct {
			ID     string
			Person struct{ ID string }
		}
	}
	uscc := identity.MakeUSCC(fmt.Sprintf("91321300FM%07d", r.IntN(10_000_000)))
	once := "Once-Mima-" + g.tag
	steps := []func() error{
		func() error {
			return admin.call(ctx, g.base, http.MethodPost, "/api/organisations", object{"uscc": uscc, "name": p.Organisation, "region": "321300"}, &org)
		},
		func() error {
			return admin.call(ctx, g.base, http.MethodPost, "/api/organisations/"+org.ID+"/certification", object{}, nil)
		},
		func() error {
			return admin.call(ctx, g.base, http.MethodPost, "/api/people", object{"login": p.Login, "name": "FMP" + name + g.tag, "password": once}, &someone)
		},
		func() error {
			return admin.call(ctx, g.base, http.MethodPost, "/api/people/"+someone.ID+"/memberships", object{"organisation": org.ID, "role": "bidder", "region": "321300"}, nil)
		},
		func() error {
			return security.call(ctx, g.base, http.MethodGet, "/api/grants?state=pending", nil, &grants)
		},
		func() error {
			for _, x := range grants.Items {
				if x.Person.ID == someone.ID {
					return security.call(ctx, g.base, http.MethodPost, "/api/grants/"+x.ID+"/decision", object{"approve": true}, nil)
				}
			}
			return fmt.Errorf("no grant of %s waits", p.Login)
		},
		func() error { p.Password, once = once, p.Password; return p.login(ctx, g.base) },
		func() error {
			err := p.call(ctx, g.base, http.MethodPut, "/api/session/password", object{"old": p.Password, "new": once}, nil)
			p.Password = once
			return err
		},
		func() error { return p.login(ctx, g.base) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("make a firm: %w", err)
		}
	}
	for what, text := range map[string]string{"name": p.Organisation, "login": p.Login, "person": "FMP" + name + g.tag, "uscc": uscc, "id": org.ID, "person's id": someone.ID} {
		g.mark("the "+name+"'s "+what, text, either(only(p.Login), may))
		g.ids.secret[text] = true
	}
	return p, nil
}

// draft is a project and a lot of buyer3, who takes no part in the run and never publishes it.
func (g *planter) draft(ctx context.Context) error {
	owner := &person{Login: "buyer3", Role: "buyer", Password: find(g.people, "buyer1").Password}
	if err := owner.login(ctx, g.base); err != nil {
		return err
	}
	var project, page struct {
		ID  string `json:"id"`
		Lot struct {
			ID string `json:"id"`
		} `json:"lot"`
	}
	err := owner.call(ctx, g.base, http.MethodPost, "/api/projects", object{"code": "FMC-" + g.tag, "name": g.mark("a draft project", "FMproject"+g.tag, only("buyer3")), "compulsory": true,
		"region": "321302", "approvalNumber": "宿发改〔2026〕1号", "approvalAuthority": "宿迁市发展和改革委员会"}, &project)
	if err == nil {
		err = owner.call(ctx, g.base, http.MethodPost, "/api/projects/"+project.ID+"/lots", object{"name": g.mark("a draft lot", "FMlot"+g.tag, only("buyer3")), "estimate": "48000000.00"}, &page)
	}
	if err == nil && page.Lot.ID == "" {
		page.Lot.ID = page.ID
	}
	if err == nil {
		err = owner.send(ctx, g.base, http.MethodPost, "/api/lots/"+page.Lot.ID+"/document/files?name="+g.mark("a file of a draft", "FMfile"+g.tag, only("buyer3"))+".pdf",
			http.Header{"Content-Type": {octets}}, paper(), nil)
	}
	if err != nil {
		return fmt.Errorf("make a draft: %w", err)
	}
	// Everybody may try the ids: it is the answer that must not tell.
	g.ids.add("projects", project.ID)
	for range 4 {
		g.ids.known["lots"] = append(g.ids.known["lots"], page.Lot.ID)
	}
	return nil
}

// vault saves something of the bidder's own.
func (g *planter) vault(ctx context.Context, p *person) error {
	blob := []byte("JBVAULT " + g.mark("a vault", "FMvault"+g.tag, only(p.Login)))
	err := p.send(ctx, g.base, http.MethodGet, "/api/vault", http.Header{}, nil, nil)
	if err == nil {
		err = p.send(ctx, g.base, http.MethodPut, "/api/vault", http.Header{"Content-Type": {octets}, "If-Match": {p.tag}}, blob, nil)
	}
	if err != nil {
		return fmt.Errorf("save a vault: %w", err)
	}
	return nil
}

// speak asks a question and raises objections on published lots: who did is nobody's business, what they said is the host's.
func (g *planter) speak(ctx context.Context, asker, signer *person) error {
	var page struct {
		Items []struct {
			ID, Kind, OpeningState, Buyer, Agency string
		}
	}
	if err := asker.call(ctx, g.base, http.MethodGet, "/api/lots?state=published&limit=100", nil, &page); err != nil {
		return err
	}
	for _, l := range page.Items {
		if l.Kind != "ENG" || l.OpeningState != "scheduled" {
			continue
		}
		host := func(p *person) bool { return p.Organisation == l.Buyer || p.Organisation == l.Agency }
		served := either(host, ofRole(authorities...))
		for i := range g.marks { // who signs is told to whom he writes
			if may := g.marks[i].may; may(signer) {
				g.marks[i].may = either(may, host)
			}
		}
		where := "/api/lots/" + l.ID
		if err := asker.call(ctx, g.base, http.MethodPost, where+"/questions", object{"text": g.mark("an open question", "FMquestion"+g.tag, either(only(asker.Login), served))}, nil); err != nil {
			return err
		}
		return signer.call(ctx, g.base, http.MethodPost, where+"/objections", object{"subject": "资格条件", "text": g.mark("a signed objection", "FMobjection"+g.tag, either(only(signer.Login), served)), "signed": true}, nil)
	}
	return fmt.Errorf("the city has no lot that can be asked about")
}

// paper is the smallest whole PDF.
func paper() []byte {
	body := "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n"
	return fmt.Appendf(nil, "%sxref\n0 1\n0000000000 65535 f \ntrailer\n<</Size 3/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", body, len(body))
}
