# Needs Rust (1.94 or later), Node.js (20 or later) with npm, and make. Everything else is installed here.

.PHONY: run test check bench fuzz smoke
.DELETE_ON_ERROR:

# Builds the server and runs it with its demo modules on http://127.0.0.1:3000 (PORT or UPDRAFT_PORT for another).
run: client-demo/node_modules
	cargo run --release -- serve --client-bundle client-demo/node_modules/socket.io-client/dist

# Installs what the tests need and passes them all.
test: client-demo/node_modules tests/clients/node_modules
	cargo test --all-features

# What a change must pass beside its tests: format, lints, documentation without warnings.
check:
	cargo fmt --check
	cargo clippy --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

%/node_modules: %/package-lock.json
	npm ci --prefix $* --no-audit --no-fund
	touch $@
