-- Two-envelope tenders (双信封): an opening of two sessions, the second for the prices of the bids that passed the review of the first envelope.
-- +goose Up
ALTER TABLE opening
  ADD COLUMN session           integer NOT NULL DEFAULT 1,
  ADD COLUMN reviewed_at       timestamptz, -- the result of the review of the first envelope (第一信封评审) was recorded
  ADD COLUMN review_report     text,        -- number of the evaluation's report
  ADD COLUMN review_digest     text,        -- digest of that report
  ADD COLUMN second_noticed_at timestamptz, -- the notice of the second session went out; its time is scheduled_at
  DROP CONSTRAINT opening_state,
  ADD CONSTRAINT opening_state CHECK (state IN ('scheduled','lobby_open','started','roster_published','decrypting','decrypt_closed',
    'imported','announcing','objection_window','record_confirming','between_sessions','closed','aborted_lt3','postponed','reconvened')),
  ADD CONSTRAINT opening_session_number CHECK (session IN (1, 2)),
  ADD CONSTRAINT opening_review CHECK ((reviewed_at IS NULL) = (review_report IS NULL));
ALTER TABLE bid
  ADD COLUMN review        text,
  ADD COLUMN review_reason text,
  DROP CONSTRAINT bid_outcome,
  ADD CONSTRAINT bid_outcome CHECK (outcome IS NULL OR outcome IN ('opened','revoked','withdrawn','undecided','rejected')),
  ADD CONSTRAINT bid_review CHECK (review IS NULL OR review IN ('passed','failed'));
ALTER TABLE opening_objection ADD COLUMN session integer NOT NULL DEFAULT 1;
ALTER TABLE opening_remark ADD COLUMN session integer NOT NULL DEFAULT 1;
ALTER TABLE opening_pause ADD COLUMN session integer NOT NULL DEFAULT 1;

-- A session that is over, as everybody saw and confirmed it. It never changes again.
CREATE TABLE opening_session (
  lot_id        uuid NOT NULL REFERENCES lot (id),
  session       integer NOT NULL,
  scheduled_at  timestamptz NOT NULL,
  closed_at     timestamptz NOT NULL,
  record        bytea NOT NULL, -- what the parties confirmed, canonical JSON
  record_digest text NOT NULL,
  hall          bytea NOT NULL, -- the hall as it stood at the end, JSON
  PRIMARY KEY (lot_id, session)
);
CALL put_on_record('opening_session');
GRANT SELECT, INSERT ON opening_session TO jianbiao_app;
