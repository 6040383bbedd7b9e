#!/usr/bin/env bash
# make dist-check: runs those binaries of make dist that can run on this machine, natively, under qemu-user or, WebAssembly, under wazero, and compares every byte
# of what they write with what the first of them wrote.
#
#   packaging/check.sh
#
# Environment: DIST, the folder (default dist); VERSION as for dist.sh; GO; WAZERO, the command (default: `go run` of a pinned release).
set -euo pipefail
cd "$(dirname "$0")/.."
dist=$(cd "${DIST:-dist}" && pwd)
go=${GO:-go}
version=${VERSION:-$(packaging/version.sh)}
host=$($go env GOHOSTOS)-$($go env GOHOSTARCH)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp testdata/images/{ship.jpg,420-53x37.jpg,411-53x37.jpg} testdata/onnx/gated.dynamo18.onnx "$work"

fail() { echo "$*" >&2; exit 1; }

(cd "$dist" && sha256sum --check --quiet SHA256SUMS) || fail "$dist: not what SHA256SUMS says; run make dist"

# prefix sets `command` to what runs a binary in the folder $work; false if nothing here can.
prefix() { # FILE
  local platform=${1##*/featx-} emulator=
  platform=${platform%.exe}
  case $platform in
    "$host") command=("$1") && return ;;
    linux-amd64) emulator=x86_64 ;;
    linux-arm64) emulator=aarch64 ;;
    linux-armv7) emulator=arm ;;
    linux-riscv64) emulator=riscv64 ;;
    wasip1.wasm)
      mkdir -p "$work/.wazero"
      local wazero=${WAZERO:-$work/.bin/wazero} # installed, as go run hides the exit status
      [ -x "$wazero" ] || GOBIN=$work/.bin $go install github.com/tetratelabs/wazero/cmd/wazero@v1.12.0
      # shellcheck disable=SC2206
      command=($wazero run -cachedir "$work/.wazero" -mount "$work:/" -env FEATX_CACHE=/cache "$1")
      return ;;
  esac
  [ "${host%-*}" = linux ] && [ -n "$emulator" ] && command -v qemu-$emulator-static >/dev/null && command=(qemu-$emulator-static "$1")
}

# job does the main things with paths that every place understands, in the folder $work, and prints the sums of all that it wrote.
job() {
  local status=0
  "${command[@]}" --version
  "${command[@]}" extract ship.jpg | sha256sum
  "${command[@]}" extract --size 48 --interpolation lanczos -l 'conv1,layer*' --pool avg -o e.npz ship.jpg 420-53x37.jpg 411-53x37.jpg
  "${command[@]}" convert gated.dynamo18.onnx g.safetensors | sha256sum
  "${command[@]}" extract -m g.safetensors -l '*' -o g.out.safetensors 420-53x37.jpg 411-53x37.jpg ship.jpg
  sha256sum <e.npz
  sha256sum <g.safetensors
  sha256sum <g.out.safetensors
  "${command[@]}" extract ship.jpg nothing.jpg 2>/dev/null | sha256sum || status=$?
  echo "a missing picture: $status"
  status=0
  "${command[@]}" extract --size 16384 --batch 64 ship.jpg 2>/dev/null || status=$?
  echo "too large: $status"
  rm e.npz g.safetensors g.out.safetensors
}

first='' proven=0
for file in "$dist/featx-$host" "$dist"/featx-*; do
  name=${file##*/}
  if [ ! -e "$file" ] || { [ "$name" = "featx-$host" ] && [ -n "$first" ]; }; then continue; fi
  if ! prefix "$file"; then
    echo "$name: cannot run here"
    continue
  fi
  # shellcheck disable=SC2015
  got=$(cd "$work" && job) || fail "$name: failed"
  if [ -z "$first" ]; then
    first=$got
    [ "${got%%$'\n'*}" = "featx $version" ] || fail "$name: calls itself ${got%%$'\n'*}, not $version"
  fi
  if [ "$got" != "$first" ]; then
    diff <(echo "$first") <(echo "$got") >&2 || true
    fail "$name: other bytes than the first"
  fi
  echo "$name: the same bytes"
  proven=$((proven + 1))
done
[ "$proven" -gt 1 ] || fail "nothing to compare: only $proven of the binaries can run here"
