import { describe, expect, test } from 'vitest'
import { endpoints } from '../../../functions/index.ts'
import type { App } from '../../../lib/app.ts'
import { at, insertPhoto, problemOf, withServer } from '../../functions/support.ts'
import { CALLS } from '../../security/calls.ts'
import { makeKey } from '../../security/credentials.ts'
import { makeWorld, type World } from '../../security/world.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'

/** Every list with a cursor, by method and path. */
const LISTS = endpoints
  .filter(({ query }) => 'after' in ((query as { properties?: object } | undefined)?.properties ?? {}))
  .map(({ method, path }) => `${method} ${path}`)

const LINK = /^<https:\/\/photos\.example\.com\/api(\/[^>]+)>; rel="next"$/

/** Three of everything that is listed, of project 1. */
async function fill(app: App): Promise<World> {
  for (let i = 0; i < 3; i++) {
    await insertPhoto(app, { door: 'projects', project_id: 1, name: `${i}`, created_at: at(1) })
    await makeKey(app)
  }
  return makeWorld(app)
}

/** The entries of a page, however its door calls them. */
const itemsOf = (page: object) =>
  (Array.isArray(page) ? page : (Object.values(page).find(Array.isArray) as object[])) as object[]

describe.for(SETUPS)('on $name', (setup) => {
  test.skipIf(!isAvailable(setup))('the links of every list lead through all of it, and nothing twice', () =>
    withApp(
      setup,
      async (app) => {
        const world = await fill(app)
        await withServer(app, async (url) => {
          for (const name of LISTS) {
            const { path } = (await CALLS[name]?.call(world)) ?? expect.fail(name)
            const whole = itemsOf((await (await fetch(url + path)).json()) as object)
            expect.soft(whole.length, name).toBeGreaterThanOrEqual(3)
            const paged: object[] = []
            for (let at: string | undefined = `${path}?limit=2`; at; ) {
              const answer = await fetch(url + at)
              const page = (await answer.json()) as { next?: string | null }
              const link: string | null = answer.headers.get('link')
              paged.push(...itemsOf(page))
              at = link === null ? undefined : LINK.exec(link)?.[1]
              if (link !== null) expect.soft(at, name).toMatch(/\?limit=2&after=/)
              if (Array.isArray(page)) continue
              const after = at && new URL(at, url).searchParams.get('after')
              expect.soft(page.next, name).toBe(after ?? null)
            }
            expect.soft(paged, name).toEqual(whole)
          }
        })
      },
      { PUBLIC_URL: 'https://photos.example.com/api', AUTH: 'none' },
    ),
  )
})

test('no list takes a cursor that none gave', () =>
  withApp(SETUPS[0], async (app) => {
    const world = await makeWorld(app)
    await withServer(app, async (url) => {
      for (const name of LISTS)
        for (const after of [
          '',
          'nonsense',
          '%00',
          Buffer.from('2026-02-30T00:00:00.000Z/a').toString('base64url'),
        ]) {
          const { path } = (await CALLS[name]?.call(world)) ?? expect.fail(name)
          const problem = await problemOf(await fetch(`${url}${path}?after=${after}`), 422)
          expect.soft(problem.errors?.[0]?.pointer, `${name} ${after}`).toBe('/query/after')
        }
    })
  }))
