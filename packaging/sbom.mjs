#!/usr/bin/env node
// Writes what the program is made of, as CycloneDX: packaging/sbom.mjs FILE FEATURES. The crates by cargo-cyclonedx, less those that only
// other programs of the workspace need; the npm packages of the page by npm; and the client that the server hands out. With
// SOURCE_DATE_EPOCH the same bytes come from the same commit.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [file, features] = process.argv.slice(2);
const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const bundle = 'src/net/server/client_bundle';

function output(program, ...args) {
  return execFileSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'inherit'] });
}

/** What Cargo compiles for the program, as name@version: of the tree, as metadata has what tests need too. */
function compiled() {
  const lines = output('cargo', 'tree', '--locked', '--features', features, '--edges', 'normal,build', '--prefix', 'none', '--format', '{p}');
  const crates = lines.split('\n').map((line) => /^(\S+) v(\S+)/.exec(line)?.slice(1).join('@'));
  return new Set(crates.filter((crate) => crate && !crate.startsWith('updraft@')));
}

/** The crates, with the program itself as their subject; paths of this machine are not in it. */
function crates() {
  const named = 'updraft.cdx';
  output('cargo', 'cyclonedx', '--quiet', '--format', 'json', '--spec-version', '1.5', '--features', features, '--override-filename', named);
  const text = readFileSync(`${root}/${named}.json`, 'utf8');
  for (const member of ['.', 'bench']) rmSync(`${root}/${member}/${named}.json`, { force: true });
  const described = JSON.parse(text.replaceAll(`path+file://${root}`, 'path+file:///updraft'));
  const program = compiled();
  const kept = described.components.filter(({ name, version }) => program.delete(`${name}@${version}`));
  assert.deepEqual([...program], [], 'crates of the program are not described');
  return { ...described, components: kept };
}

/** The npm packages that the page is bundled of. */
function page() {
  const { components } = JSON.parse(output('npm', 'sbom', '--prefix', 'client-demo', '--omit', 'dev', '--sbom-format', 'cyclonedx'));
  assert.ok(components.some(({ name }) => name === 'lit'), 'npm does not list the page');
  return components;
}

/** The client of Node's server, in the files that are in the program. */
function client() {
  const [, version] = /Socket\.IO v(\S+)/.exec(readFileSync(`${root}/${bundle}/socket.io.min.js`, 'utf8'));
  const purl = `pkg:npm/socket.io-client@${version}`;
  return { type: 'library', 'bom-ref': `${bundle}: ${purl}`, name: 'socket.io-client', version, scope: 'required', licenses: [{ expression: 'MIT' }], purl };
}

const described = crates();
const scripts = [...page(), client()];
described.components.push(...scripts);
const known = new Set([described.metadata.component, ...described.components].map((component) => component['bom-ref']));
described.dependencies = described.dependencies
  .filter(({ ref }) => known.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => known.has(other)) }));
const program = described.dependencies.find(({ ref }) => ref === described.metadata.component['bom-ref']);
program.dependsOn.push(...scripts.map((script) => script['bom-ref']));
for (const { name, licenses } of described.components) assert.ok(licenses?.length, `${name} has no licence`);
writeFileSync(file, `${JSON.stringify(described, null, 2)}\n`);
console.log(`${file}: ${described.components.length} components`);
