import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import { expect, expectTypeOf, test } from 'vitest'
import { type DescribedEvent, EVENTS } from '../../../../lib/http/description/events.ts'
import type { CloudEvent } from '../../../../lib/outbox/event.ts'
import { withEmbedded } from '../../../functions/support.ts'
import { openCompiler } from './support.ts'

type Message = { payload: object; examples: { payload: unknown }[] }
type Document = {
  channels: Record<string, { address: string; messages: object }>
  components: { messages: Record<string, Message> }
}

/** Runs `use` with the document that a service serves. */
const withMessages = (use: (document: Document) => void) =>
  withEmbedded(async (_app, url) => {
    const answer = await fetch(`${url}/asyncapi.json`)
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    use((await answer.json()) as Document)
  })

test('/asyncapi.json is an AsyncAPI 3 document', () =>
  withMessages((document) => {
    const schema = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0.json') as object
    // The schema has that of JSON Schema in itself.
    const ajv = new Ajv({
      strict: false,
      allErrors: true,
      validateFormats: false,
      meta: false,
      validateSchema: false,
    })
    const validate = ajv.compile(schema)
    validate(document)
    expect(validate.errors ?? []).toEqual([])
  }))

test('what it refers to is there', () =>
  withMessages((document) => {
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/(.*?)"/g)
    for (const [, path = ''] of references) {
      const found = path
        .split('/')
        .reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], document)
      expect.soft(found, path).toBeDefined()
    }
  }))

test('it describes sockets, event streams, the queue of the workers and the exchange of events', () =>
  withMessages(({ channels, components }) => {
    expect(Object.values(channels).map(({ address }) => address)).toEqual([
      '/ws',
      '/projects/{id}/events',
      'photo-processor',
      'photo-app',
    ])
    expect(Object.keys(components.messages)).toEqual(expect.arrayContaining(Object.keys(EVENTS)))
  }))

test('each message has an example that fits it', () =>
  withMessages((document) => {
    const compile = openCompiler(document)
    for (const [name, { payload, examples }] of Object.entries(document.components.messages)) {
      expect.soft(examples, name).toHaveLength(1)
      const validate = compile(payload)
      validate(examples[0]?.payload)
      expect.soft(validate.errors ?? [], name).toEqual([])
    }
  }))

test('an event is described with the types that it is sent with', () => {
  expectTypeOf<CloudEvent['data']['thumbnails']>().toEqualTypeOf<DescribedEvent['data']['thumbnails']>()
  expectTypeOf<keyof CloudEvent['data']>().toEqualTypeOf<keyof DescribedEvent['data']>()
  expectTypeOf<keyof CloudEvent>().toEqualTypeOf<keyof DescribedEvent>()
})
