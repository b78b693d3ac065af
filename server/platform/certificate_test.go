package platform_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"testing"
	"time"

	"jianbiao/internal/apperr"
	"jianbiao/internal/certificate"
	"jianbiao/internal/certificate/democa"
	"jianbiao/internal/certificate/keyfile"
	"jianbiao/internal/totp"
	"jianbiao/server/city"
	"jianbiao/server/platform"
	"jianbiao/server/rehearse"
)

// ask sends JSON and gives the code of the refusal, "" for none.
func ask(t *testing.T, c *http.Client, method, address string, body, out any) string {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode < 300 {
		if out != nil {
			if err := json.Unmarshal(text, out); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
		return ""
	}
	var problem struct{ Code string }
	if err := json.Unmarshal(text, &problem); err != nil || problem.Code == "" {
		t.Fatalf("%s %s: %d %s", method, address, res.StatusCode, text)
	}
	return problem.Code
}

type object = map[string]any

// prove answers a challenge with a demo certificate.
func prove(t *testing.T, c *http.Client, site string, f keyfile.File, purpose string) object {
	t.Helper()
	var challenge struct{ Challenge, Tag, Message, Site string }
	if code := ask(t, c, "POST", site+"/api/session/challenge", object{"certificate": f.Certificate(), "purpose": purpose}, &challenge); code != "" {
		t.Fatal(code)
	}
	if challenge.Site != site {
		t.Errorf("challenge for %s, not %s", challenge.Site, site)
	}
	signature, err := f.Sign(challenge.Tag, []byte(challenge.Message))
	if err != nil {
		t.Fatal(err)
	}
	return object{"challenge": challenge.Challenge, "certificate": f.Certificate(), "signature": signature}
}

func fetch(t *testing.T, c *http.Client, address string) keyfile.File {
	t.Helper()
	var raw json.RawMessage
	if code := ask(t, c, "GET", address, nil, &raw); code != "" {
		t.Fatalf("%s: %s", address, code)
	}
	f, err := keyfile.Open(raw, city.Password)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// In the rehearsal city a host takes his demo certificate, binds it, logs in
// with it, enrols an authenticator, and is asked for it before he publishes.
func TestCertificates_inTheCity(t *testing.T) {
	t.Parallel()
	p, site := quiet(t, io.Discard, func(p *platform.Platform) {
		rehearse.NewRuns(t.Context(), "http://127.0.0.1:1", slog.New(slog.DiscardHandler)).Register(p)
	})
	byPassword := login(t, site, "agency1")
	want := func(what, got, code string) {
		t.Helper()
		if got != code {
			t.Errorf("%s: %q, want %q", what, got, code)
		}
	}
	firm, person := fetch(t, byPassword, site+"/api/rehearsal/certificates/organisation"), fetch(t, byPassword, site+"/api/rehearsal/certificates/person")
	if again := fetch(t, byPassword, site+"/api/rehearsal/certificates/person"); again.Certificate() != person.Certificate() {
		t.Error("another certificate is given each time")
	}
	want("no certificate", ask(t, byPassword, "GET", site+"/api/rehearsal/certificates/nonsense", nil, nil), "rehearsal.no_certificate")
	want("nobody", ask(t, http.DefaultClient, "GET", site+"/api/rehearsal/certificates/person", nil, nil), "session.none")

	fresh := func() *http.Client {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		return &http.Client{Jar: jar}
	}
	c := fresh()
	want("a firm's certificate that nobody has bound", ask(t, c, "POST", site+"/api/session/certificate", prove(t, c, site, firm, "login"), nil), "certificate.not_bound")
	want("bind without a session", ask(t, c, "POST", site+"/api/session/challenge", object{"certificate": firm.Certificate(), "purpose": "bind"}, nil), "session.none")
	want("bind", ask(t, byPassword, "POST", site+"/api/account/certificates", prove(t, byPassword, site, firm, "bind"), nil), "")
	var session struct {
		Person struct{ Login string }
		Role   string
	}
	want("log in", ask(t, c, "POST", site+"/api/session/certificate", prove(t, c, site, firm, "login"), &session), "")
	want("as", session.Person.Login+" "+session.Role, "agency1 agency")
	c = fresh()
	want("a person's certificate is bound by its name", ask(t, c, "POST", site+"/api/session/certificate", prove(t, c, site, person, "login"), nil), "")
	want("factor of another session", ask(t, byPassword, "POST", site+"/api/session/factor", object{"code": "123456"}, nil), "factor.none")

	var secret struct{ Secret, URI string }
	want("secret", ask(t, byPassword, "POST", site+"/api/account/totp", nil, &secret), "")
	key, ok := totp.ParseText(secret.Secret)
	if !ok {
		t.Fatal(secret)
	}
	code := func(step int64) string { return totp.Code(key, totp.Step(time.Now())+step, totp.Digits) }
	var made struct{ RecoveryCodes []string }
	want("enrol", ask(t, byPassword, "PUT", site+"/api/account/totp", object{"secret": secret.Secret, "code": code(-1)}, &made), "")
	publish := site + "/api/lots/01960000-0000-7000-8000-000000000000/commands/publish"
	want("without a factor", ask(t, byPassword, "POST", publish, object{}, nil), "session.second_factor")
	want("what is not sensitive", ask(t, byPassword, "POST", site+"/api/lots/01960000-0000-7000-8000-000000000000/commands/suspend", object{"reason": "x"}, nil), "lot.not_found")
	want("a wrong code", ask(t, byPassword, "POST", site+"/api/session/factor", object{"code": "000000"}, nil), "factor.code")
	want("nothing", ask(t, byPassword, "POST", site+"/api/session/factor", object{}, nil), "factor.empty")
	want("the code", ask(t, byPassword, "POST", site+"/api/session/factor", object{"code": code(0)}, nil), "")
	want("with a factor", ask(t, byPassword, "POST", publish, object{}, nil), "notice.invalid")
	want("a login by certificate counts as one", ask(t, c, "POST", publish, object{}, nil), "notice.invalid")

	var account struct {
		TOTP         struct{ Recovery int }
		Certificates []struct{ ID, KindLabel string }
		Sessions     []struct {
			ID      string
			Current bool
		}
	}
	want("account", ask(t, byPassword, "GET", site+"/api/account", nil, &account), "")
	if account.TOTP.Recovery != 10 || len(account.Certificates) != 2 || len(account.Sessions) != 3 {
		t.Errorf("%+v", account)
	}
	for _, s := range account.Sessions {
		if !s.Current {
			want("end "+s.ID, ask(t, byPassword, "DELETE", site+"/api/account/sessions/"+s.ID, nil, nil), "")
		}
	}
	want("an ended session", ask(t, c, "GET", site+"/api/session", nil, nil), "session.none")
	want("unbind", ask(t, byPassword, "DELETE", site+"/api/account/certificates/"+account.Certificates[0].ID, nil, nil), "")
	want("remove", ask(t, byPassword, "POST", site+"/api/account/totp/removal", object{"code": made.RecoveryCodes[0]}, nil), "")
	if p.DemoCA == nil || !p.Trust.HasDemo() {
		t.Error("the city has no CA")
	}
}

// Production never knows the demo CA, not even from a key store that a
// rehearsal used, and refuses to start when it is told to trust one.
func TestCertificates_productionKnowsNoDemoCA(t *testing.T) {
	t.Parallel()
	ca, err := democa.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	data, roots := t.TempDir(), filepath.Join(t.TempDir(), "root.pem")
	if err := os.MkdirAll(filepath.Join(data, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(ca)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "keys", "kept-demo-ca.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate}), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := platform.Config{Data: data, Unsafe: true, Log: slog.New(slog.DiscardHandler)}
	refused := cfg
	refused.TrustedRoots = roots
	if _, err := platform.Start(t.Context(), refused); apperr.CodeOf(err) != "certificate.demo_root" {
		t.Errorf("%v", err)
	}
	refused = cfg
	refused.SecondFactor = "sometimes"
	if _, err := platform.Start(t.Context(), refused); apperr.CodeOf(err) != "platform.second_factor" {
		t.Errorf("%v", err)
	}
	p, err := platform.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if p.DemoCA != nil || !p.Trust.Empty() {
		t.Error("production has a demo CA")
	}
	f, err := ca.Issue(democa.Subject{Organisation: "甲", USCC: "91350100M000100Y43"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, err := certificate.ParseText(f.Certificate(), p.Trust.Profile())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Trust.Verify(c, time.Now()); apperr.CodeOf(err) != "certificate.not_configured" {
		t.Errorf("a demo certificate counts: %v", err)
	}
	for _, r := range p.API.Routes() {
		if r.Path == "/api/rehearsal/certificates/{kind}" {
			t.Error("production gives demo certificates")
		}
	}
}
