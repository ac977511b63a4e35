import './node-version.mjs'

await import('./db-schema.ts')
