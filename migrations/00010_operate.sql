-- Operating it: a clock that is set back does not take legal time with it, and no stream of evidence runs backwards.
-- +goose Up
-- The latest real time that the platform has seen, kept by the heartbeat.
CREATE TABLE clock_mark (
  only_row boolean PRIMARY KEY DEFAULT true,
  seen_at  timestamptz NOT NULL,
  CONSTRAINT clock_mark_only_row CHECK (only_row)
);
INSERT INTO clock_mark (seen_at) VALUES ('2000-01-01Z');
GRANT SELECT, UPDATE ON clock_mark TO jianbiao_app;

-- Real time that stands still while the machine's clock is behind what was seen already.
-- +goose StatementBegin
CREATE FUNCTION real_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT GREATEST(clock_timestamp(), (SELECT seen_at FROM clock_mark))
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION legal_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT base_legal + (real_now() - base_real) * rate::double precision FROM legal_clock
$$;
-- +goose StatementEnd

-- The legal time of the last event of a stream. Streams of sealed bids have none.
ALTER TABLE stream_head ADD COLUMN at timestamptz;

-- The program compares the schema with what it was built for (readiness).
GRANT SELECT ON goose_db_version TO jianbiao_app;
