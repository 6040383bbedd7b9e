#!/usr/bin/env bash
# make dist-again: builds what is in dist/ once more from a copy of the sources in another folder, with an empty build cache and without git, and compares SHA256SUMS.
#
# Environment: DIST, the folder (default dist); GO; TARGETS, those that dist/ was made with (default all).
set -euo pipefail
cd "$(dirname "$0")/.."
dist=$(cd "${DIST:-dist}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/elsewhere"
git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -xC "$work/elsewhere"
version=$(packaging/version.sh)
cd "$work/elsewhere"
# shellcheck disable=SC2086
GOCACHE=$work/cache VERSION=$version DIST=$work/dist packaging/dist.sh ${TARGETS:-}
diff "$dist/SHA256SUMS" "$work/dist/SHA256SUMS"
echo "the same SHA256SUMS"
