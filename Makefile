# What a developer of featx runs. `make` alone lists the targets.
GO     ?= go
PYTHON ?= python3

.PHONY: help build test lint bench bench-peers golden

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

build: ## the static binary, ./featx
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' ./cmd/featx

test: ## all tests that a machine with only Go can run
	$(GO) test ./...

lint: ## format, vet for both architectures, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w ."; exit 1; }
	$(GO) vet ./...
	GOARCH=arm64 $(GO) vet ./...
	$(GO) vet -tags purego ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

bench: ## kernels on real layer shapes, as GFLOP/s and as a share of the measured FMA peak
	$(GO) test -run '^$$' -bench . ./kernels ./bench/...

bench-peers: ## the same networks on other engines, interleaved in one run (needs Python, makes its own environment)
	$(PYTHON) bench/peers/run.py

golden: ## the reference values again (needs PyTorch, torchvision, Pillow; see the scripts)
	$(PYTHON) testdata/golden/make_golden.py
	$(PYTHON) testdata/images/make.py
