import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { once } from './once.ts'

/** A file of the page as a browser gets it; `encoded` by what `Accept-Encoding` may name, best first. */
export type Asset = {
  type: string
  etag: string
  body: Buffer
  encoded: readonly (readonly [encoding: string, body: Buffer])[]
}

/** The page, and what it asks for by name, all under one version. */
export type Assets = { version: string; page: Asset; byName: ReadonlyMap<string, Asset> }

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

const DIRECTORY = new URL('./page/', import.meta.url)

/** Modules of packages that the page imports, served beside its own. */
const PACKAGES = ['thumbhash']

/**
 * Reads the page's files, once. They are served from memory below a path that names their content, so that a browser
 * may keep them for ever; TypeScript becomes JavaScript here, unless the server has been built and it is already.
 */
export const loadAssets = once(async (): Promise<Assets> => {
  const { 'index.html': html = '', ...files } = await readPage()
  const version = createHash('sha256')
    .update(JSON.stringify([html, files]))
    .digest('hex')
    .slice(0, 16)
  const page = html
    .replace('{modules}', Object.keys(files).map(preload).join(''))
    .replaceAll('{assets}', `/assets/${version}`)
  const assets = Object.entries(files).map(async ([name, text]) => [name, await encode(name, text)] as const)
  return { version, page: await encode('index.html', page), byName: new Map(await Promise.all(assets)) }
})

/** Has the browser ask for all modules at once, and not for one after the other as each names the next. */
const preload = (name: string) =>
  name.endsWith('.js') ? `<link rel="modulepreload" href="{assets}/${name}" />` : ''

/** The files' texts by the names under which they are served. */
async function readPage(): Promise<Record<string, string>> {
  // In the order of their names, in which style sheets build on one another.
  const names = (await readdir(DIRECTORY)).sort()
  const files = new Map<string, string>()
  for (const name of names) {
    const ending = name.split('.').at(-1) ?? ''
    const isTypeScript = ending === 'ts' && !name.endsWith('.d.ts')
    if (!isTypeScript && !Object.hasOwn(TYPES, ending)) continue
    const text = await readFile(new URL(name, DIRECTORY), 'utf8')
    if (ending === 'css') files.set('style.css', (files.get('style.css') ?? '') + text)
    else if (isTypeScript) files.set(name.replace(/ts$/, 'js'), await toJavaScript(text))
    else files.set(name, ending === 'js' ? resolved(text) : text)
  }
  for (const name of PACKAGES)
    files.set(`${name}.js`, await readFile(fileURLToPath(import.meta.resolve(name)), 'utf8'))
  return Object.fromEntries(files)
}

/** By the module that Node itself strips types with: Node's own function warns on stderr. */
async function toJavaScript(text: string): Promise<string> {
  const { transformSync } = await import('amaro')
  const { code } = transformSync(text, { mode: 'strip-only' })
  // What was a type is now blanks.
  return resolved(code.replace(/[ \t]+$/gm, '').replace(/\n{2,}/g, '\n'))
}

/** Names of modules as addresses beside each other. */
const resolved = (code: string) =>
  code
    .replace(/(from ')(\.\/[\w-]+)\.ts'/g, "$1$2.js'")
    .replace(/(from ')([\w-]+)'/g, (all, from, name) =>
      PACKAGES.includes(name) ? `${from}./${name}.js'` : all,
    )

async function encode(name: string, text: string): Promise<Asset> {
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
