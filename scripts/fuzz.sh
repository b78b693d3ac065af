#!/usr/bin/env bash
# Throws bad input at everything that reads bytes of others. FUZZTIME (20s) for each Go target;
# FUZZ=name runs one target or step only. Stops at the first finding, which `go test` keeps under testdata/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
began=$SECONDS
time=${FUZZTIME:-20s}
only=${FUZZ:-}
step() { echo "== $1 ($((SECONDS - began)) s)"; }

# Every FuzzXxx of the module, one after the other: they use all cores by themselves.
go_targets() {
  local file target
  while IFS=: read -r file target; do
    [ -z "$only" ] || [ "$only" = "$target" ] || continue
    step "$target ($(dirname "$file"))"
    go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 5s
  done < <(git ls-files --cached --others --exclude-standard '*_test.go' | xargs grep -Eo '^func Fuzz[A-Za-z0-9_]+' | sed 's/func //' | sort)
}

# The HTTP interface as its own description tells it, in every role.
openapi() {
  [ -f scripts/fuzz-openapi.sh ] || return 0
  [ -z "$only" ] || [ "$only" = openapi ] || return 0
  step "OpenAPI"
  bash scripts/fuzz-openapi.sh
}

go_targets
openapi
step "nothing found"
