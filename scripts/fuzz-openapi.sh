#!/usr/bin/env bash
# Asks a rehearsal instance of its own everything that /openapi.json allows and much that it does not, in every role.
# FUZZ_REQUESTS (100000) in all, FUZZ_SEED to do a run again, FUZZ_WORKERS (8) at once. What it may not ask, because the run would end: -careful.
# Afterwards everything that was stored must still follow from the record (jianbiao check).
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/jianbiao-fuzz.XXXXXX")
server=
finish() {
  [ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
  rm -rf "$work"
}
trap finish EXIT

binary=${JIANBIAO_BIN:-$work/jianbiao}
[ -n "${JIANBIAO_BIN:-}" ] || CGO_ENABLED=0 go build -trimpath -o "$binary" ./server
CGO_ENABLED=0 go build -trimpath -o "$work/apifuzz" ./server/apifuzz

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
DATABASE_URL='' "$binary" serve --rehearsal --data "$work/data" --addr "127.0.0.1:$port" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 180); do
  curl -sf "http://127.0.0.1:$port/api/health" >/dev/null && break
  kill -0 "$server" || { cat "$work/log"; exit 1; }
  sleep 0.5
done

failed=0
"$work/apifuzz" -url "http://127.0.0.1:$port" -requests "${FUZZ_REQUESTS:-100000}" -workers "${FUZZ_WORKERS:-8}" ${FUZZ_SEED:+-seed "$FUZZ_SEED"} || failed=$?
if [ "$failed" != 0 ]; then
  echo "faults in the server's log:"
  grep -E '"level":"(ERROR|WARN)"|^panic|goroutine' "$work/log" | head -40 || true
fi
kill "$server" && wait "$server" || true
server=
"$binary" check --data "$work/data" || failed=1
exit "$failed"
