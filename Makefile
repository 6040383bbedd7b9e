# What a developer of featx runs. `make` alone lists the targets.
GO     ?= go
PYTHON ?= python3
DATA   ?= $(abspath ../shared/data)

KILLS  ?= 50

.PHONY: help build dist dist-check dist-again image test heif-test lint arm-test arm-test-all arm-bytes mca golden-check torture bench bench-pipeline bench-peers interop golden golden-onnx golden-keras embedded

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

build: ## the static binary, ./featx
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' ./cmd/featx

dist: ## static binaries for ten platforms (or TARGETS, as linux/arm64), shell completions, manual pages and SHA256SUMS in dist/
	GO='$(GO)' packaging/dist.sh $(TARGETS)

dist-check: ## those of dist/ that run here or under qemu-user and wazero do the same jobs and write the same bytes
	GO='$(GO)' packaging/check.sh

dist-again: ## dist/ once more from a copy of the sources in another folder, with an empty build cache: the same SHA256SUMS
	GO='$(GO)' packaging/again.sh

image: ## the container image featx
	docker build --build-arg VERSION=$$(packaging/version.sh) -t featx .

test: ## all tests that a machine with only Go can run
	$(GO) test ./...

golden-check: ## every stock network against its framework's float64 results, where the tests run some
	@log=$$(mktemp) && { $(GO) test -tags goldencheck -timeout 60m -run 'Golden' -v ./engine ./tools/convert/... >$$log 2>&1; status=$$?; \
	grep -E '^ *(---|ok|FAIL|panic)|worst|[Ee]rror' $$log; rm -f $$log; exit $$status; }

lint: ## format, vet for both architectures, for 32 bits and for the other systems, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w ."; exit 1; }
	$(GO) vet ./...
	GOARCH=arm64 $(GO) vet ./...
	GOARCH=arm $(GO) vet ./...
	GOOS=windows $(GO) vet ./internal/... ./weights ./sink ./cmd/... .
	GOOS=wasip1 GOARCH=wasm $(GO) vet ./internal/... ./engine ./weights ./cmd/... .
	$(GO) vet -tags purego ./...
	$(GO) vet -tags minimal ./...
	$(GO) vet -tags heif,nodynamic ./engine/image
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

heif-test: ## pictures and the command with the decoders of AVIF and HEIC
	CGO_ENABLED=0 $(GO) test -tags heif,nodynamic ./engine/image
	CGO_ENABLED=0 $(GO) test -tags heif,nodynamic -short -run 'Extract|BadInput' ./cmd/featx

arm-test: ## arm64 with NEON, emulated (needs qemu-aarch64-static): kernels, engine, the command on pictures
	bash .ci/arm-test

arm-test-all: ## the tests of every package (or of PACKAGES) on an emulated arm64: hours of CPU
	bash .ci/arm-test-all $(PACKAGES)

arm-bytes: ## the bytes of every layer of NETWORKS (resnet50 vgg16) here and on an emulated arm64
	bash .ci/arm-bytes $(NETWORKS)

mca: ## llvm-mca 22 on the inner loops of the NEON kernels, into docs/arm.md; PEERS="LABEL=FOLDER ..." compares with object files, as docs/arm.md says
	@set -e; dir=$$(mktemp -d); trap 'rm -rf '$$dir EXIT; \
	CGO_ENABLED=0 GOARCH=arm64 $(GO) test -c -o $$dir/kernels ./kernels; \
	$(GO) run ./tools/mca -binary $$dir/kernels -page docs/arm.md $(addprefix -peer ,$(PEERS))

torture: ## the long tests of extract: killed KILLS times and continued, 20,000 files of which 300 are broken (needs DATA)
	FEATX_TORTURE=$(KILLS) FEATX_DATA=$(DATA) $(GO) test -count=1 -timeout 60m -run 'TestKill|TestTwentyThousand' -v ./cmd/featx

bench-pipeline: ## decoding, the network and the pipeline, in turns (needs DATA)
	$(GO) run ./bench/pipeline -decode $(DATA)/images
	$(GO) run ./bench/pipeline $(DATA)/images

bench: ## kernels on real layer shapes, as GFLOP/s and as a share of the measured FMA peak
	$(GO) test -run '^$$' -bench . ./kernels ./bench/...

bench-peers: ## the same networks on other engines, interleaved in one run (needs Python, makes its own environment)
	$(PYTHON) bench/peers/run.py

interop: ## every output format and type, read back with NumPy, pandas, pyarrow, DuckDB, polars and safetensors (needs Python, makes its own environment)
	$(PYTHON) testdata/interop/run.py

golden: ## the reference values again (needs PyTorch, torchvision, Pillow 12; DATA is the folder of real weights and photographs)
	cd testdata/golden && $(PYTHON) make_golden.py && $(PYTHON) make_ops.py && $(PYTHON) make_more_ops.py && $(PYTHON) make_onnx_ops.py
	cd testdata/golden && FEATX_DATA=$(DATA) $(PYTHON) make_photographs.py
	cd testdata/golden && $(PYTHON) make_predictions.py $(DATA)/weights/cifar10-resnet20.th cifar10-resnet20.predictions.txt
	$(PYTHON) testdata/images/make.py
	$(PYTHON) testdata/checkpoints/make.py

golden-onnx: ## ONNX files by their exporters and ONNX Runtime's results; PYTHON needs onnxruntime and Pillow, and for the exporters what testdata/onnx/make.py says
	cd testdata/golden && FEATX_DATA=$(DATA) $(PYTHON) make_onnx_mobilenet.py
	$(PYTHON) testdata/onnx/make.py expect testdata/onnx

APPLICATIONS ?= VGG16@64 ResNet50 ResNet50V2 InceptionV3 InceptionResNetV2 Xception MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large DenseNet121 NASNetMobile EfficientNetB0 \
                EfficientNetV2B0 ConvNeXtTiny ResNet50-notop MobileNetV2-notop VGG16-notop@64

golden-keras: ## what golden-check compares with keras.applications: APPLICATIONS as Keras 3 and tf_keras write them, into the cache folder (10 GB); PYTHON needs both
	for kind in keras3 keras2; do for network in $(APPLICATIONS); do $(PYTHON) tools/convert/keras/testdata/make_applications.py $$kind $$network || exit; done; done

embedded: ## the embedded model from CHECKPOINT, which tools/train/train_cifar.py wrote, and its predictions by PyTorch
	$(GO) run ./cmd/featx convert --dtype f16 --classes airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck $(CHECKPOINT) weights/embedded.safetensors
	cd testdata/golden && FEATX_DATA=$(DATA) $(PYTHON) make_predictions.py $(CHECKPOINT) embedded.predictions.txt
