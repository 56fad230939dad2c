# Needs Rust (1.94 or later), Node.js (20.19 or later) with npm, and make. Everything else is installed here.

.PHONY: run test proof check book tutorial dependencies screenshots flood soak evidence audit bench peers instructions alerts fuzz apart smoke fuzz-smoke bench-smoke image image-test deb deb-test systemd-test reproducible publishable semver msrv packages-smoke sbom
.DELETE_ON_ERROR:

DENY = target/tools/bin/cargo-deny
DEB = target/tools/bin/cargo-deb
MDBOOK = target/tools/bin/mdbook
SEMVER = target/tools/bin/cargo-semver-checks
CYCLONEDX = target/tools/bin/cargo-cyclonedx

# What the book is made of beside docs/: its pages, and files that pages link to.
BOOK = README.md ARCHITECTURE.md CHANGELOG.md SECURITY.md LICENSE-APACHE LICENSE-MIT examples client/README.md client/LICENSE-APACHE client/LICENSE-MIT client-demo/src/link src/api tests/it/examples packaging

# Everywhere the same packages and features, so that each crate is compiled once for all that is not optimized.
ALL = --workspace --all-features
BUILT = $(or $(CARGO_TARGET_DIR),target)/debug

# Stories wait more than they compute: two of them for each core.
export RUST_TEST_THREADS ?= $(shell expr 2 \* `getconf _NPROCESSORS_ONLN`)

# Builds the page and the server, and runs them on http://127.0.0.1:3000 (PORT or UPDRAFT_PORT for another).
run: client-demo/dist/index.html
	cargo run --release --features jemalloc -- serve

# Installs what the tests need and passes them all.
test: client-demo/dist/index.html client/dist/index.js tests/clients/node_modules tests/browser/node_modules tests/python/packages
	tests/postgres/install.sh
	tests/redis/install.sh
	tests/balancers/install.sh
	cargo test $(ALL)
	npm test --prefix client
	npm test --prefix client-demo
	tests/browser/run.sh

# What `make test` does for seconds, for some minutes: kills, a crowd of clients, nodes and neighbours that fail, streams of 1 GB, and one of 10.
# As root the nodes run in network namespaces too, where packets get lost.
proof: tests/clients/node_modules client/dist/index.js
	UPDRAFT_KILLS=200 cargo test --test it journal::crash
	UPDRAFT_KILLS=50 cargo test --test it proof::kills
	UPDRAFT_STEPS=300 cargo test --test it proof::history
	UPDRAFT_ROUNDS=60 cargo test --all-features --test it proof::nodes -- --nocapture
	if [ "$$(id -u)" = 0 ]; then \
		UPDRAFT_NETWORK=namespaces UPDRAFT_ROUNDS=60 cargo test --all-features --test it proof::nodes::nodes -- --nocapture; \
	fi
	UPDRAFT_ROUNDS=40 cargo test --all-features --test it mixed::wreckage -- --nocapture
	UPDRAFT_STREAM_MB=1000 cargo test --test it streams::clients
	UPDRAFT_STREAM_MB=10000 cargo test --test it streams::much

# What a change must pass beside its tests: format, lints, documentation without warnings.
check: client-demo/node_modules client/dist/index.js
	cargo fmt --all --check
	cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
	cargo clippy $(ALL) --all-targets -- -D warnings
	cargo check --no-default-features --lib --bins
	cargo clippy --no-default-features --features redis --lib --bins -- -D warnings
	cargo clippy --no-default-features --features postgres --lib --bins -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(ALL) --lib --no-deps --document-private-items
	npm run check --prefix client
	npm run check --prefix client-demo

# The documentation as a book, in target/book/index.html. Its links are checked by the tests (`tests/it/house/links.rs`).
book: $(MDBOOK)
	rm -rf target/book-source && mkdir -p target/book-source
	cp -R --parents docs $(BOOK) target/book-source
	sed -e 's|](|](docs/|' -e 's|](docs/\.\./|](|' docs/SUMMARY.md > target/book-source/SUMMARY.md
	$(MDBOOK) build

# Follows the tutorial of the book as a newcomer, in a folder of its own: each command, each page. Some minutes, most of
# them to compile. (`tests/browser/run.sh tutorial.mjs --debug`: not optimized.)
tutorial: client-demo/dist/index.html client/dist/index.js tests/browser/node_modules tests/clients/node_modules
	tests/postgres/install.sh
	tests/balancers/install.sh
	tests/browser/run.sh tutorial.mjs

# What dependencies may be: their licences, their sources, one version of each (deny.toml).
dependencies: $(DENY)
	$(DENY) check bans licenses sources
	$(DENY) --manifest-path fuzz/Cargo.toml check sources

# Pictures of the page in each of its states, in target/screenshots.
screenshots: client-demo/dist/index.html tests/browser/node_modules
	tests/browser/run.sh screenshots.mjs

# Ten minutes of every abuse at once, beside clients that mean well: prints what their calls took. (`make test`: 20 s.)
flood:
	UPDRAFT_FLOOD=600 cargo test --release --test it hostile::siege -- --nocapture

# An hour of clients that come and go, topics, streams, uploads, rooms and kills: prints what memory, files and journal did, and draws
# it. (`make test`: 8 s.)
soak:
	UPDRAFT_SOAK=$(or $(UPDRAFT_SOAK),3600) UPDRAFT_SOAK_PLOT=$(CURDIR)/docs/images/soak.svg \
		cargo test --release --test it proof::soak -- --nocapture

# Runs the stories of docs/evidence.md, claim by claim, and writes there what they came to. Ten minutes.
evidence: client-demo/dist/index.html client/dist/index.js tests/clients/node_modules
	tests/postgres/install.sh
	tests/redis/install.sh
	node tests/evidence.mjs

# What is known against any dependency. Asks the advisory databases of Rust and npm, which not every machine reaches: so
# not among the checks above.
audit: dependencies
	$(DENY) check advisories
	$(DENY) --manifest-path fuzz/Cargo.toml check advisories
	npm audit --prefix client
	npm audit --prefix client-demo
	npm audit --prefix tests/clients
	npm audit --prefix tests/browser

# Updraft beside what people would pick instead, written into docs/benchmarks.md; and what its parts cost, on the terminal.
# Half an hour. `cargo run --release -p bench -- ack --peers updraft,node` and the like measures a part.
bench: peers
	cargo run --release -p bench -- --report
	cargo bench --bench decode
	cargo bench --bench dispatch
	cargo bench --bench journal
	node benches/dispatch.mjs

# Installs the servers that Updraft is measured beside; those that cannot be installed are left out.
peers:
	bench/peers/install.sh

# Counts the instructions of a call's hot path, and fails where they are 5 % more than they were.
instructions:
	bench/instructions.sh

# Checks the alert rules for Prometheus, and plays their tests.
alerts:
	packaging/prometheus/check.sh

# Throws arbitrary bytes at the decoder, the parsers and a whole server: ten minutes each. (`fuzz/run.sh 3600 socket`: one.)
fuzz:
	fuzz/run.sh 600

# Compiles what shares nothing with the tests, for what .ci/run does after them.
apart: $(DENY) $(DEB) $(MDBOOK)
	cargo build --release -p bench --bin instructions
	cd fuzz && cargo build --locked --bins

# Each of the long commands, for seconds.
smoke: bench-smoke instructions fuzz-smoke packages-smoke

# What is handed out, apart from target/release: it has the same bytes wherever it is built, and its files the time of the last commit.
DIST = target/dist
RELEASE = $(DIST)/release/updraft
# (Not exported: C would be compiled again after each commit.)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date --reference Cargo.toml +%s)
DATED = SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH)

$(RELEASE): packaging/build.sh client-demo/dist/index.html $(shell find src -type f) Cargo.toml Cargo.lock
	CARGO_TARGET_DIR=$(DIST) packaging/build.sh --features jemalloc
	touch $@

# The image, by buildah, podman or docker; and that it runs, by podman (docs/packages.md).
image: $(RELEASE)
	$(DATED) packaging/image.sh $(RELEASE)

image-test: $(RELEASE)
	tests/packaging/install.sh
	tests/packaging/image.sh $(RELEASE)

# The Debian package, in target/debian; and that it installs, starts and goes, in a fresh Debian.
deb: $(RELEASE) $(DEB)
	$(DATED) packaging/deb.sh $(RELEASE) target/debian/updraft.deb

deb-test: deb
	tests/packaging/install.sh
	tests/packaging/deb.sh target/debian/updraft.deb

# The life of the service under a systemd that runs, in a container: a minute, as root (tests/packaging/systemd.sh). With the program of the
# tests: what is tried is the package. DEBIAN=trixie: in another Debian than this one.
systemd-test: $(DEB) tests/clients/node_modules
	tests/packaging/install.sh
	cargo build $(ALL) --bin updraft
	packaging/deb.sh $(BUILT)/updraft target/debian/updraft-smoke.deb --fast
	tests/packaging/systemd.sh target/debian/updraft-smoke.deb $(DEBIAN)

# That the program and its package have the same bytes when they are built in another folder. A second release build.
reproducible: deb
	$(DATED) tests/packaging/reproducible.sh $(RELEASE) target/debian/updraft.deb

# Both with the program of the tests, and what crates.io and npm would be given.
packages-smoke: publishable $(DEB)
	tests/packaging/install.sh
	cargo build $(ALL) --bins --examples
	tests/packaging/image.sh $(BUILT)/updraft
	packaging/deb.sh $(BUILT)/updraft target/debian/updraft-smoke.deb --fast
	tests/packaging/deb.sh target/debian/updraft-smoke.deb here

# That the packages can be published: what is in them, and what they say of themselves. (Without --no-verify cargo compiles the crate
# from its package too.)
publishable: client-demo/dist/index.html client/dist/index.js
	cargo publish --dry-run --allow-dirty --no-verify
	cd client && npm pack --dry-run && npm publish --dry-run

# Whether the library's public API has all that it had: since the last release, or since main where there is none; or SINCE=commit.
semver: SINCE ?= $(shell git describe --tags --match 'v*' --abbrev=0 2>/dev/null || git merge-base main HEAD)
semver: $(SEMVER)
	CARGO_TARGET_DIR=target/semver $(SEMVER) semver-checks --package updraft --default-features --baseline-rev $(SINCE)

# That the oldest Rust compiles what users do: the one of `rust-version`, which rustup installs where it is not there.
msrv: OLDEST = $(shell sed -n 's/^rust-version = "\(.*\)"/\1.0/p' Cargo.toml)
msrv: client-demo/dist/index.html
	@rustup run $(OLDEST) rustc --version 2>/dev/null || rustup toolchain install --profile minimal $(OLDEST) || \
		{ echo "make msrv: Rust $(OLDEST) is not here, and rustup cannot install it; nothing was compiled" >&2; exit 1; }
	CARGO_TARGET_DIR=target/msrv cargo +$(OLDEST) check --locked --all-features --lib --bins --examples

# What the program is made of, for scanners: target/updraft.cdx.json. Seconds.
sbom: $(CYCLONEDX) client-demo/node_modules
	$(DATED) PATH="$(CURDIR)/target/tools/bin:$$PATH" packaging/sbom.mjs target/updraft.cdx.json jemalloc

# Not optimized: it shows that all of it runs, and is mostly compiled already.
bench-smoke: peers
	cargo test $(ALL) --bench decode --bench dispatch --bench journal -- --test
	node benches/dispatch.mjs 1
	cargo build $(ALL) --bins --examples
	$(BUILT)/bench --smoke
	tests/postgres/install.sh
	$(BUILT)/nodes --smoke
	$(BUILT)/cluster --smoke

# The same each time, so that what fails is what changed; not optimized, as above.
fuzz-smoke:
	UPDRAFT_SEED=1 UPDRAFT_RUNS=2000 UPDRAFT_PROFILE=dev fuzz/run.sh 5

# The page: built anew when anything that it is made of is newer.
PAGE = $(shell find client-demo/src client-demo/public -type f) $(addprefix client-demo/,index.html package.json tsconfig.json vite.config.ts)

client-demo/dist/index.html: client-demo/node_modules client/dist/index.js $(PAGE)
	npm run build --prefix client-demo

# The JS module for users of socket.io-client, which the page uses too.
client/dist/index.js: client/node_modules $(shell find client/src -type f) client/package.json client/tsconfig.json
	npm run build --prefix client

# Not optimized: compiled in a quarter of the time, and there is little for them to do.
INSTALL = CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=256 \
	cargo install --locked --root target/tools

$(DENY):
	$(INSTALL) cargo-deny --version 0.20.2

$(DEB):
	$(INSTALL) cargo-deb --version 3.8.0

$(SEMVER):
	$(INSTALL) cargo-semver-checks --version 0.51.0

$(CYCLONEDX):
	$(INSTALL) cargo-cyclonedx --version 0.5.9

# Without its own server and its watching of files: a quarter of the crates.
$(MDBOOK):
	$(INSTALL) mdbook --version 0.5.4 --no-default-features --features search

tests/python/packages: tests/python/requirements.txt
	tests/python/install.sh
	touch $@

%/node_modules: %/package-lock.json
	tests/retry.sh npm ci --prefix $* --no-audit --no-fund
	touch $@
