import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { Answer, type Headers } from '../function.ts'
import { once } from '../once.ts'
import { isKnown } from './etag.ts'

/** A file of the page as a browser gets it; `encoded` by what `Accept-Encoding` may name, best first. */
type Asset = {
  type: string
  etag: string
  body: Buffer
  encoded: readonly (readonly [encoding: string, body: Buffer])[]
}

/** The page, and the files that it loads by name, all under one version. */
type Assets = { version: string; page: Asset; byName: ReadonlyMap<string, Asset> }

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  svg: 'image/svg+xml',
}

const DIRECTORY = new URL('../page/', import.meta.url)

/** The files beside the page's modules that a browser loads. */
const SERVED = /\.(html|css|svg)$/

/**
 * Reads the page's files, once. They are served from memory below a path that names their content, so that a browser
 * may keep them for ever.
 */
export const loadAssets = once(async (): Promise<Assets> => {
  const { 'index.html': html = '', ...files } = await readPage()
  const version = createHash('sha256')
    .update(JSON.stringify([html, files]))
    .digest('hex')
    .slice(0, 16)
  const page = html.replaceAll('{assets}', `/assets/${version}`)
  const assets = Object.entries(files).map(async ([name, text]) => [name, await encode(name, text)] as const)
  return { version, page: await encode('index.html', page), byName: new Map(await Promise.all(assets)) }
})

/** Answers with a file of the page in the best encoding that the browser takes, or 304 where it has the file. */
export function answerWith(asset: Asset, headers: Record<string, unknown>, more: Headers): Answer {
  const accepted = String(headers['accept-encoding'] ?? '')
    .split(/[,;]/)
    .map((part) => part.trim())
  const [encoding, body] = asset.encoded.find(([name]) => accepted.includes(name)) ?? [undefined, asset.body]
  // Weak: the encodings of one file share it.
  const caching = { vary: 'accept-encoding', etag: `W/${asset.etag}`, ...more }
  if (isKnown(headers['if-none-match'] as string | undefined, asset.etag))
    return new Answer(304, null, caching)
  return new Answer(200, body, {
    ...caching,
    'content-type': asset.type,
    'content-length': body.byteLength,
    'x-content-type-options': 'nosniff',
    ...(encoding && { 'content-encoding': encoding }),
  })
}

/** The files' texts by the names under which they are served. */
async function readPage(): Promise<Record<string, string>> {
  // In the order of their names, in which style sheets build on one another.
  const names = (await readdir(DIRECTORY)).sort()
  const files = new Map([['main.js', await readScript(names.includes('main.js'))]])
  for (const name of names.filter((name) => SERVED.test(name))) {
    const text = await readFile(new URL(name, DIRECTORY), 'utf8')
    if (name.endsWith('.css')) files.set('style.css', (files.get('style.css') ?? '') + text)
    else files.set(name, text)
  }
  return Object.fromEntries(files)
}

/** The page's modules as one file, which a browser gets in one answer: as it was built, or made of the sources. */
async function readScript(isBuilt: boolean): Promise<string> {
  if (isBuilt) return readFile(new URL('main.js', DIRECTORY), 'utf8')
  const { build, stop } = await import('esbuild')
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('main.ts', DIRECTORY))],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
  })
  await stop()
  return outputFiles.map(({ text }) => text).join('')
}

/** A text in all encodings that a browser may take; its name says its type. */
export async function encode(name: string, text: string): Promise<Asset> {
  const body = Buffer.from(text)
  const type = TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream'
  const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`
  const [brotli, zipped] = await Promise.all([
    promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
    promisify(gzip)(body, { level: 9 }),
  ])
  return {
    type,
    etag,
    body,
    encoded: [
      ['br', brotli],
      ['gzip', zipped],
    ],
  }
}
