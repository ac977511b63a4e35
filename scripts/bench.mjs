import './node-version.mjs'

await import('./bench/index.ts')
