#!/usr/bin/env bash
# Fails when a generated file is not what the code generates, and when a document
# names what is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
before=$(git status --porcelain docs)
bash scripts/gen.sh
[ "$before" = "$(git status --porcelain docs)" ] || { echo "generated files are stale: run make gen and commit" >&2; git --no-pager diff --stat docs; exit 1; }
bash scripts/check-docs.sh
