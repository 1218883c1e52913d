# The guest is the same bytes wherever it is built with this release of Go.
GUEST_GO  := go1.26.8
# The linter, by version, so that it says the same to everybody.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# Modules in this repository; each has its own go.mod.
MODULES   := . bench
# How long each fuzz target runs in `make fuzz`.
FUZZTIME  ?= 10s
# Further flags for `go test` in `make test`, as -run or -v.
TESTFLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help run build test test-bench kill-test large race postgres redis s3 appservers servers check format vet lint tidy guest-same \
	soak crowd orders surplus meter-search fuel-golden bench fuzz guest guest-profile clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## serve a demonstration on http://tenant1.localhost:8080/; needs nothing but Go
	@bin/tenantedge serve --demo

build: ## build bin/tenantedge
	@go build -trimpath -o bin/tenantedge ./edge/cmd/tenantedge

test: postgres redis s3 appservers ## run all tests, with a real Postgres, Redis, S3 server and application servers that are installed if missing
	go test $(TESTFLAGS) ./...

test-bench: ## run the benchmark's own tests; downloads the rivals that it compares (some 400 MB)
	cd bench && go test $(TESTFLAGS) ./...

kill-test: ## kill processes that save and upload files, 200 times each; nothing may be torn, lost or left behind
	TENANTEDGE_KILLS=200 go test -count=1 -timeout 30m -v -run Killed ./edge/storage ./edge/serve

large: ## send a file of 1 GiB to 50 clients at once, with an eye on memory
	go test -tags long -count=1 -v -run 'TestALargeFileToManyClientsTakesNoMemory' ./edge/serve

# Packages without a goroutine have nothing to race, nor have commands that run
# one after the other; under the detector they take minutes.
RACELESS_PACKAGES := edge/internal/meter|edge/internal/wasm|guest/tenancy|guest/abi|guest/internal/pyregex
RACELESS_TESTS    := ^Test(ApplicationServers|FoldersInDjango|SurplusOfRealServers|NoSpellingOfATypeRunsInABrowser|Eval|TheExamplesOfTheReference|FilesOfATenant|ASignedURLIsOfUse)

# Compilers and decoders that work on nothing but what they are given are built
# without the detector's calls: every test that starts a host runs them.
UNWATCHED := $(foreach p,github.com/tetratelabs/wazero/internal/engine/wazevo/ssa github.com/tetratelabs/wazero/internal/engine/wazevo/frontend \
	github.com/tetratelabs/wazero/internal/engine/wazevo/backend/... github.com/tetratelabs/wazero/internal/wasm/binary \
	github.com/tetratelabs/wazero/internal/leb128 github.com/tenantedge/tenantedge/edge/internal/wasm \
	github.com/tenantedge/tenantedge/edge/internal/meter,-gcflags=$p=-race=false)

race: postgres redis s3 ## run the tests with the race detector, but for those without a goroutine
	go test -race $(UNWATCHED) -timeout 20m -skip '$(RACELESS_TESTS)' $(TESTFLAGS) $$(go list -pgo=off ./... | grep -vE '/($(RACELESS_PACKAGES))$$')

postgres:
	@sh .ci/postgres.sh

redis:
	@sh .ci/redis.sh

s3:
	@sh .ci/s3.sh

appservers:
	@sh .ci/servers.sh

servers: ## ask all application servers of Debian directly and through an edge, and write what is found to edge/serve/SERVERS.md; some 4 minutes
	@sh .ci/servers.sh full
	TENANTEDGE_SERVERS=all go test -count=1 -v -timeout 30m -run 'TestApplicationServers|TestFoldersInDjango' ./edge/serve

check: format vet lint tidy guest-same ## format, vet, lint, tidy, rebuild the guest; nothing may change

format:
	@found=$$(gofmt -l .); if [ -n "$$found" ]; then echo "gofmt: run gofmt -w on:"; echo "$$found"; exit 1; fi

vet:
	@for m in $(MODULES); do echo "go vet in $$m"; (cd $$m && go vet ./...) || exit 1; done

lint:
	@for m in $(MODULES); do echo "staticcheck in $$m"; (cd $$m && go run $(STATICCHECK) ./...) || exit 1; done

tidy:
	@for m in $(MODULES); do echo "go mod tidy in $$m"; (cd $$m && go mod tidy -diff) || exit 1; done

guest-same: guest
	@git diff --exit-code --stat -- assets || { echo "assets/router.wasm is not what guest/router gives: commit what 'make guest' built"; exit 1; }

soak: ## prove the engine at length: 200 swaps under load, 100,000 audited calls, fuel, pauses, start, memory; some 20 minutes
	@mkdir -p bin/soak
	TENANTEDGE_FIGURES=$(CURDIR)/bin/soak TENANTEDGE_AUDITED=100000 TENANTEDGE_FUEL_RUNS=10000 TENANTEDGE_COLLECTIONS=100 \
		go test -count=1 -v -timeout 60m -run 'TestH7Memory|TestFuel|TestG1Collections' ./edge/internal/instance
	TENANTEDGE_FIGURES=$(CURDIR)/bin/soak TENANTEDGE_SWAPS=200 TENANTEDGE_STARTS=20 TENANTEDGE_CROWDS=200 \
		go test -count=1 -v -timeout 120m -run 'TestSwapsUnder|TestAProcessStarts|TestAFurtherInstance|TestG1' ./edge

surplus: ## have application servers send bytes after their answers for 10 minutes in all; no request may get them
	TENANTEDGE_SURPLUS=$${TENANTEDGE_SURPLUS:-150s} go test -count=1 -v -timeout 30m -run TestSurplusOfRealServers ./edge/serve

crowd: ## have 10,000 websockets at a time come and vanish for 5 minutes under the race detector, then hold 19,000 in one server and 200,000 in several
	@mkdir -p bin/soak
	go test -c -o bin/soak/visitors ./edge
	TENANTEDGE_FIGURES=$(CURDIR)/bin/soak TENANTEDGE_CROWD=10000 TENANTEDGE_CROWD_SECONDS=300 TENANTEDGE_CROWD_VISITORS=$(CURDIR)/bin/soak/visitors \
		go test -race -count=1 -v -timeout 30m -run 'TestACrowdLeavesNothingBehind' ./edge
	cd bench && go run . run -only crowd -rounds 1 && go run . report

orders: ## have websockets talk, dawdle and leave in 16,000 orders under the race detector, on one processor, two and eight; some 5 minutes
	@mkdir -p bin
	go test -race -c -o bin/orders.test ./edge/internal/sockets
	cd edge/internal/sockets && for n in 1 2 8; do GOMAXPROCS=$$n $(CURDIR)/bin/orders.test -test.run TestAnyOrder -test.timeout 60m -orders 56 -orderseed $${n}0000 || exit 1; done

meter-search: ## look for guests that cost more time than their fuel or more stack than their frames; some 5 minutes
	go test -count=1 -v -timeout 30m -run 'TestNoShape' ./edge/internal/meter -searchall -search 2000

fuel-golden: ## record anew what the golden cases cost, after a change of the guest or of the meter
	go test -count=1 -run TestFuelOfEveryGoldenCase ./edge/internal/instance -update

bench: ## measure a routed request beside native code and rivals; report in bench/results/REPORT.md
	@cd bench && go run . run && go run . report

fuzz: ## run every fuzz target for FUZZTIME (10s)
	@go test -list '^Fuzz' ./... | awk '/^Fuzz/ {names = names " " $$1} /^ok/ {n = split(names, t, " "); for (i = 1; i <= n; i++) print $$2, t[i]; names = ""}' \
	| while read -r package target; do \
		echo "$$target in $$package"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" </dev/null || exit 1; \
	done

guest: ## build assets/router.wasm from guest/router, the same bytes everywhere
	@GOTOOLCHAIN=$(GUEST_GO) GOFLAGS= GOWORK=off CGO_ENABLED=0 GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -buildvcs=false \
		-ldflags="-s -w -buildid=" -o assets/router.wasm ./guest/router

guest-profile: ## take the profile by which the guest's hot calls are inlined; `make guest` uses it
	@go test -run '^$$' -bench Route -benchtime 5s -cpuprofile guest/router/default.pgo -o /dev/null ./guest/router

clean: ## remove what was built
	@rm -rf bin
