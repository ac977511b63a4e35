import { readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { endpoints, lives } from '../../../../functions/index.ts'
import type { ErrorCode } from '../../../../lib/errors.ts'
import { ANYWHERE, refusalsOf } from '../../../../lib/http/description/codes.ts'
import { EVENTS, type PublishedType } from '../../../../lib/http/description/events.ts'
import type { Examples } from '../../../../lib/http/description/examples.ts'
import { describedLive } from '../../../../lib/http/description/operations.ts'
import { withEmbedded, withServer } from '../../../functions/support.ts'
import { ADMIN_KEY, makeKey, WITH_KEYS } from '../../../security/credentials.ts'
import { SETUPS, withInlineWorker } from '../../../support/app.ts'
import { openSourceServer } from '../../../support/source-server.ts'
import { recordEvents, recordOperations } from './cases.ts'
import { NOT_PROVOKED, PROVOKED, SMALL } from './problems.ts'
import { normalised, PUBLIC_URL } from './recorder.ts'

const FILE = 'lib/http/description/examples.json'

/** What brings the file up to date. */
const COMMAND = 'TEST_UPDATE_EXAMPLES=1 npm test -- tests/lib/http/description/examples.test.ts'

const TYPES = Object.keys(EVENTS) as PublishedType[]

let made: Examples

/** Everything that is an example, from services that run. */
async function makeExamples(): Promise<Examples> {
  const source = await openSourceServer()
  try {
    return await withInlineWorker(
      SETUPS[0],
      (app) =>
        withServer(app, async (url) => {
          const operations = await recordOperations(app, url, ADMIN_KEY, source)
          const events = await recordEvents(app, TYPES)
          const reader = await makeKey(app, [111], ['read'])
          const problems: Examples['problems'] = {}
          await withEmbedded(async (open, openUrl) => {
            const place = { app, url, key: ADMIN_KEY, reader, open: { app: open, url: openUrl } }
            for (const [code, provoke] of Object.entries(PROVOKED))
              problems[code as ErrorCode] = JSON.parse(await provoke(place)) as object
          }, SMALL)
          const hosts = { [source.url]: 'https://example.com', [ADMIN_KEY]: 'pp_k7Qm2x_T0pS3cret' }
          return normalised({ operations, problems, events }, hosts)
        }),
      { ...WITH_KEYS, PUBLIC_URL, DUPLICATE_HANDLING: 'reuse-completed' },
    )
  } finally {
    await source.close()
  }
}

beforeAll(async () => {
  made = await makeExamples()
  if (process.env.TEST_UPDATE_EXAMPLES) writeFileSync(FILE, `${JSON.stringify(made, null, 2)}\n`)
})

test('the examples of the description are what services answer', () => {
  expect(JSON.parse(readFileSync(FILE, 'utf8')), `bring the file up to date with: ${COMMAND}`).toEqual(made)
})

test('each operation has an example, but for those that only show text', () => {
  const names = endpoints.map(({ name }) => name)
  expect(names.filter((name) => !(name in made.operations))).toEqual(['showPage', 'showAsset', 'showMetrics'])
})

test('each code that a request may be refused with has an example, which has that code', () => {
  const codes = [...endpoints, ...lives.map(describedLive)].flatMap((one) =>
    [...refusalsOf(one).values()].flat(),
  )
  const wanted = [...new Set([...codes, ...ANYWHERE])].filter((code) => !NOT_PROVOKED.includes(code))
  expect(Object.keys(made.problems).toSorted()).toEqual(wanted.toSorted())
  for (const [code, problem] of Object.entries(made.problems)) expect.soft(problem).toMatchObject({ code })
})

test('each type of event has an example', () => {
  expect(Object.keys(made.events)).toEqual(TYPES)
})
