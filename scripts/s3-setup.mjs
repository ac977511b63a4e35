import './node-version.mjs'

await import('./s3-setup.ts')
