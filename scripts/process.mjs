import './node-version.mjs'

await import('./process.ts')
