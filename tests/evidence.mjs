#!/usr/bin/env node
// Runs the stories of docs/evidence.md, claim by claim, prints which passed, and writes that into the page.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = `${root}docs/evidence.md`;
const end = "## What it costs";
const suite = ["test", "--quiet", "--workspace", "--all-features", "--test", "it"];

function output(program, ...args) {
  return execFileSync(program, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 }).trim();
}

/** A claim and the names of its stories, of a line that is a row with stories. */
function cells(line) {
  const [claim, names] = line.slice(2, -2).split(" | ");
  return line.startsWith("| ") && names?.includes("`") ? { claim, names } : undefined;
}

/** What the stories of these names, or in these modules, come to; those that fail are printed. */
function result(names, stories) {
  const named = [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
  const chosen = stories.filter((story) => named.some((name) => story === name || story.startsWith(`${name}::`)));
  const run = spawnSync("cargo", [...suite, "--", "--exact", ...chosen], { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 });
  const counts = /(\d+) passed; (\d+) failed/.exec(run.stdout);
  if (run.status === 0 && Number(counts?.[1]) === chosen.length) return `${counts[1]} passed`;
  console.error(run.stdout, run.stderr);
  return counts ? `${counts[2]} of ${chosen.length} FAILED` : "FAILED";
}

execFileSync("cargo", [...suite, "--no-run"], { cwd: root, stdio: "inherit" });
const listed = output("cargo", ...suite, "--", "--list", "--format", "terse");
const stories = [...listed.matchAll(/^(.*): test$/gm)].map(([, story]) => story);

const [tables, ...rest] = readFileSync(page, "utf8").split(end);
const lines = tables.split("\n").map((line) => {
  const row = cells(line);
  if (!row) return line;
  const came = result(row.names, stories);
  console.log(`${row.claim.replaceAll("**", "")}: ${came}`);
  return `| ${row.claim} | ${row.names} | ${came} |`;
});
const day = new Date().toISOString().slice(0, 10);
const commit = output("git", "rev-parse", "--short", "HEAD");
const dated = lines.join("\n").replace(/^Last run: .*$/m, `Last run: ${day}, at commit ${commit}.`);
writeFileSync(page, [dated, ...rest].join(end));
process.exitCode = dated.includes("FAILED |") ? 1 : 0;
