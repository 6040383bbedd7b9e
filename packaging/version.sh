#!/usr/bin/env bash
# The version of these sources: git's tag, commits since, commit, "dirty" if a file was changed; without git "unknown".
cd "$(dirname "$0")/.." || exit
git describe --tags --always --abbrev=12 --dirty 2>/dev/null || echo unknown
