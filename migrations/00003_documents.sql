-- Before the deadline: versions of the document, questions, objections, causes of a suspension, checks of periods, re-tender.
-- +goose Up
ALTER TABLE lot ADD COLUMN predecessor_id uuid REFERENCES lot (id);
ALTER TABLE lot ADD COLUMN attempt integer NOT NULL DEFAULT 1; -- 第 n 次招标
ALTER TABLE lot ADD CONSTRAINT lot_predecessor_unique UNIQUE (predecessor_id);
ALTER TABLE lot ADD CONSTRAINT lot_attempt CHECK ((predecessor_id IS NULL AND attempt = 1) OR (predecessor_id IS NOT NULL AND attempt > 1));

-- A version after the first is a clarification (澄清、修改).
ALTER TABLE document ADD COLUMN changes text NOT NULL DEFAULT '';
ALTER TABLE document ADD COLUMN affects_preparation boolean NOT NULL DEFAULT false;
ALTER TABLE document ADD COLUMN answers integer NOT NULL DEFAULT 0;
ALTER TABLE document_file ADD COLUMN issued_in integer; -- the first version that has the file; NULL: nobody but the host sees it
ALTER TABLE document_file DISABLE TRIGGER on_record;
UPDATE document_file f SET issued_in = 1 FROM lot l WHERE l.id = f.lot_id AND l.published_at IS NOT NULL;
ALTER TABLE document_file ENABLE TRIGGER on_record;

-- A question about the document (提问、询问). asker is a MAC under a secret of the lot's that the database does not have,
-- and of the time there is the day: who prepares a bid is nobody's business.
CREATE TABLE question (
  id          uuid PRIMARY KEY,
  lot_id      uuid NOT NULL REFERENCES lot (id),
  asker       bytea NOT NULL,
  text        text NOT NULL,
  asked_on    date NOT NULL,
  answer      text,
  answered_in integer,
  CONSTRAINT question_answer CHECK ((answer IS NULL) = (answered_in IS NULL)),
  CONSTRAINT question_version FOREIGN KEY (lot_id, answered_in) REFERENCES document (lot_id, version)
);
CREATE INDEX question_by_lot ON question (lot_id);

-- An objection to the document (异议), or a challenge (质疑) in government procurement. name is there only if it was signed.
CREATE TABLE document_objection (
  id          uuid PRIMARY KEY,
  lot_id      uuid NOT NULL REFERENCES lot (id),
  kind        text NOT NULL,
  objector    bytea NOT NULL,
  name        text,
  subject     text NOT NULL,
  text        text NOT NULL,
  received_at timestamptz NOT NULL,
  due_at      timestamptz NOT NULL,
  answer      text,
  answered_by text,
  answered_at timestamptz,
  CONSTRAINT document_objection_kind CHECK (kind IN ('objection','challenge')),
  CONSTRAINT document_objection_signed CHECK (kind <> 'challenge' OR name IS NOT NULL),
  CONSTRAINT document_objection_answer CHECK ((answer IS NULL) = (answered_at IS NULL) AND (answer IS NULL) = (answered_by IS NULL))
);
CREATE INDEX document_objection_by_lot ON document_objection (lot_id);

-- Why a lot is suspended; it goes on when no cause stands. lot.suspended_since is the beginning of the oldest open one.
CREATE TABLE suspension (
  id           uuid PRIMARY KEY,
  lot_id       uuid NOT NULL REFERENCES lot (id),
  cause        text NOT NULL,
  reason       text NOT NULL,
  order_number text,
  objection_id uuid REFERENCES document_objection (id),
  by_name      text NOT NULL,
  from_at      timestamptz NOT NULL,
  until_at     timestamptz,
  CONSTRAINT suspension_cause CHECK (cause IN ('objection','authority','host','deadline')),
  CONSTRAINT suspension_order CHECK ((cause = 'authority') = (order_number IS NOT NULL)),
  CONSTRAINT suspension_objection CHECK ((cause = 'objection') = (objection_id IS NOT NULL))
);
CREATE INDEX suspension_by_lot ON suspension (lot_id);
INSERT INTO suspension (id, lot_id, cause, reason, by_name, from_at)
  SELECT gen_random_uuid(), id, 'host', suspended_reason, '', suspended_since FROM lot WHERE suspended_since IS NOT NULL;

-- Each check of a statutory period (时限校验记录); a later one never replaces an earlier one.
CREATE TABLE period_check (
  id         uuid PRIMARY KEY,
  lot_id     uuid NOT NULL REFERENCES lot (id),
  place      integer NOT NULL,
  rule       text NOT NULL,
  name       text NOT NULL,
  basis      text NOT NULL,
  from_at    timestamptz NOT NULL,
  until_at   timestamptz NOT NULL,
  bound      text NOT NULL,
  ok         boolean NOT NULL,
  version    integer NOT NULL, -- of the document
  cause      text NOT NULL,    -- the command after which it was checked
  checked_at timestamptz NOT NULL,
  CONSTRAINT period_check_place UNIQUE (lot_id, place)
);

CALL put_on_record('question');
CALL put_on_record('document_objection');
CALL put_on_record('suspension');
CALL put_on_record('period_check');
GRANT SELECT, INSERT, UPDATE ON question, document_objection, suspension TO jianbiao_app;
GRANT SELECT, INSERT ON period_check TO jianbiao_app;
