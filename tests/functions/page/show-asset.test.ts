import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { showAsset } from '../../../functions/page/show-asset.ts'
import type { Answer } from '../../../lib/function.ts'
import { loadAssets } from '../../../lib/http/page-assets.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { call } from '../support.ts'

const bytesOf = ({ body }: Answer) => body as Buffer

test('files come compressed as the browser takes them, and not again while they are the same', () =>
  withApp(SETUPS[0], async (app) => {
    const { version } = await loadAssets()
    const params = { version, name: 'main.js' }
    const ask = (headers: Record<string, string>) => call(showAsset, app, { params, headers })
    const plain = await ask({})
    expect(plain.headers).not.toHaveProperty('content-encoding')
    const zipped = await ask({ 'accept-encoding': 'gzip, deflate' })
    expect(zipped.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' })
    expect(gunzipSync(bytesOf(zipped))).toEqual(bytesOf(plain))
    const brotli = await ask({ 'accept-encoding': 'gzip, deflate, br;q=1.0' })
    expect(brotli.headers).toMatchObject({ 'content-encoding': 'br' })
    expect(brotliDecompressSync(bytesOf(brotli))).toEqual(bytesOf(plain))
    const again = await ask({ 'if-none-match': String(plain.headers.etag) })
    expect(again).toMatchObject({ status: 304, headers: { etag: plain.headers.etag } })
  }))
