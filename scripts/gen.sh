#!/usr/bin/env bash
# Writes the files that are generated from code: the state tables as documents
# and the vectors of the specifications.
set -euo pipefail
cd "$(dirname "$0")/.."
go test ./bidding/... ./internal/evidence ./internal/seal/... -run 'Lifecycle|Specification|Vectors' -update >/dev/null
