import { readFileSync } from 'node:fs'
import vm from 'node:vm'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import { bundleClient } from '../../../scripts/build-package/client.ts'
import { describeCalls } from '../../../scripts/client-types/description.ts'
import { sealOf, TYPES, unseal } from '../../../scripts/client-types/seal.ts'
import { SETUPS, withApp } from '../../support/app.ts'

let bundle: string

beforeAll(async () => {
  bundle = await bundleClient()
})

test('the bundle is small', () => {
  expect(gzipSync(bundle, { level: 9 }).length).toBeLessThan(12_000)
})

test('the bundle loads nothing, and names nothing that is of Node alone', () => {
  expect(bundle).not.toMatch(/\b(import|require)\s*\(|\bimport\b.*\bfrom\b|node:|\bBuffer\b|\b__dirname\b/)
  // A path, a method and a field have that name, too.
  expect(bundle).not.toMatch(/(?<![.\w])process\s*[.[?]|globalThis\.process\b/)
})

test('the bundle can be loaded where there is nothing but the language', () => {
  const script = bundle.replace(/export\s*\{[^}]*\};?\s*$/, '')
  expect(script).not.toBe(bundle)
  expect(() => vm.runInNewContext(script, {})).not.toThrow()
})

test('the types are those of the description: else run "npm run client:types"', () =>
  withApp(SETUPS[0], async (app) => {
    const file = readFileSync(TYPES, 'utf8')
    const types = unseal(file)
    expect(file.slice(0, -types.length)).toBe(sealOf(await describeCalls(app), types))
  }))
