import './node-version.mjs'

await import('./load/index.ts')
