#!/bin/sh
# Builds the sealer (投标工具) for the browser: sealer.wasm and the Go runtime's
# wasm_exec.js, into the folder given (default server/web/public). The build is
# reproducible: the same source and the same Go give the same bytes, whose
# SHA-256 it prints.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-$root/server/web/public}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$root"
GOOS=js GOARCH=wasm CGO_ENABLED=0 GOFLAGS= go build -trimpath -buildvcs=false -ldflags "-s -w -buildid=" -o "$out/sealer.wasm" ./internal/seal/wasm
# Since Go 1.24 it is in lib/wasm, before in misc/wasm.
runtime=$(go env GOROOT)/lib/wasm/wasm_exec.js
[ -f "$runtime" ] || runtime=$(go env GOROOT)/misc/wasm/wasm_exec.js
cp "$runtime" "$out/wasm_exec.js"
chmod 644 "$out/wasm_exec.js"
cd "$out" && sha256sum sealer.wasm wasm_exec.js
