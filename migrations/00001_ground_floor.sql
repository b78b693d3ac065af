-- The ground floor: legal time, evidence, people, and the tables that live off the record.
-- +goose Up
-- +goose StatementBegin
DO $$
BEGIN
  CREATE ROLE jianbiao_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- roles belong to the cluster; another database of it made the role first
END $$;
GRANT jianbiao_app TO CURRENT_USER;
-- +goose StatementEnd

-- Legal time (授时). One row: legal = base_legal + (real now - base_real) * rate. Production keeps base_legal = base_real, rate = 1.
CREATE TABLE legal_clock (
  only_row   boolean PRIMARY KEY DEFAULT true,
  base_legal timestamptz NOT NULL,
  base_real  timestamptz NOT NULL,
  rate       numeric NOT NULL,
  CONSTRAINT legal_clock_only_row CHECK (only_row),
  CONSTRAINT legal_clock_rate_sane CHECK (rate BETWEEN 0 AND 1000000)
);
INSERT INTO legal_clock (base_legal, base_real, rate) VALUES ('2000-01-01Z', '2000-01-01Z', 1);

-- +goose StatementBegin
CREATE FUNCTION legal_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT base_legal + (clock_timestamp() - base_real) * rate::double precision FROM legal_clock
$$;
-- +goose StatementEnd

-- Evidence (留痕). docs/spec/evidence-leaf.md is the specification of body, blind and commitment.
CREATE TABLE event (
  id          uuid PRIMARY KEY,
  stream      text NOT NULL,
  seq         bigint NOT NULL,
  kind        text NOT NULL,
  at          timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  body        bytea NOT NULL,
  blind       bytea NOT NULL,
  commitment  bytea NOT NULL,
  CONSTRAINT event_stream_seq UNIQUE (stream, seq),
  CONSTRAINT event_seq_positive CHECK (seq > 0),
  CONSTRAINT event_blind_length CHECK (octet_length(blind) = 32),
  CONSTRAINT event_commitment_length CHECK (octet_length(commitment) = 32)
);
-- One commitment a field; the order of position is the order of the leaves under the body's root.
CREATE TABLE event_field (
  event_id   uuid NOT NULL REFERENCES event (id),
  position   smallint NOT NULL,
  name       text NOT NULL,
  commitment bytea NOT NULL,
  PRIMARY KEY (event_id, position),
  CONSTRAINT event_field_name UNIQUE (event_id, name)
);
-- Values and salts. May be erased when the retention period has run, with an event; the commitments stay.
CREATE TABLE event_opening (
  event_id uuid NOT NULL REFERENCES event (id),
  name     text NOT NULL,
  value    bytea NOT NULL,
  salt     bytea NOT NULL,
  PRIMARY KEY (event_id, name),
  CONSTRAINT event_opening_salt CHECK (octet_length(salt) = 32)
);
-- The last seq of each stream; its row lock makes seq gapless in commit order.
CREATE TABLE stream_head (
  stream text PRIMARY KEY,
  seq    bigint NOT NULL
);
-- +goose StatementBegin
CREATE FUNCTION evidence_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'evidence is append-only: % on % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
  FOR EACH STATEMENT EXECUTE FUNCTION evidence_is_append_only();
CREATE TRIGGER event_field_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_field
  FOR EACH STATEMENT EXECUTE FUNCTION evidence_is_append_only();
CREATE TRIGGER event_opening_no_rewrite BEFORE UPDATE OR TRUNCATE ON event_opening
  FOR EACH STATEMENT EXECUTE FUNCTION evidence_is_append_only();

-- Promise 1 held by the database: a transaction that touches a table on the record and inserts no event fails at its commit.
-- +goose StatementBegin
CREATE FUNCTION evidence_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('jianbiao.recorded', pg_current_xact_id()::text, true);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER event_note AFTER INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION evidence_note();
-- +goose StatementBegin
CREATE FUNCTION evidence_required() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('jianbiao.recorded', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
    RAISE EXCEPTION 'off the record: % on % without an event', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE PROCEDURE put_on_record(name regclass) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE CONSTRAINT TRIGGER on_record AFTER INSERT OR UPDATE OR DELETE ON %s
                  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evidence_required()', name);
END $$;
-- +goose StatementEnd
CALL put_on_record('legal_clock');
CALL put_on_record('event_opening');

-- Organisations (单位) and people.
CREATE TABLE organisation (
  id           uuid PRIMARY KEY,
  uscc         text NOT NULL,
  name         text NOT NULL,
  region       text NOT NULL,
  certified_at timestamptz,
  created_at   timestamptz NOT NULL,
  CONSTRAINT organisation_uscc_unique UNIQUE (uscc),
  CONSTRAINT organisation_uscc_form CHECK (uscc ~ '^[0-9A-HJ-NPQRTUWXY]{18}$'),
  CONSTRAINT organisation_region_form CHECK (region ~ '^[0-9]{6}$')
);
CREATE TABLE person (
  id            uuid PRIMARY KEY,
  login         text NOT NULL,
  name          text NOT NULL,
  password_hash text NOT NULL,
  disabled_at   timestamptz,
  created_at    timestamptz NOT NULL,
  rehearsal     boolean NOT NULL DEFAULT false,
  CONSTRAINT person_login_unique UNIQUE (login)
);
CREATE TABLE membership (
  person_id       uuid NOT NULL REFERENCES person (id),
  organisation_id uuid NOT NULL REFERENCES organisation (id),
  role            text NOT NULL,
  region          text NOT NULL,
  PRIMARY KEY (person_id, organisation_id, role),
  CONSTRAINT membership_role CHECK (role IN ('buyer','agency','bidder','expert','supervisor','general_supervisor',
    'discipline_inspector','witness_officer','centre','notary','admin')),
  CONSTRAINT membership_region_form CHECK (region ~ '^[0-9]{6}$')
);
CALL put_on_record('organisation');
CALL put_on_record('person');
CALL put_on_record('membership');

-- Off the record, an allow-list (evidence.OffRecordTables): sessions, lock-out counters, idempotency answers, vaults, job runs.
CREATE TABLE session (
  token_hash      bytea PRIMARY KEY,
  person_id       uuid NOT NULL REFERENCES person (id),
  organisation_id uuid NOT NULL,
  role            text NOT NULL,
  expires_at      timestamptz NOT NULL
);
CREATE TABLE login_failure (
  login        text PRIMARY KEY,
  failures     integer NOT NULL,
  locked_until timestamptz,
  forget_at    timestamptz NOT NULL
);
CREATE TABLE idempotency (
  person_id  uuid NOT NULL,
  key        text NOT NULL,
  request    bytea NOT NULL,
  status     integer NOT NULL,
  answer     bytea NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (person_id, key)
);
CREATE TABLE vault (
  person_id uuid PRIMARY KEY REFERENCES person (id),
  etag      text NOT NULL,
  blob      bytea NOT NULL
);
CREATE TABLE job_run (
  job        text PRIMARY KEY,
  started_at timestamptz NOT NULL,
  ended_at   timestamptz,
  done       integer NOT NULL DEFAULT 0,
  error      text
);

GRANT USAGE ON SCHEMA public TO jianbiao_app;
GRANT SELECT, INSERT ON event, event_field TO jianbiao_app;
GRANT SELECT, INSERT, DELETE ON event_opening TO jianbiao_app;
GRANT SELECT, INSERT, UPDATE ON stream_head, legal_clock, organisation, person, membership TO jianbiao_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON session, login_failure, idempotency, vault, job_run TO jianbiao_app;
