# The habits of the project. `make check` before every commit; CI runs the same
# targets through .ci/run.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := check

# The tools are pinned in tools/go.mod. A go.mod of its own (-modfile) cannot
# be had in a workspace, hence GOWORK=off.
TOOL := GOWORK=off go tool -modfile=$(CURDIR)/tools/go.mod
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# Every module, and those that hold packages.
MODULES := $(sort $(patsubst %/,%,$(dir $(shell find . -name go.mod -not -path '*/testdata/*' -not -path './.git/*'))))
CODE := $(filter-out ./tools,$(MODULES))
NESTED := $(filter-out .,$(CODE))

# for-modules runs a command in each of the modules, each on its own go.mod.
for-modules = @for m in $(1); do echo "$$m"; (cd $$m && GOWORK=off $(2)); done

FUZZTIME ?= 20s
BENCH ?= .
COUNT ?= 1

.PHONY: check fmt fmt-check vet staticcheck test race quartdebug lint fuzz bench bench-once api generate generated tidy tidy-check build

check: fmt-check vet staticcheck test

fmt:
	$(TOOL) gofumpt -w .

fmt-check:
	@out=$$($(TOOL) gofumpt -l .); if [ -n "$$out" ]; then echo "not gofumpt-formatted:"; echo "$$out"; exit 1; fi

vet:
	$(call for-modules,$(CODE),go vet ./...)

staticcheck:
	$(call for-modules,$(CODE),go tool -modfile=$(CURDIR)/tools/go.mod staticcheck ./...)

test:
	go test work

race:
	$(call for-modules,. ./openapi $(filter ./contrib/%,$(NESTED)),go test -race ./...)

# With the tag, released objects are poisoned and their use panics.
quartdebug:
	go test -tags quartdebug ./...

lint:
	$(call for-modules,$(CODE),go run $(GOLANGCI_LINT) run --config $(CURDIR)/.golangci.yml ./...)

# Every fuzz target of every module, FUZZTIME each.
fuzz:
	@.ci/fuzz $(FUZZTIME) $(CODE)

# BENCH selects, COUNT repeats: `make bench COUNT=10 > new.txt`, then
# `GOWORK=off go tool -modfile=tools/go.mod benchstat old.txt new.txt`.
bench:
	@go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) .

bench-once:
	$(call for-modules,$(CODE),go test -run '^$$' -bench . -benchtime 1x ./...)

# The exported API of the root, to be read and compared.
api:
	@go doc -all .

generate:
	$(TOOL) qtc -skipLineComments

# generated fails when `make generate` would change a file.
generated:
	@sums() { find . -name '*.qtpl.go' -not -path './.git/*' -print0 | sort -z | xargs -0r sha256sum; }; \
	before=$$(sums); $(MAKE) --no-print-directory generate; \
	if [ "$$before" != "$$(sums)" ]; then echo "generated templates were out of date: commit the result of make generate"; exit 1; fi

tidy:
	$(call for-modules,$(MODULES),go mod tidy)

tidy-check:
	$(call for-modules,$(MODULES),go mod tidy -diff)

# Each nested module builds without the workspace.
build:
	$(call for-modules,$(NESTED),go build -o /dev/null ./...)
