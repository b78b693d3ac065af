-- The head of an envelope is random to whoever has not its key: trying to compress it is lost time.
-- +goose Up
ALTER TABLE envelope ALTER COLUMN prefix SET STORAGE EXTERNAL;
