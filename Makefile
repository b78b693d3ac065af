# Jianbiao 见标. `make help` lists what there is to do.
SHELL := /bin/bash
.DEFAULT_GOAL := help
WEB := server/web
ADDR ?= 127.0.0.1:8080
DATA ?= data

.PHONY: help deps run build web sealer test check lint bench soak e2e fuzz gen clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

deps: ## Install what is missing: PostgreSQL, Chromium, PDF tools, fonts, npm packages
	@bash scripts/deps.sh

build: web ## Build bin/jianbiao, the whole platform in one file
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -o bin/jianbiao ./server

web: sealer $(WEB)/node_modules/.package-lock.json ## Build the web application
	@cd $(WEB) && npm run --silent build

sealer: ## Build the sealer for the browser (WebAssembly, reproducible)
	@sh scripts/build-sealer.sh >/dev/null

$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json
	@cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error

run: deps build ## Start the platform with a rehearsal city on http://localhost:8080
	bin/jianbiao serve --rehearsal --addr $(ADDR) --data $(DATA)

test: ## Run every test, the browser one included; the last line says how long
	@bash scripts/test.sh

e2e: deps build ## Only the browser tests
	@cd $(WEB) && npm run --silent e2e

check: lint ## Lint, import rules, generated files, and every test
	@bash scripts/check-generated.sh
	@bash scripts/test.sh

lint: ## golangci-lint with the import rules, ESLint, vue-tsc
	@bash scripts/lint.sh
	@cd $(WEB) && npm run --silent typecheck && npm run --silent lint

bench: build ## Speed, as ratios against a peer in the same run
	@for b in hall rush open seal pages; do bin/jianbiao bench $$b --json || exit 1; done

soak: build ## Fifteen minutes with 3,000 sockets in 30 halls: does the memory grow?
	bin/jianbiao bench soak

fuzz: ## Throw bad input at every parser of foreign bytes, FUZZTIME=20s each
	@bash scripts/fuzz.sh

gen: ## Write the generated files again (state tables, vectors of the specifications)
	@bash scripts/gen.sh

clean: ## Remove what was built
	rm -rf bin $(WEB)/dist/assets $(WEB)/public/sealer.wasm
