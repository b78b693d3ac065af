package identity

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/evidence"
)

const (
	organisationColumns = `id, uscc, name, region, certified_at, created_at, suspended_at, suspended_reason`
	personColumns       = `id, login, name, disabled_at, created_at, rehearsal, password_once`
)

func errNoOrganisation() error {
	return apperr.New(apperr.NotFound, "organisation.not_found", "没有找到这个单位。")
}

func errNoPerson() error {
	return apperr.New(apperr.NotFound, "person.not_found", "没有找到这个人。")
}

// one reads one row into dst, or returns none when there is no such row. Ids
// come from outside, so they are compared as text.
func one(ctx context.Context, q sqlx.QueryerContext, dst any, none error, query string, args ...any) error {
	err := sqlx.GetContext(ctx, q, dst, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return none
	}
	if err != nil {
		return fmt.Errorf("read identity: %w", err)
	}
	return nil
}

func run(ctx context.Context, e sqlx.ExecerContext, query string, args ...any) error {
	if _, err := e.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("write identity: %w", errExists(err))
	}
	return nil
}

// Organisation reads one organisation. Code: organisation.not_found.
func (s *Service) Organisation(ctx context.Context, id string) (o Organisation, err error) {
	err = one(ctx, s.store.DB(), &o, errNoOrganisation(),
		`SELECT `+organisationColumns+` FROM organisation WHERE CAST(id AS text) = $1`, id)
	return o, err
}

// OrganisationFilter narrows a list of organisations.
type OrganisationFilter struct {
	Query string // part of the name or beginning of the code (统一社会信用代码)
	State string // "", "certified", "uncertified" or "suspended"
	After string // id of the last one of the page before
	Limit int
}

// Organisations lists organisations in the order in which they were entered.
func (s *Service) Organisations(ctx context.Context, f OrganisationFilter) ([]Organisation, error) {
	var os []Organisation
	err := s.store.DB().SelectContext(ctx, &os, `SELECT `+organisationColumns+` FROM organisation
		WHERE CAST(id AS text) > $1
		  AND ($3 = '' OR strpos(name, $3) > 0 OR starts_with(uscc, upper($3)))
		  AND ($4 = '' OR CASE WHEN suspended_at IS NOT NULL THEN 'suspended' WHEN certified_at IS NULL THEN 'uncertified' ELSE 'certified' END = $4)
		ORDER BY CAST(id AS text) LIMIT $2`, f.After, f.Limit, f.Query, f.State)
	if err != nil {
		return nil, fmt.Errorf("list organisations: %w", err)
	}
	return os, nil
}

// Person reads one person. Code: person.not_found.
func (s *Service) Person(ctx context.Context, id string) (p Person, err error) {
	err = one(ctx, s.store.DB(), &p, errNoPerson(), `SELECT `+personColumns+` FROM person WHERE CAST(id AS text) = $1`, id)
	return p, err
}

// PersonByLogin reads the person with this login. Code: person.not_found.
func (s *Service) PersonByLogin(ctx context.Context, login string) (p Person, err error) {
	err = one(ctx, s.store.DB(), &p, errNoPerson(), `SELECT `+personColumns+` FROM person WHERE login = $1`, normalLogin(login))
	return p, err
}

// People lists up to limit people whose id follows after and whose name or login
// has query in it, in the order in which they were entered.
func (s *Service) People(ctx context.Context, query, after string, limit int) ([]Person, error) {
	var ps []Person
	err := s.store.DB().SelectContext(ctx, &ps, `SELECT `+personColumns+` FROM person
		WHERE CAST(id AS text) > $1 AND ($3 = '' OR strpos(name, $3) > 0 OR strpos(login, lower($3)) > 0)
		ORDER BY CAST(id AS text) LIMIT $2`, after, limit, query)
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	return ps, nil
}

// Memberships lists the roles of a person, those in suspended organisations
// included.
func (s *Service) Memberships(ctx context.Context, personID string) ([]Membership, error) {
	return s.MembershipsOf(ctx, []string{personID})
}

// MembershipsOf lists the roles of several people.
func (s *Service) MembershipsOf(ctx context.Context, people []string) ([]Membership, error) {
	var ms []Membership
	err := s.store.DB().SelectContext(ctx, &ms, `
		SELECT m.person_id, m.organisation_id, o.name AS organisation_name, o.uscc, m.role, m.region,
		       o.suspended_at IS NOT NULL AS suspended
		  FROM membership m JOIN organisation o ON o.id = m.organisation_id
		 WHERE CAST(m.person_id AS text) = ANY ($1) ORDER BY o.name, o.id, m.role`, pq.Array(people))
	if err != nil {
		return nil, fmt.Errorf("list memberships: %w", err)
	}
	return ms, nil
}

func insertOrganisation(ctx context.Context, tx *evidence.Tx, o Organisation) error {
	_, err := tx.NamedExecContext(ctx, `INSERT INTO organisation (id, uscc, name, region, created_at)
		VALUES (:id, :uscc, :name, :region, :created_at)`, o)
	if err != nil {
		return fmt.Errorf("insert organisation: %w", errExists(err))
	}
	return nil
}

func lockOrganisation(ctx context.Context, tx *evidence.Tx, id string) (o Organisation, err error) {
	err = one(ctx, tx, &o, errNoOrganisation(),
		`SELECT `+organisationColumns+` FROM organisation WHERE CAST(id AS text) = $1 FOR UPDATE`, id)
	return o, err
}

func certifyOrganisation(ctx context.Context, tx *evidence.Tx, id string) error {
	return run(ctx, tx, `UPDATE organisation SET certified_at = $1 WHERE id = $2 AND certified_at IS NULL`, tx.Now(), id)
}

func insertPerson(ctx context.Context, tx *evidence.Tx, p Person, phc string) error {
	_, err := tx.NamedExecContext(ctx, `INSERT INTO person (id, login, name, password_hash, created_at, rehearsal, password_once)
		VALUES (:id, :login, :name, :password_hash, :created_at, :rehearsal, :password_once)`, map[string]any{
		"id": p.ID, "login": p.Login, "name": p.Name, "password_hash": phc, "created_at": p.CreatedAt, "rehearsal": p.Rehearsal,
		"password_once": p.Once})
	if err != nil {
		return fmt.Errorf("insert person: %w", errExists(err))
	}
	return nil
}

func lockPerson(ctx context.Context, tx *evidence.Tx, id string) (p Person, err error) {
	err = one(ctx, tx, &p, errNoPerson(), `SELECT `+personColumns+` FROM person WHERE CAST(id AS text) = $1 FOR UPDATE`, id)
	return p, err
}

func updatePassword(ctx context.Context, tx *evidence.Tx, id, phc string, once bool) error {
	return run(ctx, tx, `UPDATE person SET password_hash = $1, password_once = $3 WHERE id = $2`, phc, id, once)
}

func rehashPassword(ctx context.Context, tx *evidence.Tx, id, phc string) error {
	return run(ctx, tx, `UPDATE person SET password_hash = $1 WHERE id = $2`, phc, id)
}

func disablePerson(ctx context.Context, tx *evidence.Tx, id string) error {
	return run(ctx, tx, `UPDATE person SET disabled_at = $1 WHERE id = $2 AND disabled_at IS NULL`, tx.Now(), id)
}

func insertMembership(ctx context.Context, tx *evidence.Tx, m Membership) error {
	_, err := tx.NamedExecContext(ctx, `INSERT INTO membership (person_id, organisation_id, role, region)
		VALUES (:person_id, :organisation_id, :role, :region)`, m)
	if err != nil {
		return fmt.Errorf("insert membership: %w", errExists(err))
	}
	return nil
}

// bootstrapLock is the key of the advisory lock under which it is decided that
// there is no administrator yet.
const bootstrapLock = 0x6a62_6f6f

func refuseSecondBootstrap(ctx context.Context, tx *evidence.Tx) error {
	if err := run(ctx, tx, `SELECT pg_advisory_xact_lock($1)`, bootstrapLock); err != nil {
		return err
	}
	var exists bool
	if err := tx.GetContext(ctx, &exists, `SELECT EXISTS (SELECT 1 FROM membership WHERE role IN ('system_admin', 'security_admin', 'audit_admin'))`); err != nil {
		return fmt.Errorf("look for an administrator: %w", err)
	}
	if exists {
		return apperr.New(apperr.Conflict, "identity.bootstrapped", "平台已经有管理员，请由现有的系统管理员登记人员、安全管理员审批。")
	}
	return nil
}

// credential is what a password is checked against; the zero value is an
// unknown login.
type credential struct {
	ID           string     `db:"id"`
	PasswordHash string     `db:"password_hash"`
	DisabledAt   *time.Time `db:"disabled_at"`
}

func readCredential(ctx context.Context, db *sqlx.DB, login string) (c credential, err error) {
	err = db.GetContext(ctx, &c, `SELECT id, password_hash, disabled_at FROM person WHERE login = $1`, login)
	if errors.Is(err, sql.ErrNoRows) {
		return credential{}, nil
	}
	if err != nil {
		return credential{}, fmt.Errorf("read a credential: %w", err)
	}
	return c, nil
}

type failureRow struct {
	Login       string     `db:"login"`
	Failures    int        `db:"failures"`
	LockedUntil *time.Time `db:"locked_until"`
	ForgetAt    time.Time  `db:"forget_at"`
}

func readFailures(ctx context.Context, db *sqlx.DB, bucket string, now time.Time) (f failureRow, err error) {
	err = db.GetContext(ctx, &f, `SELECT login, failures, locked_until, forget_at FROM login_failure
		WHERE login = $1 AND forget_at > $2`, bucket, now)
	if errors.Is(err, sql.ErrNoRows) {
		return failureRow{}, nil
	}
	if err != nil {
		return failureRow{}, fmt.Errorf("read failed logins: %w", err)
	}
	return f, nil
}

func saveFailures(ctx context.Context, f failureRow) func(*sqlx.Tx) error {
	return func(tx *sqlx.Tx) error {
		return run(ctx, tx, `INSERT INTO login_failure (login, failures, locked_until, forget_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (login) DO UPDATE SET failures = excluded.failures, locked_until = excluded.locked_until,
			forget_at = excluded.forget_at`, f.Login, f.Failures, f.LockedUntil, f.ForgetAt)
	}
}

func deleteFailures(ctx context.Context, bucket string) func(*sqlx.Tx) error {
	return func(tx *sqlx.Tx) error { return run(ctx, tx, `DELETE FROM login_failure WHERE login = $1`, bucket) }
}

type sessionRow struct {
	TokenHash        []byte     `db:"token_hash"`
	PersonID         string     `db:"person_id"`
	PersonName       string     `db:"person_name"`
	Rehearsal        bool       `db:"rehearsal"`
	Once             bool       `db:"password_once"`
	OrganisationID   string     `db:"organisation_id"`
	OrganisationName string     `db:"organisation_name"`
	USCC             string     `db:"uscc"`
	Certified        bool       `db:"certified"`
	Role             actor.Role `db:"role"`
	Region           string     `db:"region"`
	ExpiresAt        time.Time  `db:"expires_at"`
	FactorUntil      *time.Time `db:"factor_until"`
}

func (r sessionRow) actor() actor.Actor {
	return actor.Actor{PersonID: r.PersonID, PersonName: r.PersonName, OrganisationID: r.OrganisationID,
		OrganisationName: r.OrganisationName, USCC: r.USCC, Certified: r.Certified, Role: r.Role, Region: r.Region,
		Rehearsal: r.Rehearsal, PasswordOnce: r.Once}
}

// readSession joins the membership, so that a session ends with the right to it.
func readSession(ctx context.Context, db *sqlx.DB, hash []byte, now time.Time) (r sessionRow, err error) {
	err = one(ctx, db, &r, errNoSession(), `
		SELECT s.token_hash, s.person_id, p.name AS person_name, p.rehearsal, p.password_once, s.organisation_id, o.name AS organisation_name,
		       o.uscc, o.certified_at IS NOT NULL AS certified, s.role, m.region, s.expires_at
		  FROM session s
		  JOIN person p ON p.id = s.person_id AND p.disabled_at IS NULL
		  JOIN membership m ON m.person_id = s.person_id AND m.organisation_id = s.organisation_id AND m.role = s.role
		  JOIN organisation o ON o.id = s.organisation_id AND o.suspended_at IS NULL
		 WHERE s.token_hash = $1 AND s.expires_at > $2`, hash, now)
	return r, err
}

func insertSession(ctx context.Context, r sessionRow) func(*sqlx.Tx) error {
	return func(tx *sqlx.Tx) error {
		_, err := tx.NamedExecContext(ctx, `INSERT INTO session (token_hash, person_id, organisation_id, role, expires_at, factor_until)
			VALUES (:token_hash, :person_id, :organisation_id, :role, :expires_at, :factor_until)`, r)
		if err != nil {
			return fmt.Errorf("insert session: %w", err)
		}
		return nil
	}
}

func extendSession(ctx context.Context, hash []byte, until time.Time) func(*sqlx.Tx) error {
	return func(tx *sqlx.Tx) error {
		return run(ctx, tx, `UPDATE session SET expires_at = $1 WHERE token_hash = $2 AND expires_at < $1`, until, hash)
	}
}

func moveSession(ctx context.Context, hash []byte, m Membership) func(*sqlx.Tx) error {
	return func(tx *sqlx.Tx) error {
		return run(ctx, tx, `UPDATE session SET organisation_id = $1, role = $2,
			factor_until = CASE WHEN $2 = 'bidder' THEN NULL ELSE factor_until END WHERE token_hash = $3`,
			m.OrganisationID, m.Role, hash)
	}
}

func deleteSession(ctx context.Context, hash []byte) func(*sqlx.Tx) error {
	return func(tx *sqlx.Tx) error { return run(ctx, tx, `DELETE FROM session WHERE token_hash = $1`, hash) }
}

// deleteSessions ends a person's sessions but keep (nil keeps none).
func deleteSessions(ctx context.Context, tx *evidence.Tx, personID string, keep []byte) error {
	return run(ctx, tx, `DELETE FROM session WHERE person_id = $1 AND token_hash IS DISTINCT FROM $2`, personID, keep)
}

func sweep(ctx context.Context, tx *sqlx.Tx, now time.Time) (n int64, err error) {
	for _, query := range []string{
		`DELETE FROM session WHERE expires_at <= $1`,
		`DELETE FROM login_failure WHERE forget_at <= $1`,
		`DELETE FROM idempotency WHERE expires_at <= $1`,
		`DELETE FROM spent WHERE forget_at <= $1`,
	} {
		res, err := tx.ExecContext(ctx, query, now)
		if err != nil {
			return 0, fmt.Errorf("sweep: %w", err)
		}
		rows, err := res.RowsAffected()
		if err != nil {
			return 0, fmt.Errorf("sweep: %w", err)
		}
		n += rows
	}
	return n, nil
}

type vaultRow struct {
	PersonID string `db:"person_id"`
	ETag     string `db:"etag"`
	Blob     []byte `db:"blob"`
}

func insertVault(ctx context.Context, tx *evidence.Tx, r vaultRow) error {
	return run(ctx, tx, `INSERT INTO vault (person_id, etag, blob) VALUES ($1, $2, $3) ON CONFLICT (person_id) DO NOTHING`,
		r.PersonID, r.ETag, r.Blob)
}

func readVault(ctx context.Context, db sqlx.QueryerContext, personID string) (r vaultRow, err error) {
	err = one(ctx, db, &r, errNoVault(), `SELECT person_id, etag, blob FROM vault WHERE CAST(person_id AS text) = $1`, personID)
	return r, err
}

func lockVault(ctx context.Context, tx *sqlx.Tx, personID string) (etag string, err error) {
	err = one(ctx, tx, &etag, errNoVault(), `SELECT etag FROM vault WHERE CAST(person_id AS text) = $1 FOR UPDATE`, personID)
	return etag, err
}

// lockDecoys takes other vaults that nobody is writing; it never waits, so two
// saves cannot lock each other out.
func lockDecoys(ctx context.Context, tx *sqlx.Tx, personID string) ([]vaultRow, error) {
	var rows []vaultRow
	err := tx.SelectContext(ctx, &rows, `SELECT person_id, etag, blob FROM vault WHERE person_id IN (
			SELECT person_id FROM vault WHERE CAST(person_id AS text) <> $1 ORDER BY random() LIMIT $2)
		FOR UPDATE SKIP LOCKED`, personID, vaultDecoys)
	if err != nil {
		return nil, fmt.Errorf("choose decoys: %w", err)
	}
	return rows, nil
}

func writeVault(ctx context.Context, tx *sqlx.Tx, r vaultRow) error {
	return run(ctx, tx, `UPDATE vault SET etag = $1, blob = $2 WHERE person_id = $3`, r.ETag, r.Blob, r.PersonID)
}
