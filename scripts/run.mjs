import './node-version.mjs'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

// What is compiled is kept, without its types: that saves a second at each start, and the 40 MB of what strips them.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/node', import.meta.url))
module.enableCompileCache()

// `node scripts/run.mjs NAME …` runs `scripts/NAME.ts` or `scripts/NAME/index.ts`, which sees what follows the name.
const [name] = process.argv.splice(2, 1)
const file = [`${name}.ts`, `${name}/index.ts`].find((path) => existsSync(new URL(path, import.meta.url)))
if (!file) {
  console.error(`There is no command ${name}; package.json has them all`)
  process.exit(2)
}
await import(`./${file}`)
