// Plain JavaScript, so that an old Node can read it and say what to do instead of failing on the first type.
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Node ${process.versions.node} is too old: start with "npm start" after "npm ci" (brings its own Node on x64 Linux), or install Node 22.18 or newer.`,
  )
  process.exit(1)
}

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
