-- Three administrators instead of one (三员分立), grants by two persons, suspended organisations, imports, holiday notices.
-- +goose Up
ALTER TABLE membership DROP CONSTRAINT membership_role;
-- A new name for a code, not an act of anybody: no event tells of it, so the trigger stands aside for this statement.
ALTER TABLE membership DISABLE TRIGGER on_record;
UPDATE membership SET role = 'system_admin' WHERE role = 'admin';
ALTER TABLE membership ENABLE TRIGGER on_record;
UPDATE session SET role = 'system_admin' WHERE role = 'admin';
ALTER TABLE membership ADD CONSTRAINT membership_role CHECK (role IN ('buyer','agency','bidder','expert','supervisor','general_supervisor',
  'discipline_inspector','witness_officer','centre','notary','system_admin','security_admin','audit_admin'));
-- Nobody holds two of the three, nor one of them twice.
CREATE UNIQUE INDEX membership_one_administrator ON membership (person_id) WHERE role IN ('system_admin','security_admin','audit_admin');
GRANT DELETE ON membership TO jianbiao_app;

-- A password that somebody else chose is good for one login, to change it.
ALTER TABLE person ADD COLUMN password_once boolean NOT NULL DEFAULT false;
ALTER TABLE organisation ADD COLUMN suspended_at timestamptz, ADD COLUMN suspended_reason text,
  ADD CONSTRAINT organisation_suspended_reason CHECK ((suspended_at IS NULL) = (suspended_reason IS NULL));
CREATE INDEX organisation_by_name ON organisation (name);

-- A role that one administrator asks for and another grants.
CREATE TABLE grant_request (
  id              uuid PRIMARY KEY,
  person_id       uuid NOT NULL REFERENCES person (id),
  organisation_id uuid NOT NULL REFERENCES organisation (id),
  role            text NOT NULL,
  region          text NOT NULL,
  state           text NOT NULL DEFAULT 'pending',
  requested_by    uuid NOT NULL REFERENCES person (id),
  requested_at    timestamptz NOT NULL,
  decided_by      uuid REFERENCES person (id),
  decided_at      timestamptz,
  reason          text,
  CONSTRAINT grant_request_state CHECK (state IN ('pending','approved','rejected')),
  CONSTRAINT grant_request_region_form CHECK (region ~ '^[0-9]{6}$'),
  CONSTRAINT grant_request_decided CHECK ((state = 'pending') = (decided_at IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
  CONSTRAINT grant_request_two_persons CHECK (decided_by <> requested_by)
);
CREATE UNIQUE INDEX grant_request_pending ON grant_request (person_id, organisation_id, role) WHERE state = 'pending';
CALL put_on_record('grant_request');
GRANT SELECT, INSERT, UPDATE ON grant_request TO jianbiao_app;

-- An import of organisations as it was applied; the rows themselves stand in organisation and in the events.
CREATE TABLE organisation_import (
  id         uuid PRIMARY KEY,
  name       text NOT NULL,
  digest     text NOT NULL,
  rows       integer NOT NULL,
  entered    integer NOT NULL,
  refused    integer NOT NULL,
  result     bytea NOT NULL, -- CSV for people: each row and what became of it
  created_by uuid NOT NULL REFERENCES person (id),
  created_at timestamptz NOT NULL,
  CONSTRAINT organisation_import_counts CHECK (rows = entered + refused)
);
CALL put_on_record('organisation_import');
GRANT SELECT, INSERT ON organisation_import TO jianbiao_app;

-- Holiday notices (放假通知) that were imported; the calendar is what the program brings, with the newest approved notice of each year over it.
CREATE TABLE holiday_notice (
  id          uuid PRIMARY KEY,
  year        integer NOT NULL,
  version     integer NOT NULL,
  title       text NOT NULL,
  number      text NOT NULL, -- 发文字号
  text        text NOT NULL,
  digest      text NOT NULL,
  days        bytea NOT NULL, -- workday.File as JSON
  state       text NOT NULL DEFAULT 'pending',
  proposed_by uuid NOT NULL REFERENCES person (id),
  proposed_at timestamptz NOT NULL,
  decided_by  uuid REFERENCES person (id),
  decided_at  timestamptz,
  reason      text,
  effect      bigint, -- order in which notices took effect
  CONSTRAINT holiday_notice_version UNIQUE (year, version),
  CONSTRAINT holiday_notice_effect_unique UNIQUE (effect),
  CONSTRAINT holiday_notice_state CHECK (state IN ('pending','approved','rejected')),
  CONSTRAINT holiday_notice_decided CHECK ((state = 'pending') = (decided_at IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
  CONSTRAINT holiday_notice_in_effect CHECK ((state = 'approved') = (effect IS NOT NULL)),
  CONSTRAINT holiday_notice_two_persons CHECK (decided_by <> proposed_by)
);
CREATE UNIQUE INDEX holiday_notice_pending ON holiday_notice (year) WHERE state = 'pending';
CALL put_on_record('holiday_notice');
GRANT SELECT, INSERT, UPDATE ON holiday_notice TO jianbiao_app;

-- What the audit administrator reads, newest first.
CREATE INDEX event_administration ON event (at DESC, id DESC)
  WHERE stream LIKE 'person/%' OR stream LIKE 'organisation/%' OR stream LIKE 'import/%' OR stream LIKE 'holidays/%' OR stream LIKE 'platform/%';
