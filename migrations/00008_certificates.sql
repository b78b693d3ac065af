-- Certificates (数字证书) with which people log in and sign, and the second factor (第二验证) of people who act for others.
-- +goose Up
-- Which certificate is whose. Times are days: a row does not say when somebody was here.
CREATE TABLE certificate (
  id              uuid PRIMARY KEY,
  person_id       uuid NOT NULL REFERENCES person (id),
  organisation_id uuid NOT NULL REFERENCES organisation (id),
  kind            text NOT NULL,
  algorithm       text NOT NULL,
  fingerprint     text NOT NULL,
  serial          text NOT NULL,
  issuer          text NOT NULL,
  subject         text NOT NULL,
  der             bytea NOT NULL,
  not_before      timestamptz NOT NULL,
  not_after       timestamptz NOT NULL,
  bound_at        timestamptz NOT NULL,
  revoked_at      timestamptz,
  CONSTRAINT certificate_kind CHECK (kind IN ('organisation', 'person')),
  CONSTRAINT certificate_algorithm CHECK (algorithm IN ('SM2', 'P-256', 'RSA')),
  CONSTRAINT certificate_size CHECK (octet_length(der) BETWEEN 1 AND 8192)
);
CREATE UNIQUE INDEX certificate_bound_once ON certificate (fingerprint) WHERE revoked_at IS NULL;
CREATE INDEX certificate_person ON certificate (person_id);
CALL put_on_record('certificate');

-- The secret of a person's authenticator (动态口令), hidden under a key that is not in the database.
CREATE TABLE second_factor (
  person_id   uuid PRIMARY KEY REFERENCES person (id),
  secret      bytea NOT NULL,
  enrolled_at timestamptz NOT NULL
);
CALL put_on_record('second_factor');
CREATE TABLE recovery_code (
  person_id uuid NOT NULL REFERENCES person (id),
  hash      bytea NOT NULL,
  used_at   timestamptz,
  PRIMARY KEY (person_id, hash)
);
CALL put_on_record('recovery_code');

-- Off the record: challenges and codes that were used and must not be used again. A hash says neither whose nor when.
CREATE TABLE spent (
  hash      bytea PRIMARY KEY,
  forget_at timestamptz NOT NULL
);
-- Until when a sensitive act needs no new proof. Never set for a session of a bidder.
ALTER TABLE session ADD COLUMN factor_until timestamptz;

GRANT SELECT, INSERT, UPDATE ON certificate TO jianbiao_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON second_factor, recovery_code, spent TO jianbiao_app;
