import { type TSchema, Type } from '@sinclair/typebox'
import { Code, ProjectId, Uuid } from '../schemas/values.ts'
import { EVENTS, eventOf, type PublishedType } from './events.ts'
import { readExamples } from './examples.ts'

/** A kind of message: what it says, and an example of it. */
type MessageKind = { summary: string; payload: TSchema | object; example?: object | undefined }

const Subscription = Type.Union([ProjectId, Uuid, Type.Literal('all')], {
  title: 'Subscription',
  description: 'A project, a photo, or all that the caller may see',
})

/** The messages of a client over its socket. */
export const FROM_CLIENT: Readonly<Record<string, MessageKind>> = {
  token: {
    summary: 'Say who calls; first, within 5 s, where the request could not',
    payload: Type.Object(
      { token: Type.String({ description: 'A key or a token' }) },
      { title: 'TokenMessage' },
    ),
    example: { token: 'eyJhbGciOiJIUzI1NiJ9.eyJwIjpbMTExXX0.c2lnbmF0dXJl' },
  },
  subscribe: {
    summary: 'Subscribe; with `after`, events since 10 s before that one come first',
    payload: Type.Object(
      {
        subscribe: Subscription,
        after: Type.Optional(Type.String({ format: 'uuid', description: 'Id of an event' })),
      },
      { title: 'Subscribe' },
    ),
    example: { subscribe: 111, after: '01a208fa-d379-72a3-9e61-aaf487ae54bf' },
  },
  unsubscribe: {
    summary: 'End a subscription',
    payload: Type.Object({ unsubscribe: Subscription }, { title: 'Unsubscribe' }),
    example: { unsubscribe: 111 },
  },
}

/** What the service answers to these. */
export const TO_CLIENT: Readonly<Record<string, MessageKind>> = {
  authorized: {
    summary: 'The token is valid',
    payload: Type.Object({ authorized: Type.Literal(true) }, { title: 'Authorized' }),
    example: { authorized: true },
  },
  subscribed: {
    summary: 'The subscription began; `reset`: the cursor is too old, read the state anew',
    payload: Type.Object(
      { subscribed: Subscription, reset: Type.Optional(Type.Literal(true)) },
      { title: 'Subscribed' },
    ),
    example: { subscribed: 111 },
  },
  unsubscribed: {
    summary: 'The subscription ended',
    payload: Type.Object({ unsubscribed: Subscription }, { title: 'Unsubscribed' }),
    example: { unsubscribed: 111 },
  },
  refused: {
    summary: 'A message was refused; the socket goes on',
    payload: Type.Object(
      { error: Type.Object({ code: Code, message: Type.String() }) },
      { title: 'RefusedMessage' },
    ),
    example: {
      error: { code: 'unknown-message', message: 'A message is {"subscribe": …} or {"unsubscribe": …}' },
    },
  },
}

/** Events, by their type. */
export const EVENT_MESSAGES: Readonly<Record<string, MessageKind>> = Object.fromEntries(
  Object.entries(EVENTS).map(([type, summary]) => [
    type,
    {
      summary,
      payload: eventOf(type as PublishedType),
      get example() {
        return readExamples().events[type as PublishedType]
      },
    },
  ]),
)

/** What the workers get. */
export const WORK_MESSAGES: Readonly<Record<string, MessageKind>> = {
  process: {
    summary:
      'Process a photo. `uuid` or `id` instead of `photo_uuid`, the bare uuid as text, JSON or 16 bytes, and a list of these are taken too',
    payload: Type.Object({ photo_uuid: Uuid }, { title: 'WorkMessage' }),
    example: { photo_uuid: '01a208fa-d379-72a3-9e61-aaf487ae54bf' },
  },
}

/** A message as AsyncAPI has it. */
export const describeMessage = (name: string, { summary, payload, example }: MessageKind) => ({
  name,
  summary,
  contentType: 'application/json',
  payload,
  ...(example && { examples: [{ name: 'example', payload: example }] }),
})
