# Needs Rust (1.94 or later), Node.js (20 or later) with npm, and make. Everything else is installed here.

.PHONY: run test proof check bench fuzz smoke fuzz-smoke bench-smoke
.DELETE_ON_ERROR:

# Builds the server and runs it with its demo modules on http://127.0.0.1:3000 (PORT or UPDRAFT_PORT for another).
run: client-demo/node_modules
	cargo run --release -- serve --client-bundle client-demo/node_modules/socket.io-client/dist

# Installs what the tests need and passes them all.
test: client-demo/node_modules tests/clients/node_modules
	cargo test --all-features

# What `make test` does for seconds, for some minutes: kills, and a crowd of clients.
proof: tests/clients/node_modules
	UPDRAFT_KILLS=200 cargo test --test it journal::crash
	UPDRAFT_KILLS=50 cargo test --test it proof::kills
	UPDRAFT_STEPS=300 cargo test --test it proof::history

# What a change must pass beside its tests: format, lints, documentation without warnings.
check:
	cargo fmt --check
	cargo clippy --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

# What calls cost, and dispatch; docs/benchmarks-call.md and docs/dispatch.md read the figures. Some minutes.
bench:
	cargo bench --bench decode
	cargo bench --bench dispatch
	cargo bench --bench whole_call
	cargo bench --bench journal
	node benches/dispatch.mjs

# Throws arbitrary bytes at the decoder for an hour.
fuzz:
	fuzz/run.sh 3600

# Each of the long commands, for seconds.
smoke: bench-smoke fuzz-smoke

bench-smoke:
	cargo bench --bench decode -- --test
	cargo bench --bench dispatch -- --test
	cargo bench --bench whole_call -- --test
	cargo bench --bench journal -- --test
	node benches/dispatch.mjs 1

fuzz-smoke:
	fuzz/run.sh 10

%/node_modules: %/package-lock.json
	npm ci --prefix $* --no-audit --no-fund
	touch $@
