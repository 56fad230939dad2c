// The page stays light: fails where its scripts are too large.

import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** Most that all scripts may take, gzipped, in bytes. */
const MOST = 100_000;

const folder = new URL('dist/assets/', import.meta.url);
const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'));
const size = scripts.reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, folder))).length, 0);
console.log(`The scripts take ${size} bytes gzipped, of ${MOST} that they may.`);
if (scripts.length === 0 || size > MOST) process.exit(1);
