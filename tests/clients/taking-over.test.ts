import { execFile, execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { uuidv7 } from 'uuidv7'
import { expect, inject, test } from 'vitest'
import { execute } from '../../scripts/own-servers.ts'
import { jpeg, sample } from '../support/images.ts'
import { getJson } from '../support/service.ts'
import { serve, withService } from './support.ts'

const run = promisify(execFile)

const GUIDE = readFileSync(new URL('../../docs/migrating.md', import.meta.url), 'utf8')

/** The line that the guide has for a service. */
const lineOf = (service: string): string =>
  new RegExp(`### ${service}\\n[^]*?\`\`\`sh\\n([^]*?)\`\`\``).exec(GUIDE)?.[1] ?? ''

const isThere = (command: string) => {
  try {
    execFileSync('which', [command])
    return true
  } catch {
    return false
  }
}

const postgresUrl = inject('postgresUrl')
const isRunnable = postgresUrl !== undefined && ['bash', 'psql', 'jq', 'curl'].every(isThere)

/** Runs `use` with a database that has the tables of the four services without one of ours. */
async function withOld(image: Buffer, url: string, use: (old: string) => Promise<void>): Promise<void> {
  const name = `photos_old_${uuidv7().slice(-12)}`
  await execute(postgresUrl ?? '', `create database ${name}`)
  const old = Object.assign(new URL(postgresUrl ?? ''), { pathname: `/${name}` }).href
  try {
    await execute(
      old,
      `create schema page; create schema projects;
      create table projects.images (id int, filename text, project_id int, original_url text);
      insert into projects.images values (1, 'one photo.jpg', 7, '${url}'), (2, 'none.jpg', 7, null);
      create table page.images (id uuid, image_data bytea, nickname text, mime_type text);
      insert into page.images values (gen_random_uuid(), decode('${image.toString('hex')}', 'hex'), 'Ann Lee', 'image/jpeg');
      insert into page.images select gen_random_uuid(), image_data, null, null from page.images;
      create table jobs (job_id uuid, image_url text, transformations json, status text);
      insert into jobs values (gen_random_uuid(), '${url}', '["resize:10x10","grayscale"]', 'COMPLETED');
      create table image_jobs (id uuid, url text, created_at timestamptz);
      insert into image_jobs select gen_random_uuid(), '${url}', now() from generate_series(1, 1001)`,
    )
    await use(old)
  } finally {
    await execute(postgresUrl ?? '', `drop database ${name} with (force)`)
  }
}

const SERVICES = [
  { service: 'Project uploads', schema: 'projects', door: 'projects', photos: 1, name: 'one photo.jpg' },
  { service: 'Photo page', schema: 'page', door: 'page', photos: 2, name: 'photo' },
  { service: 'Transformations of images', schema: 'public', door: 'jobs', photos: 1 },
  { service: 'Images by URL \\(thumbforge\\)', schema: 'public', door: 'v1', photos: 1001 },
]

test.skipIf(!isRunnable)('the lines of the guide take over the data of the four other services', () =>
  withService(async ({ url }, sources) => {
    const image = await jpeg(sample(32, 24))
    await withOld(image, serve(sources, 'photo.jpg', image), async (old) => {
      for (const { service, schema, door, photos, name } of SERVICES) {
        const options = { PGOPTIONS: `-c search_path=${schema}`, OLD: old, HERE: url }
        const line = lineOf(service)
        expect(line).toContain('$OLD')
        await run('bash', ['-euo', 'pipefail', '-c', line], { env: { PATH: process.env.PATH, ...options } })
        const { items } = await getJson<{ items: { status: string; name: string }[] }>(
          `${url}/photos?door=${door}&limit=1000`,
        )
        expect(items).toHaveLength(Math.min(photos, 1000))
        if (name !== undefined) expect(items).toMatchObject(Array.from({ length: photos }, () => ({ name })))
        expect(items.filter(({ status }) => ['init', 'failed'].includes(status))).toEqual([])
      }
    })
  }),
)
