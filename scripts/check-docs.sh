#!/usr/bin/env bash
# Fails when a document names what is not there: a file a link leads to, a path
# of the repository, a test, a make target, a command of bin/jianbiao; and when the
# list of decisions or of dependencies lacks one.
set -euo pipefail
cd "$(dirname "$0")/.."

bad=0
complain() { echo "$1: $2" >&2; bad=1; }

mapfile -t documents < <(git ls-files --cached --others --exclude-standard '*.md' | grep -v node_modules | sort -u)
targets=$(sed -n 's/^\([a-z0-9-]\+\):.*/\1/p' Makefile)
commands=$(sed -n 's/^\t{"\([a-z]\+\)", ".*/\1/p' server/main.go)
tests=$(git ls-files --cached --others --exclude-standard '*_test.go' | xargs grep -ho '^func \(Test\|Fuzz\|Benchmark\)[A-Za-z0-9_]*' | cut -d' ' -f2 | sort -u)

has() { grep -qxF -- "$2" <<<"$1"; }

# there PATH: it exists; a star is a pattern, and the name of something in a Go
# package may follow its path (server/live.Hub).
there() {
	local path=${1#./}
	compgen -G "$path" >/dev/null || { [[ ${path##*/} == ?*.[A-Z]* ]] && compgen -G "${path%.*}" >/dev/null; }
}

for d in "${documents[@]}"; do
	[ -e "$d" ] || continue # deleted, and not yet committed
	dir=$(dirname "$d")
	# Links to files, without their anchors.
	while read -r link; do
		[ -e "$dir/${link%%#*}" ] || complain "$d" "link to $link leads nowhere"
	done < <(grep -oP '\]\(\K[^)#:][^):]*(?=\))' "$d" || true)
	# Paths in code type, from the root of the repository.
	while read -r path; do
		there "${path%/}" || complain "$d" "there is no $path"
	done < <(grep -oP '`\K(?:\./)?(?:internal|bidding|evaluation|supervision|reports|server|migrations|scripts|docs|\.ci)/[A-Za-z0-9_./*-]*(?=`)' "$d" || true)
	# Packages in commands.
	while read -r path; do
		there "${path%%/...}" || complain "$d" "there is no $path"
	done < <(grep -oP '(?<=\s)\./(?:internal|bidding|evaluation|supervision|reports|server|migrations)[A-Za-z0-9_./]*' "$d" || true)
	while read -r test; do
		has "$tests" "$test" || complain "$d" "there is no test $test"
	done < <(grep -oP '`\KTest[A-Za-z0-9_]+(?=`)' "$d" || true)
	while read -r target; do
		has "$targets" "$target" || complain "$d" "there is no target make $target"
	done < <(grep -oP '(`|^ *)make \K[a-z][a-z0-9-]*(?=`|$| )' "$d" || true)
	while read -r command; do
		has "$commands" "$command" || complain "$d" "there is no command jianbiao $command"
	done < <(grep -oP '(`|^ *)(bin/)?jianbiao \K[a-z]+' "$d" || true)
done

for d in docs/adr/[0-9]*.md; do
	grep -qF "(${d##*/})" docs/adr/README.md || complain docs/adr/README.md "${d##*/} is not listed"
done

# Dependencies: what the list says is pinned, and what we import is in the list.
list=docs/DEPENDENCIES.md
pinned=$(
	sed -n 's/^\t\([a-z][^ ]*\) \(v[^ ]*\).*/\1 \2/p' go.mod
	sed -n 's/^    "\([^"]*\)": "\([0-9][^"]*\)",\?$/\1 \2/p' server/web/package.json
)
while read -r name version; do
	has "$pinned" "$name $version" || complain "$list" "$name is not pinned at $version"
done < <(sed -n 's/^| `\([^`]*\)` | v\?\([0-9][^ ]*\) |.*/\1 \2/p' "$list" | while read -r n v; do case $n in *.*/*) echo "$n v$v" ;; *) echo "$n $v" ;; esac; done)
imported=$(git ls-files --cached --others --exclude-standard '*.go' | xargs cat)
while read -r name version; do
	case $name in
	*.*/*) grep -qE "^\s*([a-zA-Z0-9_.]+ )?\"$name[/\"]" <<<"$imported" || continue ;;
	esac
	grep -qF "| \`$name\` | $version |" "$list" || complain "$list" "$name $version is not listed"
done <<<"$pinned"
exit $bad
