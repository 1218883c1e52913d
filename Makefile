# The release of Go that builds the guest and the released binaries, so that
# their bytes do not depend on the machine.
BUILD_GO  := go1.26.8
# Tools that the checks run, pinned.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
DEADCODE    := golang.org/x/tools/cmd/deadcode@v0.52.0
ACTIONLINT  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
FINDCALL    := golang.org/x/tools/go/analysis/passes/findcall/cmd/findcall@v0.52.0
# Modules in this repository; each has its own go.mod.
MODULES   := . edge/examples edge/caddy bench
# Systems for which `make platforms` builds and vets.
PLATFORMS := darwin/amd64 windows/amd64 freebsd/amd64 linux/arm64 linux/386
# How long each fuzz target runs in `make fuzz`.
FUZZTIME  ?= 10s
# Packages whose tests take longest. They run first, so that no processor idles at the end.
LONGEST := ./edge/serve ./edge/cmd/tenantedge
# Extra flags for `go test` in `make test`, such as -run or -v.
TESTFLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help run build test test-portable test-bench kill-test fleet large race postgres redis s3 registry prometheus collector appservers guests browser screenshot servers decide-servers check format vet lint deadcode tidy rules \
	guest-same api schema platforms types arm64 release deb deb-test soak crowd orders surplus meter-search fuel-golden bench fuzz guest guest-profile caddy caddy-soak clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## serve a demonstration on http://tenant1.localhost:8080/; needs nothing but Go
	@bin/tenantedge serve --demo

build: ## build bin/tenantedge
	@echo "building bin/tenantedge; the first build compiles all dependencies, which takes minutes"
	@go build -trimpath -o bin/tenantedge ./edge/cmd/tenantedge

caddy: ## build bin/caddy: Caddy with the modules of edge/caddy
	@echo "building bin/caddy; the first build compiles Caddy"
	@cd edge/caddy && go build -trimpath -o $(CURDIR)/bin/caddy ./cmd/caddy

test: postgres redis s3 registry appservers guests browser prometheus collector ## run all tests against a real Postgres, Redis, S3 server, OCI registry and application servers, guests in every language, and pages in Chromium; installs what is missing
	go test -timeout 20m $(TESTFLAGS) $(LONGEST) ./...
	cd edge/examples && go test -timeout 20m $(TESTFLAGS) ./...
	cd edge/caddy && go test -timeout 20m $(TESTFLAGS) ./...

test-portable: ## run the tests that need no servers
	@sh .ci/portable.sh $(TESTFLAGS)

test-bench: ## run the tests of the benchmark; downloads the rivals it compares (400 MB)
	cd bench && go test $(TESTFLAGS) ./...

kill-test: ## kill processes while they save and upload files, 200 times each, and look for torn, lost and leftover files
	TENANTEDGE_KILLS=200 go test -count=1 -timeout 30m -v -run Killed ./edge/storage/disk ./edge/serve

fleet: postgres ## roll 50 guests out to three edges under load, from Postgres and a registry, and kill edges, database and registry meanwhile; 10 minutes
	TENANTEDGE_FLEET_ROLLOUTS=50 go test -count=1 -timeout 60m -v -run 'TestAFleet|TestAFaultOnOneEdge|TestAGuestThatOneEdge|TestHostileRows|TestOperatorsOfAFleet' ./edge/cmd/tenantedge

large: ## send a file of 1 GiB to 50 clients at once and check the memory used
	go test -tags long -count=1 -v -run 'TestALargeFileToManyClientsTakesNoMemory' ./edge/serve

# The race detector finds nothing in packages without goroutines and in tests
# that run one command after another, and takes minutes there.
RACELESS_PACKAGES := edge/cmd/tenantedge|edge/internal/meter|edge/internal/wasm|guest/tenancy|guest/abi|guest/internal/pyregex
RACELESS_TESTS    := ^Test(TheDemonstrationInABrowser|ThePageOfTheStartInABrowser|ApplicationServers|FoldersInDjango|SurplusOfRealServers|NoSpellingOfATypeRunsInABrowser|Eval|TheExamplesOfTheReference|FilesOfATenant|ASignedURLIsValidForItsTenant|TheGoldenCasesThroughEachServer|H18NoClientReaches|C6Nginx|C6Varnish|Guests(ReplyAlike|FulfilTheContract|CallHostFunctionsAlike)InEveryLanguage|APIIsThatOfItsGoldenFiles|GuestTest|CommandsNameCauseAndRemedy|TheRouterPassesTheGoldenCases|AGuestSeesTheWorldOfTheFile|AGuestFindsTheTenantByItsAPIKey|AQueryBeforeTheTenantIsKnown|H7AuditFindsARewriter|GuestsConformAndTheMeter|FuelOfEveryGoldenCase|PasswordsOfMinisignWork|TheConsoleInABrowser|TheFleetOfTheConsoleInABrowser|TheDemonstrationInABrowser|ThePageOfTheStartInABrowser|AFleetFollowsRolloutsUnderLoad)

# Of the command, which mostly runs packages that have tests of their own, the tests of its
# own goroutines.
RACE_COMMANDS := ^Test(TheDemonstration(Serves|Streams|Listens)|ThePanel|APageWaits|AFaultOnOneEdge|ServeReloadsIts|TopGives|UsageAsks|ABlockedLogReader|ALostDatabase|AnUpgradeUnderLoad|ATenantMoves|DevSwaps)

# Compilers and decoders that share no state are built without race
# instrumentation: every test that starts a host runs them.
UNINSTRUMENTED := $(foreach p,github.com/tetratelabs/wazero/internal/engine/wazevo/ssa github.com/tetratelabs/wazero/internal/engine/wazevo/frontend \
	github.com/tetratelabs/wazero/internal/engine/wazevo/backend/... github.com/tetratelabs/wazero/internal/wasm/binary \
	github.com/tetratelabs/wazero/internal/leb128 github.com/tenantedge/tenantedge/edge/internal/wasm \
	github.com/tenantedge/tenantedge/edge/internal/meter,-gcflags=$p=-race=false)

race: postgres redis s3 registry ## run the tests with the race detector, except those without goroutines
	go test -race $(UNINSTRUMENTED) -timeout 20m -skip '$(RACELESS_TESTS)' $(TESTFLAGS) ./edge/serve $$(go list -pgo=off ./... | grep -vE '/($(RACELESS_PACKAGES))$$')
	go test -race $(UNINSTRUMENTED) -timeout 20m -run '$(RACE_COMMANDS)' $(TESTFLAGS) ./edge/cmd/tenantedge

postgres:
	@sh .ci/postgres.sh

redis:
	@sh .ci/redis.sh

s3:
	@sh .ci/s3.sh

registry:
	@sh .ci/registry.sh

guests:
	@sh .ci/guests.sh

browser:
	@sh .ci/browser.sh

screenshot: browser ## test the demonstration and the console in Chromium, and take the screenshots of the documentation; 3 minutes
	@mkdir -p bin/screenshots
	TENANTEDGE_BROWSER=all TENANTEDGE_SCREENSHOTS=$(CURDIR)/bin/screenshots go test -count=1 -run 'TestTheDemonstrationInABrowser|TestTheConsoleInABrowser' ./edge/cmd/tenantedge ./edge/serve
	cp bin/screenshots/demo.png .github/demo.png
	cp bin/screenshots/console-overview-1440-light.png bin/screenshots/console-try-1440-light.png .github

prometheus:
	@sh .ci/prometheus.sh

collector:
	@sh .ci/collector.sh bin

appservers:
	@sh .ci/servers.sh

servers: ## test all application servers that Debian packages, directly and through an edge, and write edge/serve/SERVERS.md; 4 minutes
	@sh .ci/servers.sh full
	TENANTEDGE_SERVERS=all go test -count=1 -v -timeout 30m -run 'TestApplicationServers|TestFoldersInDjango' ./edge/serve

decide-servers: ## run the tests of edge/decide with every server, and measure what a decision adds; builds Caddy and Traefik once, 20 minutes
	@sh .ci/servers.sh
	@sh .ci/proxies.sh bin/proxies
	TENANTEDGE_SERVERS=all TENANTEDGE_CADDY=$(CURDIR)/bin/proxies/caddy TENANTEDGE_TRAEFIK=$(CURDIR)/bin/proxies/traefik TENANTEDGE_FIGURES=1 \
		go test -count=1 -v -timeout 30m ./edge/decide

check: format vet lint deadcode tidy rules guest-same ## check formatting, vet, lint, dead code, go.mod files, alert rules and that the guest is up to date

format:
	@found=$$(gofmt -l .); if [ -n "$$found" ]; then echo "gofmt: run gofmt -w on:"; echo "$$found"; exit 1; fi

vet:
	@for m in $(MODULES); do echo "go vet in $$m"; (cd $$m && go vet ./...) || exit 1; done

lint:
	@for m in $(MODULES); do echo "staticcheck in $$m"; (cd $$m && go run $(STATICCHECK) -checks inherit,ST1000 ./...) || exit 1; done
	@echo "actionlint"; go run $(ACTIONLINT) .github/workflows/*.yml edge/internal/scaffold/templates/common/github/workflows/*.yml

deadcode:
	@for m in $(MODULES); do echo "deadcode in $$m"; found=$$(cd $$m && go run $(DEADCODE) -test ./...) || exit 1; \
		found=$$(echo "$$found" | grep -vE "(example|readme)_test\.go:" || true); \
		if [ -n "$$found" ]; then echo "deadcode: neither a command nor a test reaches:"; echo "$$found"; exit 1; fi; done

tidy:
	@for m in $(MODULES); do echo "go mod tidy in $$m"; (cd $$m && go mod tidy -diff) || exit 1; done

rules: prometheus ## check the alert rules and run their tests
	@cd assets/monitoring && promtool check rules alerts.yml && promtool test rules alerts_test.yml

guest-same: guest
	@git diff --exit-code --stat -- assets || { echo "assets/router.wasm differs from what guest/router builds: commit the output of 'make guest'"; exit 1; }

api: ## rewrite the api.txt of each public package, after a change of its API that is meant
	go test -count=1 -run '^TestAPIIsThatOfItsGoldenFiles$$' ./edge -update-api

schema: ## rewrite edge/config/schema.json, after a change of the configuration's keys or of REFERENCE.md
	go test -count=1 -run '^TestTheSchemaIsThatOfTheDecoder$$' ./edge/config -update

platforms: ## build and vet everything, tests included, for other systems (PLATFORMS); compiles the standard library for each
	@for p in $(PLATFORMS); do for m in $(MODULES); do echo "go build and vet for $$p in $$m"; \
		(cd $$m && export CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} && go build ./... && go vet ./...) || exit 1; done; done

# findcall reads all packages from source and finds nothing: nothing is compiled,
# which takes a twentieth of the time of `make platforms` without a build cache.
types: ## type-check everything, tests included, for other systems (PLATFORMS)
	@GOBIN=$(CURDIR)/bin go install $(FINDCALL)
	@for p in $(PLATFORMS); do for m in $(MODULES); do echo "type check for $$p in $$m"; \
		(cd $$m && CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(CURDIR)/bin/findcall ./...) || exit 1; done; done

arm64: ## run the arm64 tests of the engine and of the guest under qemu-user
	@sh .ci/arm64.sh

release: ## build static binaries for six platforms into bin/release, with checksums, SBOMs and third-party notices
	@GOTOOLCHAIN=$(BUILD_GO) sh .ci/release.sh bin/release

deb: ## build the Debian package of this machine into bin/deb
	@mkdir -p bin/deb; arch=$$(go env GOARCH); CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/deb/tenantedge ./edge/cmd/tenantedge && sh .ci/deb.sh bin/deb/tenantedge $$arch bin/deb

deb-test: ## install, upgrade under load and purge the package in a Debian of its own with systemd; needs root and mmdebstrap
	@mkdir -p bin/debtest; arch=$$(go env GOARCH); for version in 0.0.1 0.0.2; do \
		CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$$version" -o bin/debtest/tenantedge ./edge/cmd/tenantedge \
		&& VERSION=$$version sh .ci/deb.sh bin/debtest/tenantedge $$arch bin/debtest || exit 1; done \
		&& go test -c -o bin/debtest/clients ./edge/cmd/tenantedge \
		&& sh .ci/debtest.sh bin/debtest/tenantedge_0.0.1_$$arch.deb bin/debtest/tenantedge_0.0.2_$$arch.deb $(CURDIR)/bin/debtest/clients

image: ## build the image tenantedge:latest with buildah, podman or docker
	@sh .ci/image.sh tenantedge:latest

image-test: ## build the image and run it with podman and crun, without rights and read only; needs root
	@sh .ci/image.sh tenantedge:test && sh .ci/imagetest.sh tenantedge:test

soak: ## test the engine at length: 200 swaps under load, 100,000 audited calls, fuel, pauses, start-up, memory; 20 minutes
	@mkdir -p bin/soak
	TENANTEDGE_FIGURES=$(CURDIR)/bin/soak TENANTEDGE_AUDITED=100000 TENANTEDGE_FUEL_RUNS=10000 TENANTEDGE_COLLECTIONS=100 \
		go test -count=1 -v -timeout 60m -run 'TestH7Memory|TestFuel|TestG1Collections' ./edge/internal/instance
	TENANTEDGE_FIGURES=$(CURDIR)/bin/soak TENANTEDGE_SWAPS=200 TENANTEDGE_STARTS=20 TENANTEDGE_CROWDS=200 \
		go test -count=1 -v -timeout 120m -run 'TestSwapsUnder|TestAProcessStarts|TestAFurtherInstance|TestG1' ./edge

caddy-soak: ## reload Caddy 100 times under load with 1,000 open websockets, and look for failed requests, dropped websockets and memory
	cd edge/caddy && TENANTEDGE_CADDY_SOAK=1 go test -count=1 -v -timeout 20m -run 'TestReloadsUnder|TestDomainsGet' .

surplus: ## have application servers send bytes after their responses, and check that no request gets them; 10 minutes
	TENANTEDGE_SURPLUS=$${TENANTEDGE_SURPLUS:-150s} go test -count=1 -v -timeout 30m -run TestSurplusOfRealServers ./edge/serve

crowd: ## connect and drop 10,000 websockets at a time for 5 minutes under the race detector, then hold 19,000 in one server and 200,000 in eleven
	@mkdir -p bin/soak
	go test -c -o bin/soak/visitors ./edge
	TENANTEDGE_FIGURES=$(CURDIR)/bin/soak TENANTEDGE_CROWD=10000 TENANTEDGE_CROWD_SECONDS=300 TENANTEDGE_CROWD_VISITORS=$(CURDIR)/bin/soak/visitors \
		go test -race -count=1 -v -timeout 30m -run 'TestACrowdLeavesNoResources' ./edge
	cd bench && go run . run -only crowd -rounds 1 && go run . report

orders: ## run websocket events in 16,000 orders under the race detector, with one, two and eight processors; 5 minutes
	@mkdir -p bin
	go test -race -c -o bin/orders.test ./edge/internal/sockets
	cd edge/internal/sockets && for n in 1 2 8; do GOMAXPROCS=$$n $(CURDIR)/bin/orders.test -test.run TestAnyOrder -test.timeout 60m -orders 56 -orderseed $${n}0000 || exit 1; done

meter-search: ## search for guest code that takes more time than its fuel or more stack than its frames account for; 5 minutes
	go test -count=1 -v -timeout 30m -run 'TestNoShape' ./edge/internal/meter -searchall -search 2000

fuel-golden: ## rewrite the fuel of the golden cases, after a change of the guest or the meter
	go test -count=1 -run TestFuelOfEveryGoldenCase ./edge/internal/instance -update

bench: ## compare a routed request with native code and rivals; writes bench/results/REPORT.md
	@cd bench && go run . run && go run . report

fuzz: ## run every fuzz target for FUZZTIME (10s)
	@go test -list '^Fuzz' ./... | awk '/^Fuzz/ {names = names " " $$1} /^ok/ {n = split(names, t, " "); for (i = 1; i <= n; i++) print $$2, t[i]; names = ""}' \
	| while read -r package target; do \
		echo "$$target in $$package"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" </dev/null || exit 1; \
	done

guest: ## build assets/router.wasm from guest/router, with the same bytes on every machine
	@mkdir -p bin; export GOTOOLCHAIN=$(BUILD_GO) GOFLAGS= GOWORK=off CGO_ENABLED=0 GOOS=wasip1 GOARCH=wasm; f=$$(go env GOROOT)/src/fmt; \
	printf '{"Replace": {"%s": "guest/router/_fmt/fmt.go", "%s": "", "%s": "", "%s": "", "%s": ""}}\n' \
		$$f/print.go $$f/doc.go $$f/errors.go $$f/format.go $$f/scan.go >bin/overlay.json; \
	go build -overlay bin/overlay.json -buildmode=c-shared -trimpath -buildvcs=false -ldflags="-s -w -buildid=" -o bin/router.wasm ./guest/router
	@go run ./edge/internal/wasm/pack bin/router.wasm assets/router.wasm

guest-profile: ## record the profile by which `make guest` inlines hot calls
	@go test -run '^$$' -bench Route -benchtime 5s -cpuprofile guest/router/default.pgo -o /dev/null ./guest/router

clean: ## remove bin
	@rm -rf bin
