// What dispatch costs in Node, in the ways that the proof of concept did or could have done it: 100 modules in
// files, one of them called. CPU time of this process; each way in turn, in rounds; medians.
// `node benches/dispatch.mjs`; `node benches/dispatch.mjs 1` for one round.
import { createRequire } from 'node:module'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const ROUNDS = Number(process.argv[2] ?? 15)
const MODULES = 100
const directory = mkdtempSync(join(tmpdir(), 'dispatch-'))
process.on('exit', () => rmSync(directory, { recursive: true }))

const definition = "{ greeting: 'You\\'re welcome', languages: ['de', 'en', 'fr', 'uk'] }"
const body = (exported) => `
class Module {
  constructor() { this.definition = ${definition} }
  async answer() { return this.definition.greeting.length + this.definition.languages.length }
}
${exported}
`
for (let number = 0; number < MODULES; number += 1) {
  writeFileSync(join(directory, `module${number}.cjs`), body('module.exports = Module'))
  writeFileSync(join(directory, `module${number}.mjs`), body('export default Module'))
}

const require = createRequire(import.meta.url)
const file = (name, end) => join(directory, `${name}.${end}`)
const names = Array.from({ length: MODULES }, (_, number) => `module${number}`)
const classes = new Map(names.map((name) => [name, require(file(name, 'cjs'))]))
const instances = new Map(names.map((name) => [name, new (classes.get(name))()]))
const calls = (count, call) => async () => {
  for (let done = 0; done < count; done += 1) await call(names[done % MODULES])
  return count
}

const ways = {
  'static Map': calls(200_000, (name) => instances.get(name).answer()),
  'new instance per call': calls(200_000, (name) => new (classes.get(name))().answer()),
  'cached require per call': calls(20_000, (name) => new (require(file(name, 'cjs')))().answer()),
  'cached import() per call': calls(5_000, async (name) => {
    const { default: Module } = await import(pathToFileURL(file(name, 'mjs')))
    return new Module().answer()
  }),
  'module re-evaluated per call': calls(1_000, (name) => {
    delete require.cache[file(name, 'cjs')]
    return new (require(file(name, 'cjs')))().answer()
  }),
}

/** Nanoseconds of CPU per call in one turn. */
const measure = async (way) => {
  const start = process.cpuUsage()
  const count = await way()
  const { user, system } = process.cpuUsage(start)
  return ((user + system) * 1000) / count
}

const taken = new Map(Object.keys(ways).map((name) => [name, []]))
for (const way of Object.values(ways)) await way()
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, way] of Object.entries(ways)) taken.get(name).push(await measure(way))
}
console.log(`Node ${process.version}, ${MODULES} modules, ns of CPU per call: median (least to most of ${ROUNDS})`)
for (const [name, all] of taken) {
  all.sort((one, other) => one - other)
  const shown = [all[all.length >> 1], all[0], all.at(-1)].map((time) => Math.round(time).toLocaleString('en'))
  console.log(`${name.padEnd(30)} ${shown[0].padStart(9)} (${shown[1]} to ${shown[2]})`)
}
