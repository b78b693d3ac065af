package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
)

// LoginInput is what a person brings to a login.
type LoginInput struct {
	Login, Password string
	Device          string // the device cookie, "" when there is none
	Address         string // network address, for the soft ceiling only; it is not stored
	// Organisation and Role choose a membership; both empty: the person's first.
	Organisation string
	Role         actor.Role
}

// Login is a session that was made: two secrets for the browser's cookies.
type Login struct {
	Token  string // of the session; only its SHA-256 is stored
	Device string // of the device, by which its failures are counted apart
	Actor  actor.Actor
}

// Login checks a password and makes a session. Codes: session.bad_credentials
// for everything that is wrong with login or password, session.locked,
// session.address, session.busy, session.no_membership, session.membership.
func (s *Service) Login(ctx context.Context, in LoginInput) (Login, error) {
	login := normalLogin(in.Login)
	known := s.knowsDevice(login, in.Device)
	if !known { // who has logged in here before works on, whatever others try from the same address
		if err := s.ceiling.check(in.Address, s.cfg.Now()); err != nil {
			return Login{}, err
		}
	}
	c, err := s.attempt(ctx, attempt{login: login, password: in.Password, bucket: s.bucketOf(login, in.Device)})
	if apperr.KindOf(err) == apperr.Unauthenticated {
		s.ceiling.count(in.Address, s.cfg.Now())
		err = errors.Join(err, s.noteRefusal(ctx, login, in.Address))
	}
	if err != nil {
		return Login{}, err
	}
	m, err := s.choose(ctx, c.ID, in.Organisation, in.Role)
	if err != nil {
		return Login{}, err
	}
	out, err := s.open(ctx, m, in.Address, nil)
	if out.Device = in.Device; !known {
		out.Device = s.newDevice(login)
	}
	return out, err
}

// open makes a session of a membership. factorUntil is when a second factor,
// given with the login, runs out.
func (s *Service) open(ctx context.Context, m Membership, address string, factorUntil *time.Time) (out Login, err error) {
	out.Token = base64.RawURLEncoding.EncodeToString(random(32))
	row := sessionRow{TokenHash: tokenHash(out.Token), PersonID: m.PersonID, OrganisationID: m.OrganisationID,
		Role: m.Role, ExpiresAt: s.expiry(), FactorUntil: factorUntil}
	if err := s.store.Aside(ctx, insertSession(ctx, row)); err != nil {
		return Login{}, err
	}
	if out.Actor, err = s.Authenticate(ctx, out.Token); err != nil {
		return out, err
	}
	return out, s.noteLogin(ctx, out.Actor, address)
}

// expiry is rounded up to the hour, so that a row does not say when its person
// came or was last here.
func (s *Service) expiry() time.Time { return ceilHour(s.cfg.Now().Add(s.cfg.IdleFor)) }

// choose finds the wanted membership, or the first one.
func (s *Service) choose(ctx context.Context, personID, organisationID string, role actor.Role) (Membership, error) {
	all, err := s.Memberships(ctx, personID)
	if err != nil {
		return Membership{}, err
	}
	ms := slices.DeleteFunc(slices.Clone(all), func(m Membership) bool { return m.Suspended })
	if len(ms) == 0 && len(all) > 0 {
		return Membership{}, apperr.New(apperr.Forbidden, "session.organisation_suspended", "“%s”已被暂停使用平台，请与系统管理员联系。", all[0].OrganisationName)
	}
	if len(ms) == 0 {
		return Membership{}, apperr.New(apperr.Forbidden, "session.no_membership", "您的账号还没有加入任何单位,请联系系统管理员。")
	}
	if organisationID == "" && role == "" {
		return ms[0], nil
	}
	for _, m := range ms {
		if m.OrganisationID == organisationID && m.Role == role {
			return m, nil
		}
	}
	return Membership{}, apperr.New(apperr.Forbidden, "session.membership", "您在这个单位没有这个角色,请重新选择。")
}

func errNoSession() error {
	return apperr.New(apperr.Unauthenticated, "session.none", "请先登录。")
}

func tokenHash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// Authenticate says who holds the session. Its answer may be some seconds old
// (Config.FreshFor). Code: session.none, also for one that ran out.
func (s *Service) Authenticate(ctx context.Context, token string) (actor.Actor, error) {
	if token == "" {
		return actor.Actor{}, errNoSession()
	}
	hash, now := tokenHash(token), s.cfg.Now()
	if who, ok := s.fresh.get(string(hash), now); ok {
		return who, nil
	}
	generation := s.fresh.generation()
	row, err := readSession(ctx, s.store.DB(), hash, now)
	if err != nil {
		return actor.Actor{}, err
	}
	if until := s.expiry(); until.After(row.ExpiresAt) { // at most once an hour
		if err := s.store.Aside(ctx, extendSession(ctx, hash, until)); err != nil {
			return actor.Actor{}, err
		}
	}
	who := row.actor()
	s.fresh.put(string(hash), who, now.Add(s.cfg.FreshFor), generation)
	return who, nil
}

// SwitchMembership lets the session go on in another of the person's roles.
// Codes: session.none, session.membership.
func (s *Service) SwitchMembership(ctx context.Context, token, organisationID string, role actor.Role) (actor.Actor, error) {
	who, err := s.Authenticate(ctx, token)
	if err != nil {
		return actor.Actor{}, err
	}
	if organisationID == "" || role == "" {
		return actor.Actor{}, apperr.New(apperr.Invalid, "session.choice", "请选择单位和角色。")
	}
	m, err := s.choose(ctx, who.PersonID, organisationID, role)
	if err != nil {
		return actor.Actor{}, err
	}
	if err := s.store.Aside(ctx, moveSession(ctx, tokenHash(token), m)); err != nil {
		return actor.Actor{}, err
	}
	s.fresh.clear()
	if who, err = s.Authenticate(ctx, token); err != nil {
		return actor.Actor{}, err
	}
	return who, s.noteLogin(ctx, who, "")
}

// Logout ends the session; one that is not there is no error.
func (s *Service) Logout(ctx context.Context, token string) error {
	err := s.store.Aside(ctx, deleteSession(ctx, tokenHash(token)))
	s.fresh.clear()
	return err
}

// Sweep deletes what has run out: sessions, lock-out counters, kept answers of
// repeated requests. For the timetable; it returns the number of rows.
func (s *Service) Sweep(ctx context.Context) (n int64, err error) {
	err = s.store.Aside(ctx, func(tx *sqlx.Tx) error {
		n, err = sweep(ctx, tx, s.cfg.Now())
		return err
	})
	return n, err
}

// freshSessions remembers answers of Authenticate for seconds. An answer that
// was read before the last clear is not taken in.
type freshSessions struct {
	mu      sync.Mutex
	cleared int64
	byToken map[string]freshSession
}

type freshSession struct {
	who   actor.Actor
	until time.Time
}

const maxFresh = 20_000

func (f *freshSessions) get(hash string, now time.Time) (actor.Actor, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.byToken[hash]
	return s.who, ok && now.Before(s.until)
}

func (f *freshSessions) generation() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cleared
}

func (f *freshSessions) put(hash string, who actor.Actor, until time.Time, generation int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if generation != f.cleared {
		return
	}
	if len(f.byToken) >= maxFresh {
		clear(f.byToken)
	}
	f.byToken[hash] = freshSession{who, until}
}

func (f *freshSessions) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleared++
	clear(f.byToken)
}
