#!/usr/bin/env bash
# make dist: the static binary for every place, shell completions, manual pages, SHA256SUMS.
#
#   packaging/dist.sh [OS/ARCH...]     default: all below
#
# Environment: DIST, the folder (default dist); VERSION, what `featx --version` says; GO, the go command.
# The bytes depend on the sources, VERSION and the Go release alone: no paths (-trimpath), no state of git (-buildvcs=false), no
# settings of this machine.
set -euo pipefail
cd "$(dirname "$0")/.."

targets=(linux/amd64 linux/arm64 linux/arm linux/riscv64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64 freebsd/amd64 wasip1/wasm)
[ $# -eq 0 ] || targets=("$@")
dist=${DIST:-dist}
go=${GO:-go}
version=${VERSION:-$(packaging/version.sh)}

export CGO_ENABLED=0 GOFLAGS= GOEXPERIMENT= GOFIPS140=off
export GOAMD64=v1 GOARM64=v8.0 GOARM=7 GORISCV64=rva20u64 GOWASM=
host=$($go env GOHOSTOS)/$($go env GOHOSTARCH)

build() { # OS ARCH FILE
  GOOS=$1 GOARCH=$2 $go build -trimpath -buildvcs=false -ldflags="-s -w -X main.release=$version" -o "$3" ./cmd/featx
}

rm -rf "$dist"
mkdir -p "$dist/completions" "$dist/man"
files=()
for target in "${targets[@]}"; do
  os=${target%/*} arch=${target#*/}
  case $target in
    linux/arm) name=featx-linux-armv7 ;;
    windows/*) name=featx-$os-$arch.exe ;;
    wasip1/wasm) name=featx-wasip1.wasm ;;
    *) name=featx-$os-$arch ;;
  esac
  build "$os" "$arch" "$dist/$name"
  files+=("$name")
done

# The completions and the manual are the same for every place; this machine's binary writes them.
here=$dist/.featx
build "${host%/*}" "${host#*/}" "$here"
"$here" completion bash >"$dist/completions/featx.bash"
"$here" completion zsh >"$dist/completions/_featx"
"$here" completion fish >"$dist/completions/featx.fish"
"$here" completion powershell >"$dist/completions/featx.ps1"
GOOS=${host%/*} GOARCH=${host#*/} $go run ./tools/man "$here" "$version" "$dist/man"
rm "$here"

(cd "$dist" && sha256sum "${files[@]}" completions/* man/* >SHA256SUMS)
printf 'featx %s, %s\n\n| binary | bytes | MB |\n|---|---|---|\n' "$version" "$($go env GOVERSION)"
for name in "${files[@]}"; do
  bytes=$(wc -c <"$dist/$name")
  printf '| %s | %d | %d.%d |\n' "$name" "$bytes" $((bytes / 1000000)) $((bytes / 100000 % 10))
done
