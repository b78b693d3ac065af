-- Up to the contract: projects, lots, documents, notices, sealed bids and their opening.
-- +goose Up
CREATE TABLE project (
  id                  uuid PRIMARY KEY,
  code                text NOT NULL,
  name                text NOT NULL,
  kind                text NOT NULL,
  compulsory          boolean NOT NULL,
  region              text NOT NULL,
  buyer_id            uuid NOT NULL REFERENCES organisation (id),
  agency_id           uuid REFERENCES organisation (id),
  approval_number     text NOT NULL,
  approval_authority  text NOT NULL,
  created_at          timestamptz NOT NULL,
  CONSTRAINT project_code_unique UNIQUE (code),
  CONSTRAINT project_kind CHECK (kind IN ('ENG')),
  CONSTRAINT project_region_form CHECK (region ~ '^[0-9]{6}$')
);
CREATE TABLE lot (
  id               uuid PRIMARY KEY,
  project_id       uuid NOT NULL REFERENCES project (id),
  code             text NOT NULL,
  name             text NOT NULL,
  state            text NOT NULL,
  version          integer NOT NULL DEFAULT 1,
  estimate         numeric NOT NULL,
  price_ceiling    numeric,
  document_version integer NOT NULL DEFAULT 0,
  published_at     timestamptz,
  sale_end         timestamptz,
  bid_deadline     timestamptz,
  suspended_since  timestamptz,
  suspended_reason text,
  cutoff_key       text,
  opening_key      text,
  vrf_key          text,
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  CONSTRAINT lot_code_unique UNIQUE (code),
  CONSTRAINT lot_state CHECK (state IN ('drafting','published','cut_off','opened','failed','terminated')),
  CONSTRAINT lot_amounts CHECK (estimate > 0 AND (price_ceiling IS NULL OR price_ceiling > 0)),
  CONSTRAINT lot_published_complete CHECK (state IN ('drafting','terminated')
    OR (published_at IS NOT NULL AND bid_deadline IS NOT NULL AND cutoff_key IS NOT NULL AND opening_key IS NOT NULL AND vrf_key IS NOT NULL)),
  CONSTRAINT lot_suspended_reason CHECK ((suspended_since IS NULL) = (suspended_reason IS NULL))
);
CREATE INDEX lot_by_deadline ON lot (bid_deadline) WHERE state = 'published';
CREATE TABLE document (
  lot_id     uuid NOT NULL REFERENCES lot (id),
  version    integer NOT NULL,
  body       bytea NOT NULL,
  digest     text NOT NULL,
  issued_at  timestamptz,
  PRIMARY KEY (lot_id, version)
);
CREATE TABLE document_file (
  id         uuid PRIMARY KEY,
  lot_id     uuid NOT NULL REFERENCES lot (id),
  name       text NOT NULL,
  media      text NOT NULL,
  size       bigint NOT NULL,
  sm3        text NOT NULL,
  removed_at timestamptz,
  CONSTRAINT document_file_size CHECK (size > 0)
);
CREATE TABLE notice (
  lot_id       uuid NOT NULL REFERENCES lot (id),
  number       integer NOT NULL,
  kind         text NOT NULL,
  title        text NOT NULL,
  body         text NOT NULL,
  digest       text NOT NULL,
  published_at timestamptz NOT NULL,
  PRIMARY KEY (lot_id, number)
);

-- A sealed envelope (密封投标文件) until the cut-off: no lot, no owner, no time finer than the day, no order.
CREATE TABLE envelope (
  id         uuid PRIMARY KEY,
  stored_on  date NOT NULL,
  size_class bigint NOT NULL,
  digest     text NOT NULL,
  prefix     bytea NOT NULL, -- the first bytes of the file, on which a lot's cut-off key is tried
  tag        bytea NOT NULL, -- HMAC under a secret of the lot's: refuses two versions of one number, links nothing
  CONSTRAINT envelope_digest_unique UNIQUE (digest),
  CONSTRAINT envelope_tag_unique UNIQUE (tag)
);
-- A firm's signing keys made in its vault; a bid's owner is who signed with one of them. (CA certificates come beside them.)
CREATE TABLE firm_key (
  organisation_id uuid NOT NULL REFERENCES organisation (id),
  public_key      text NOT NULL,
  registered_on   date NOT NULL,
  PRIMARY KEY (organisation_id, public_key)
);

-- The bids of a lot, made at its cut-off from the envelopes that are its own.
CREATE TABLE bid (
  lot_id          uuid NOT NULL REFERENCES lot (id),
  digest          text NOT NULL,
  envelope_id     uuid NOT NULL,
  number          integer NOT NULL,
  size            bigint NOT NULL,
  header          bytea NOT NULL,
  one_time_key    text NOT NULL,
  sealed_checked_at timestamptz,
  organisation_id uuid,
  organisation    text,
  uscc            text,
  owner           bytea,
  part_state      text NOT NULL DEFAULT 'waiting',
  parts           bytea,
  released_at     timestamptz,
  attempts        integer NOT NULL DEFAULT 0,
  failure_reason  text,
  outcome         text,
  outcome_reason  text,
  price           numeric,
  form            bytea,
  flags           text[] NOT NULL DEFAULT '{}',
  row_no          integer,
  no_objection_at timestamptz,
  confirmed_at    timestamptz,
  confirmation    text,
  PRIMARY KEY (lot_id, digest),
  CONSTRAINT bid_part_state CHECK (part_state IN ('waiting','released','failed')),
  CONSTRAINT bid_outcome CHECK (outcome IS NULL OR outcome IN ('opened','revoked','withdrawn','undecided')),
  CONSTRAINT bid_one_time_key_unique UNIQUE (lot_id, one_time_key)
);
-- A file of an opened bid, stored under id.
CREATE TABLE bid_file (
  id      uuid PRIMARY KEY,
  lot_id  uuid NOT NULL,
  digest  text NOT NULL,
  section text NOT NULL,
  position integer NOT NULL,
  name    text NOT NULL,
  media   text NOT NULL,
  size    bigint NOT NULL,
  sm3     text NOT NULL,
  CONSTRAINT bid_file_bid FOREIGN KEY (lot_id, digest) REFERENCES bid (lot_id, digest),
  CONSTRAINT bid_file_place UNIQUE (lot_id, digest, section, position)
);
CREATE TABLE opening (
  lot_id              uuid PRIMARY KEY REFERENCES lot (id),
  state               text NOT NULL,
  version             integer NOT NULL DEFAULT 1,
  scheduled_at        timestamptz NOT NULL,
  cutoff_at           timestamptz,
  cutoff_count        integer,
  cutoff_digest       text,
  started_at          timestamptz,
  seal_check_until    timestamptz,
  roster_at           timestamptz,
  decrypt_from        timestamptz,
  decrypt_until       timestamptz,
  closed_window_at    timestamptz,
  objection_from      timestamptz,
  objection_until     timestamptz,
  confirm_from        timestamptz,
  confirm_until       timestamptz,
  closed_at           timestamptz,
  paused_since        timestamptz,
  pause_reason        text,
  missing_receipts    integer NOT NULL DEFAULT 0,
  postponed_reason    text,
  coefficient         bytea,
  host_confirmed_at   timestamptz,
  record              bytea,
  record_digest       text,
  CONSTRAINT opening_state CHECK (state IN ('scheduled','lobby_open','started','roster_published','decrypting','decrypt_closed',
    'imported','announcing','objection_window','record_confirming','closed','aborted_lt3','postponed','reconvened')),
  CONSTRAINT opening_pause_reason CHECK ((paused_since IS NULL) = (pause_reason IS NULL))
);
CREATE TABLE opening_objection (
  id          uuid PRIMARY KEY,
  lot_id      uuid NOT NULL REFERENCES lot (id),
  digest      text NOT NULL,
  text        text NOT NULL,
  raised_at   timestamptz NOT NULL,
  answer      text,
  answered_by text,
  answered_at timestamptz,
  CONSTRAINT opening_objection_bid FOREIGN KEY (lot_id, digest) REFERENCES bid (lot_id, digest),
  CONSTRAINT opening_objection_answer CHECK ((answer IS NULL) = (answered_at IS NULL))
);
CREATE TABLE opening_remark (
  id     uuid PRIMARY KEY,
  lot_id uuid NOT NULL REFERENCES lot (id),
  at     timestamptz NOT NULL,
  person text NOT NULL,
  organisation text NOT NULL,
  role   text NOT NULL,
  text   text NOT NULL
);
CREATE TABLE opening_pause (
  lot_id uuid NOT NULL REFERENCES lot (id),
  from_at timestamptz NOT NULL,
  until_at timestamptz,
  reason text NOT NULL,
  outage boolean NOT NULL DEFAULT false,
  PRIMARY KEY (lot_id, from_at)
);

CALL put_on_record('project');
CALL put_on_record('lot');
CALL put_on_record('document');
CALL put_on_record('document_file');
CALL put_on_record('notice');
CALL put_on_record('envelope');
CALL put_on_record('bid');
CALL put_on_record('firm_key');
CALL put_on_record('bid_file');
CALL put_on_record('opening');
CALL put_on_record('opening_objection');
CALL put_on_record('opening_remark');
CALL put_on_record('opening_pause');

GRANT SELECT, INSERT, UPDATE ON project, lot, document, document_file, notice, bid, bid_file, firm_key, opening, opening_objection, opening_remark, opening_pause TO jianbiao_app;
GRANT SELECT, INSERT, DELETE ON envelope TO jianbiao_app;
