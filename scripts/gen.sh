#!/usr/bin/env bash
# Writes the files that are generated from code: the state tables and the list
# of events as documents, and the vectors of the evidence specification. Those
# of the bid envelope are drawn at random each time and stay as they are until
# the format changes: go test ./internal/seal -run Vectors -update
set -euo pipefail
cd "$(dirname "$0")/.."
go test ./bidding/... ./internal/evidence ./server/platform -run 'Lifecycle|Specification|Documents' -update >/dev/null
