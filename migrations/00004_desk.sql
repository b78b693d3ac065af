-- The agency's desk: government procurement beside engineering, the method of procurement, signed notices and the
-- media that carry them.
-- +goose Up
ALTER TABLE project DROP CONSTRAINT project_kind;
ALTER TABLE project
  ADD COLUMN method        text NOT NULL DEFAULT 'open',
  ADD COLUMN method_basis  text NOT NULL DEFAULT '', -- 邀请招标的批准或认定
  ADD COLUMN plan_filing   text NOT NULL DEFAULT '', -- 采购计划备案号
  ADD COLUMN intention_at  timestamptz,              -- 采购意向公开
  ADD CONSTRAINT project_kind CHECK (kind IN ('ENG','GOV')),
  ADD CONSTRAINT project_method CHECK (method IN ('open','invited')),
  ADD CONSTRAINT project_plan_filed CHECK (kind <> 'GOV' OR plan_filing <> '');

-- A notice as it was signed: canonical JSON, digest of what its readers read, signatures of the platform.
ALTER TABLE notice
  ADD COLUMN canonical      bytea,
  ADD COLUMN content_digest text,
  ADD COLUMN signature      bytea,
  ADD COLUMN period_end     timestamptz, -- 公告期限届满 (政府采购)
  ADD CONSTRAINT notice_signed_complete CHECK ((canonical IS NULL) = (signature IS NULL) AND (canonical IS NULL) = (content_digest IS NULL));

-- A medium (发布媒介) that carries a notice, and whether what it carries is the same.
CREATE TABLE notice_medium (
  lot_id       uuid NOT NULL,
  number       integer NOT NULL,
  medium       text NOT NULL,
  url          text NOT NULL,
  digest       text NOT NULL,
  equal        boolean NOT NULL,
  sent_at      timestamptz,
  verified_at  timestamptz,
  published_at timestamptz NOT NULL,
  recorded_at  timestamptz NOT NULL,
  PRIMARY KEY (lot_id, number, medium),
  CONSTRAINT notice_medium_notice FOREIGN KEY (lot_id, number) REFERENCES notice (lot_id, number)
);
CALL put_on_record('notice_medium');
GRANT SELECT, INSERT, UPDATE ON notice_medium TO jianbiao_app;
