#!/usr/bin/env bash
# Installs what is missing on a fresh Debian with Go and Node, and does nothing
# when all is there: PostgreSQL, Chromium with Chinese fonts, the tools that
# check PDFs, the npm packages. As root (or with sudo) through apt.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else return 1; fi
}

[ ! -f scripts/deps-postgres.sh ] || bash scripts/deps-postgres.sh

packages=()
need() { command -v "$1" >/dev/null 2>&1 || packages+=("$2"); }
need chromium chromium
need pdftotext poppler-utils
need pdfsig poppler-utils
need qpdf qpdf
need git git
fc-list 2>/dev/null | grep -qi 'noto.*cjk' || packages+=(fonts-noto-cjk)
if [ "${#packages[@]}" -gt 0 ]; then
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
  echo "deps: installing ${packages[*]}"
  # The distribution's own cluster is not wanted: the platform runs one of its own.
  as_root bash -c "mkdir -p /etc/postgresql-common && { [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; }
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ${packages[*]}" >/tmp/jianbiao-deps.log 2>&1 ||
    { tail -n 20 /tmp/jianbiao-deps.log; echo "deps: could not install ${packages[*]}: install them by hand, or run as root" >&2; exit 1; }
fi
if [ ! -e server/web/node_modules/.package-lock.json ] || [ server/web/package-lock.json -nt server/web/node_modules/.package-lock.json ]; then
  (cd server/web && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json)
fi
go mod download
