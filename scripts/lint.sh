#!/usr/bin/env bash
# golangci-lint, pinned; built once into the build cache of Go.
set -euo pipefail
cd "$(dirname "$0")/.."
version=v2.15.0
bin=${XDG_CACHE_HOME:-$HOME/.cache}/jianbiao/golangci-lint-$version
if [ ! -x "$bin" ]; then
  echo "lint: building golangci-lint $version (once)"
  dir=$(mktemp -d)
  GOFLAGS= GOBIN=$dir go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
  mkdir -p "$(dirname "$bin")" && mv "$dir/golangci-lint" "$bin" && rmdir "$dir"
fi
"$bin" run ./...
