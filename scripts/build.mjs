import './node-version.mjs'

await import('./build/index.ts')
