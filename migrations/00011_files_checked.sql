-- The files of opened bids are stored and checked after the reading-out table is made.
-- +goose Up
ALTER TABLE opening ADD COLUMN files_checked_at timestamptz;
