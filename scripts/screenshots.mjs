import './node-version.mjs'

await import('./screenshots/index.ts')
