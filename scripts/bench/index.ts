import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { readArguments } from '../arguments.ts'
import { mayUseServers, SERVERS, withOwnServers } from '../own-servers.ts'
import { benchBigUploads } from './big-uploads.ts'
import { benchEndToEnd } from './end-to-end/index.ts'
import { benchMemory } from './end-to-end/memory.ts'
import { benchSmall } from './end-to-end/small.ts'
import { benchVersions } from './end-to-end/versions.ts'
import { benchImages } from './images.ts'
import { benchImaging } from './imaging/index.ts'
import { benchQuality } from './imaging/quality.ts'
import { benchLists } from './lists.ts'
import { benchRequests } from './requests.ts'
import type { Environment } from './service.ts'
import { benchSockets } from './sockets.ts'
import { benchSubmissions } from './submissions.ts'
import { benchUploads } from './uploads.ts'

type Figures = Record<string, string | number>

/** Every benchmark that needs servers, by the name that `--only` takes; `imaging` needs none, nor does `quality`, which takes photos. */
const BENCHES: Record<string, (env: Environment) => Promise<Figures>> = {
  requests: benchRequests,
  'end-to-end': benchEndToEnd,
  'end-to-end-small': benchSmall,
  'end-to-end-versions': benchVersions,
  'end-to-end-memory': benchMemory,
  images: benchImages,
  uploads: benchUploads,
  sockets: benchSockets,
  submissions: benchSubmissions,
  lists: benchLists,
  'big-uploads': benchBigUploads,
}

const NAMES = [...Object.keys(BENCHES), 'imaging', 'quality']

const USAGE = `Usage: npm run bench -- [options] [photo…]
  --only NAME    one of ${NAMES.join(', ')}
  --quick        the first lines of imaging only
  --json FILE    where to write the figures
  --yes          use the servers of this machine without asking, where none are named
  photo…         what quality measures`

const { only, json, quick, yes, photos } = readArguments(USAGE, (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
    },
  })
  const { only } = values
  if (only !== undefined && !NAMES.includes(only))
    throw new Error(`--only must be one of ${NAMES.join(', ')}`)
  if (positionals.length > 0 && only !== 'quality') throw new Error('Only quality takes photos')
  return { ...values, photos: positionals }
})

const needsServers = only === undefined || only in BENCHES
if (needsServers && !yes && !(await mayUseServers('`npm run bench -- --yes`'))) process.exit(1)

console.log(await describeMachine())
const figures: Record<string, Figures> = {}
for (const [name, bench] of Object.entries(BENCHES)) {
  if (only !== undefined && only !== name) continue
  const measured = await withEnvironment(bench)
  figures[name] = measured
  for (const [figure, value] of Object.entries(measured)) console.log(`${figure.padEnd(62)} ${value}`)
}
if (only === undefined || only === 'imaging')
  Object.assign(figures, await benchImaging({ quick, photo: process.env.PHOTO }))
if (only === 'quality') await benchQuality(photos)
if (json) await writeFile(json, `${JSON.stringify(figures, null, 2)}\n`)

/** A database, queues and a directory for one benchmark, gone afterwards. */
async function withEnvironment(bench: (env: Environment) => Promise<Figures>): Promise<Figures> {
  const directory = await mkdtemp(path.join(tmpdir(), 'photos-bench-'))
  try {
    return await withOwnServers(SERVERS, async (own) =>
      bench({ ...own, STORAGE_DIR: path.join(directory, 'files'), PORT: '0' }),
    )
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function describeMachine(): Promise<string> {
  const versions = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  const { fastify, kysely, rascal, jimp } = versions.dependencies
  const { bullmq, sharp, 'wasm-vips': vips } = versions.devDependencies
  const [cpu] = cpus()
  return [
    `${cpus().length} x ${cpu?.model.trim()}, Node ${process.versions.node}`,
    `fastify ${fastify}, kysely ${kysely}, rascal ${rascal}, jimp ${jimp}, sharp ${sharp}, wasm-vips ${vips}, bullmq ${bullmq}`,
  ].join('\n')
}
