#!/usr/bin/env bash
# Every test of the project. The last line says how long it took.
set -euo pipefail
cd "$(dirname "$0")/.."
began=$SECONDS
finish() {
  local code=$?
  go run ./internal/database/pgtest/testdb stop >/dev/null 2>&1 || true
  if [ $code -eq 0 ]; then echo "make test: all tests passed in $((SECONDS - began)) s"; else echo "make test: FAILED after $((SECONDS - began)) s"; fi
  exit $code
}
trap finish EXIT

step() { echo "== $1 ($((SECONDS - began)) s)"; }
step "dependencies"
bash scripts/deps.sh
step "build"
make --no-print-directory build
step "Go: vet"
go vet ./...
step "Go: tests with the race detector"
go test -race -timeout 40m ./...
step "web: types and unit tests"
(cd server/web && npm run --silent typecheck && npm run --silent test)
step "web: size of the bundles"
(cd server/web && npm run --silent bundle)
step "browser"
(cd server/web && npm run --silent e2e)
