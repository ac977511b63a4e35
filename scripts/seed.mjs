import './node-version.mjs'

await import('./seed.ts')
