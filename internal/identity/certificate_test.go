package identity_test

import (
	"strings"
	"testing"
	"time"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/certificate"
	"jianbiao/internal/certificate/democa"
	"jianbiao/internal/certificate/keyfile"
	"jianbiao/internal/identity"
	"jianbiao/internal/totp"
)

const site = "https://jianbiao.example"

// office is a house that trusts a demo CA.
type office struct {
	*house
	ca *democa.CA
}

func newOffice(t *testing.T, change func(*identity.Config)) *office {
	t.Helper()
	ca, err := democa.New(time.Now().AddDate(0, 0, -2))
	if err != nil {
		t.Fatal(err)
	}
	trust := certificate.NewTrust()
	if err := trust.AddCA(ca.Certificate); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(c *identity.Config) {
		c.Trust = trust
		if change != nil {
			change(c)
		}
	})
	return &office{h, ca}
}

func (o *office) issue(to democa.Subject) keyfile.File {
	o.Helper()
	f, err := o.ca.Issue(to, time.Now())
	if err != nil {
		o.Fatal(err)
	}
	return f
}

// proof answers a fresh challenge.
func (o *office) proof(f keyfile.File, purpose identity.Purpose, person string) identity.CertificateProof {
	o.Helper()
	c, err := o.Challenge(ctx, purpose, f.Certificate(), site, person)
	if err != nil {
		o.Fatal(err)
	}
	signature, err := f.Sign(certificate.TagSession, c.Message)
	if err != nil {
		o.Fatal(err)
	}
	return identity.CertificateProof{Certificate: f.Certificate(), Challenge: c.Value, Signature: signature, Site: site}
}

func (o *office) login(f keyfile.File) (identity.Login, error) {
	o.Helper()
	return o.LoginByCertificate(ctx, identity.CertificateLogin{CertificateProof: o.proof(f, identity.PurposeLogin, "")})
}

func (o *office) refused(what string, err error, code string) {
	o.Helper()
	if apperr.CodeOf(err) != code || code == "" && err != nil {
		o.Errorf("%s: %v, want %q", what, err, code)
	}
}

func (o *office) as(p identity.Person, org identity.Organisation, role actor.Role) actor.Actor {
	return actor.Actor{PersonID: p.ID, PersonName: p.Name, OrganisationID: org.ID, OrganisationName: org.Name, USCC: org.USCC, Role: role}
}

func TestLoginByCertificate_bindsByName(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	p, org := o.person(actor.Buyer)
	f := o.issue(democa.Subject{Organisation: org.Name, USCC: org.USCC, Person: p.Name, Title: "经办人"})
	_, err := o.login(f)
	o.refused("a firm that is not certified", err, "certificate.not_bound")
	if err := o.CertifyOrganisation(ctx, conductor, org.ID); err != nil {
		t.Fatal(err)
	}
	l, err := o.login(f)
	if err != nil || l.Actor.PersonID != p.ID || l.Actor.Role != actor.Buyer || l.Actor.USCC != org.USCC {
		t.Fatalf("%+v, %v", l.Actor, err)
	}
	list, err := o.Certificates(ctx, p.ID)
	if err != nil || len(list) != 1 || list[0].Kind != "person" {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := o.login(f); err != nil {
		t.Errorf("the second time: %v", err)
	}
	stranger := o.issue(democa.Subject{Organisation: org.Name, USCC: org.USCC, Person: "张三", Title: "经办人"})
	_, err = o.login(stranger)
	o.refused("a name that nobody has", err, "certificate.not_bound")
	_, err = o.login(o.issue(democa.Subject{Organisation: org.Name, USCC: org.USCC}))
	o.refused("a firm's certificate", err, "certificate.not_bound")
	o.refused("unbind another's", o.UnbindCertificate(ctx, actor.Actor{PersonID: newUUID}, "", list[0].ID), "certificate.not_found")
	o.refused("unbind", o.UnbindCertificate(ctx, o.as(p, org, actor.Buyer), "", list[0].ID), "")
	_, err = o.login(f)
	o.refused("after it was unbound", err, "certificate.not_bound")
	if _, err := o.Authenticate(ctx, l.Token); apperr.CodeOf(err) != "session.none" {
		t.Errorf("the session of an unbound certificate: %v", err)
	}
}

const newUUID = "01960000-0000-7000-8000-000000000000"

// Two people of one name: nobody is bound by a guess.
func TestLoginByCertificate_twoOfOneName(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	p, org := o.person(actor.Buyer)
	q, _ := o.person(actor.Buyer)
	if err := o.CertifyOrganisation(ctx, conductor, org.ID); err != nil {
		t.Fatal(err)
	}
	if err := o.AddMembership(ctx, conductor, identity.Membership{PersonID: q.ID, OrganisationID: org.ID, Role: actor.Agency, Region: "321300"}); err != nil {
		t.Fatal(err)
	}
	f := o.issue(democa.Subject{Organisation: org.Name, USCC: org.USCC, Person: p.Name, Title: "经办人"})
	_, err := o.login(f)
	o.refused("two of one name", err, "certificate.not_bound")
	if _, err := o.BindCertificate(ctx, o.as(q, org, actor.Agency), o.proof(f, identity.PurposeBind, q.ID)); err != nil {
		t.Fatal(err)
	}
	if l, err := o.login(f); err != nil || l.Actor.PersonID != q.ID {
		t.Errorf("%+v, %v", l.Actor, err)
	}
}

func TestBindCertificate_refusals(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	p, org := o.person(actor.Agency)
	_, other := o.person(actor.Agency)
	who := o.as(p, org, actor.Agency)
	bind := func(s democa.Subject) error {
		f := o.issue(s)
		_, err := o.BindCertificate(ctx, who, o.proof(f, identity.PurposeBind, p.ID))
		return err
	}
	o.refused("another firm's", bind(democa.Subject{Organisation: other.Name, USCC: other.USCC}), "certificate.other_organisation")
	o.refused("another person's", bind(democa.Subject{Organisation: org.Name, USCC: org.USCC, Person: "张三", Title: "经办人"}), "certificate.other_person")
	f := o.issue(democa.Subject{Organisation: org.Name, USCC: org.USCC})
	if _, err := o.BindCertificate(ctx, who, o.proof(f, identity.PurposeBind, p.ID)); err != nil {
		t.Fatal(err)
	}
	_, err := o.BindCertificate(ctx, who, o.proof(f, identity.PurposeBind, p.ID))
	o.refused("twice", err, "certificate.bound")
	_, err = o.BindCertificate(ctx, actor.Anyone(), identity.CertificateProof{})
	o.refused("nobody", err, "session.none")
	if l, err := o.login(f); err != nil || l.Actor.PersonID != p.ID {
		t.Errorf("login by the firm's certificate: %+v, %v", l.Actor, err)
	}
	if err := o.DisablePerson(ctx, conductor, p.ID, "离职"); err != nil {
		t.Fatal(err)
	}
	_, err = o.login(f)
	o.refused("a disabled person", err, "certificate.not_bound")
}

// A challenge is answered once, in two minutes, for its purpose, site, person
// and certificate.
func TestChallenge_isForOneUse(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	p, org := o.person(actor.Agency)
	who := o.as(p, org, actor.Agency)
	f := o.issue(democa.Subject{Organisation: org.Name, USCC: org.USCC})
	if _, err := o.BindCertificate(ctx, who, o.proof(f, identity.PurposeBind, p.ID)); err != nil {
		t.Fatal(err)
	}
	try := func(c identity.CertificateProof) error {
		_, err := o.LoginByCertificate(ctx, identity.CertificateLogin{CertificateProof: c})
		return err
	}
	good := o.proof(f, identity.PurposeLogin, "")
	o.refused("good", try(good), "")
	o.refused("again", try(good), "certificate.challenge")
	late := o.proof(f, identity.PurposeLogin, "")
	o.watch.add(2 * time.Minute)
	o.refused("late", try(late), "certificate.challenge")
	elsewhere := o.proof(f, identity.PurposeLogin, "")
	elsewhere.Site = "https://evil.example"
	o.refused("another site", try(elsewhere), "certificate.challenge")
	o.refused("another purpose", try(o.proof(f, identity.PurposeBind, p.ID)), "certificate.challenge")
	swapped := o.proof(f, identity.PurposeLogin, "")
	swapped.Certificate = o.issue(democa.Subject{Organisation: org.Name, USCC: org.USCC}).Certificate()
	o.refused("another certificate", try(swapped), "certificate.challenge")
	forged := o.proof(f, identity.PurposeLogin, "")
	forged.Challenge = "A" + forged.Challenge[1:]
	if forged.Challenge == good.Challenge {
		t.Fatal("nothing was changed")
	}
	forged.Challenge = strings.Repeat("A", len(forged.Challenge))
	o.refused("a challenge of one's own", try(forged), "certificate.challenge")
	unsigned := o.proof(f, identity.PurposeLogin, "")
	unsigned.Signature = good.Signature
	o.refused("an old signature", try(unsigned), "certificate.signature")
	_, err := o.Challenge(ctx, identity.PurposeLogin, "x", site, "")
	o.refused("no certificate", err, "certificate.malformed")
}

// Nothing but the day stands in the row of a certificate, and nothing of a
// login in any row: before an opening nobody may learn who was here.
func TestCertificateLogin_leavesNoTime(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	p, org := o.person(actor.Bidder)
	if err := o.CertifyOrganisation(ctx, conductor, org.ID); err != nil {
		t.Fatal(err)
	}
	f := o.issue(democa.Subject{Organisation: org.Name, USCC: org.USCC, Person: p.Name, Title: "法定代表人"})
	if _, err := o.login(f); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := o.db.Owner.Get(&n, `SELECT (SELECT count(*) FROM session WHERE factor_until IS NOT NULL OR expires_at AT TIME ZONE 'UTC' <> date_trunc('hour', expires_at AT TIME ZONE 'UTC'))
		+ (SELECT count(*) FROM spent WHERE forget_at AT TIME ZONE 'UTC' <> date_trunc('hour', forget_at AT TIME ZONE 'UTC'))
		+ (SELECT count(*) FROM certificate WHERE bound_at AT TIME ZONE 'Asia/Shanghai' <> date_trunc('day', bound_at AT TIME ZONE 'Asia/Shanghai'))
		+ (SELECT count(*) FROM event WHERE kind = 'certificate.bound' AND recorded_at AT TIME ZONE 'Asia/Shanghai' <> date_trunc('day', recorded_at AT TIME ZONE 'Asia/Shanghai'))`); err != nil {
		t.Fatal(err)
	}
	if n != 0 {
		t.Errorf("%d rows say when the bidder came", n)
	}
}

func (o *office) enrol(who actor.Actor) (secret []byte, codes []string) {
	o.Helper()
	secret, err := totp.NewSecret()
	if err != nil {
		o.Fatal(err)
	}
	codes, err = o.EnrolFactor(ctx, who, totp.Text(secret), o.code(secret))
	if err != nil {
		o.Fatal(err)
	}
	o.watch.add(time.Minute)
	return secret, codes
}

func (o *office) code(secret []byte) string {
	return totp.Code(secret, totp.Step(o.watch.Now()), totp.Digits)
}

func TestFactor_holdsForAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	p, org := o.person(actor.Agency)
	who := o.as(p, org, actor.Agency)
	l, err := o.Login(ctx, identity.LoginInput{Login: p.Login, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	need := func() error { return o.RequireFactor(ctx, who, l.Token) }
	o.refused("not enrolled", need(), "")
	secret, codes := o.enrol(who)
	o.refused("enrolled", need(), "session.second_factor")
	code := o.code(secret)
	o.refused("give", o.GiveFactor(ctx, who, l.Token, identity.Factor{Code: code}), "")
	o.refused("given", need(), "")
	o.refused("the same code", o.GiveFactor(ctx, who, l.Token, identity.Factor{Code: code}), "factor.code")
	o.watch.add(15 * time.Minute)
	o.refused("after a quarter of an hour", need(), "session.second_factor")
	o.refused("a recovery code", o.GiveFactor(ctx, who, l.Token, identity.Factor{Code: strings.ToLower(codes[3])}), "")
	o.refused("given again", need(), "")
	o.refused("a used recovery code", o.GiveFactor(ctx, who, l.Token, identity.Factor{Code: codes[3]}), "factor.code")
	f := o.issue(democa.Subject{Organisation: org.Name, USCC: org.USCC})
	if _, err := o.BindCertificate(ctx, who, o.proof(f, identity.PurposeBind, p.ID)); err != nil {
		t.Fatal(err)
	}
	o.watch.add(15 * time.Minute)
	proof := o.proof(f, identity.PurposeFactor, p.ID)
	o.refused("by certificate", o.GiveFactor(ctx, who, l.Token, identity.Factor{Proof: &proof}), "")
	o.refused("given by certificate", need(), "")
	sec, err := o.Security(ctx, who)
	if err != nil || sec.EnrolledAt == nil || sec.Recovery != 9 || !sec.Trusted {
		t.Errorf("%+v, %v", sec, err)
	}
	again, err := o.RenewRecoveryCodes(ctx, who, o.code(secret))
	if err != nil || len(again) != 10 || again[0] == codes[0] {
		t.Errorf("%v, %v", again, err)
	}
	o.watch.add(time.Minute)
	o.refused("remove", o.RemoveFactor(ctx, who, o.code(secret)), "")
	o.refused("remove again", o.RemoveFactor(ctx, who, o.code(secret)), "factor.none")
	o.watch.add(time.Hour)
	o.refused("not enrolled any more", need(), "")
}

func TestFactor_refusals(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	p, org := o.person(actor.Agency)
	who := o.as(p, org, actor.Agency)
	l, err := o.Login(ctx, identity.LoginInput{Login: p.Login, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	give := func(code string) error { return o.GiveFactor(ctx, who, l.Token, identity.Factor{Code: code}) }
	o.refused("none", give("123456"), "factor.none")
	_, err = o.EnrolFactor(ctx, who, "x", "123456")
	o.refused("a bad secret", err, "factor.secret")
	fresh, _ := totp.NewSecret()
	_, err = o.EnrolFactor(ctx, who, totp.Text(fresh), "x")
	o.refused("a bad code", err, "factor.code")
	secret, _ := o.enrol(who)
	_, err = o.EnrolFactor(ctx, who, totp.Text(fresh), o.code(fresh))
	o.refused("twice", err, "factor.enrolled")
	for range 5 {
		o.refused("a wrong code", give("00000x"), "factor.code")
	}
	o.refused("too many", give(o.code(secret)), "factor.locked")
	o.watch.add(2 * time.Minute)
	o.refused("after the wait", give(o.code(secret)), "")
	o.refused("reset by somebody", o.ResetFactor(ctx, who, p.ID), "identity.not_admin")
	o.refused("reset nobody", o.ResetFactor(ctx, conductor, newUUID), "person.not_found")
	o.refused("reset", o.ResetFactor(ctx, conductor, p.ID), "")
	o.refused("reset again", o.ResetFactor(ctx, conductor, p.ID), "factor.none")
	admin, org2 := o.person(actor.SecurityAdmin)
	o.refused("reset oneself", o.ResetFactor(ctx, o.as(admin, org2, actor.SecurityAdmin), admin.ID), "person.self")
}

func TestFactor_policies(t *testing.T) {
	t.Parallel()
	for policy, want := range map[identity.FactorPolicy]string{
		identity.FactorOff: "", identity.FactorEnrolled: "", identity.FactorRequired: "session.second_factor_none",
	} {
		o := newOffice(t, func(c *identity.Config) { c.SecondFactor = policy })
		p, org := o.person(actor.Agency)
		l, err := o.Login(ctx, identity.LoginInput{Login: p.Login, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		who := o.as(p, org, actor.Agency)
		o.refused(string(policy), o.RequireFactor(ctx, who, l.Token), want)
		if policy != identity.FactorRequired {
			continue
		}
		o.enrol(who)
		o.refused("enrolled", o.RequireFactor(ctx, who, l.Token), "session.second_factor")
		o.refused("no session", o.RequireFactor(ctx, who, "x"), "session.none")
	}
}

func TestSessions_ofOneself(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	p, org := o.person(actor.Agency)
	q, org2 := o.person(actor.Agency)
	var tokens []string
	for range 2 {
		l, err := o.Login(ctx, identity.LoginInput{Login: p.Login, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, l.Token)
	}
	who := o.as(p, org, actor.Agency)
	list, err := o.Sessions(ctx, who, tokens[0])
	if err != nil || len(list) != 2 || list[0].Current == list[1].Current {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, s := range list {
		if s.Current {
			continue
		}
		o.refused("another's", o.EndSession(ctx, o.as(q, org2, actor.Agency), s.ID), "session.not_found")
		o.refused("one's own", o.EndSession(ctx, who, s.ID), "")
	}
	_, err = o.Authenticate(ctx, tokens[1])
	o.refused("the ended one", err, "session.none")
	_, err = o.Authenticate(ctx, tokens[0])
	o.refused("the other one", err, "")
}
