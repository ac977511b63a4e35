import type { Readable } from 'node:stream'
import type { Static, TSchema } from '@sinclair/typebox'
import type { LimitRate } from './access/authorize.ts'
import type { Access, Caller } from './access/caller.ts'
import type { App } from './app.ts'
import type { Subscription } from './outbox/replay.ts'
import type { ReceivedMessage, Source } from './queue/port.ts'

/** Every answer that an endpoint may give: its body's schema by status; `NoBody` and `Bytes` for what is not JSON. */
export type Replies = { readonly [status: number]: TSchema }

export type Headers = Record<string, string | number>

/** What an endpoint answers with a status of its own choosing. */
export class Answer {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers

  constructor(status: number, body: unknown, headers: Headers = {}) {
    this.status = status
    this.body = body
    this.headers = headers
  }
}

type Reply<R extends Replies> = <S extends keyof R & number>(
  status: S,
  body: Static<R[S]>,
  headers?: Headers,
) => Answer

type OkBody<R extends Replies> = R extends { readonly 200: infer S extends TSchema } ? Static<S> : never

type Part<T> = T extends TSchema ? Static<T> : Record<string, never>

/** A part of a multipart form, in the order of the form; a file's content must be read before the next part comes. */
export type FormPart =
  | { kind: 'field'; name: string; value: string }
  | { kind: 'file'; name: string; filename: string; content: Readable }

export type Request<P, Q, B> = {
  params: Part<P>
  query: Part<Q>
  body: B extends TSchema ? Static<B> : undefined
  /** The parts of the form where the endpoint takes one, else none. */
  form: AsyncIterable<FormPart>
  headers: Record<string, string | string[] | undefined>
  method: string
  /** Who sent it: what it may see and make. */
  caller: Caller
  /** How a credential that comes otherwise than in the headers makes its caller known. */
  limitRate: LimitRate
}

/** One HTTP endpoint: what it takes, what it may answer, what it does. */
export type Endpoint<P = unknown, Q = unknown, B = unknown, R extends Replies = Replies> = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  /** What a caller needs: a scope of its key, or nothing. */
  access: Access
  /** A signed link opens it too. */
  link?: true
  summary: string
  tag: string
  params?: P
  query?: Q
  body?: B
  /** Takes multipart/form-data of this form instead of a body; for local use only. */
  form?: TSchema
  replies: R
  /** Returns the body of a 200, or `reply(status, body, headers)`. */
  handle(request: Request<P, Q, B>, app: App, reply: Reply<R>): Promise<OkBody<R> | Answer>
}

/** An endpoint that goes on talking: events as they happen, over WebSocket or Server-Sent Events. For local use only. */
export type Live = {
  /** Its `operationId`, which functions/index.ts gives it. */
  name?: string
  path: string
  access: Access
  summary: string
  tag: string
  params?: object
  /** What the path subscribes to; without it the client says so over its socket. */
  subscription?: (params: never) => Subscription
}

/** A queue consumer: handles one message; throwing brings it back. */
export type QueueConsumer<A> = {
  access: 'internal'
  from: Exclude<Source, 'dead'>
  handle(message: ReceivedMessage, app: A): Promise<void>
}

/** Work that is done again and again; `run` returns how much there was. */
export type Schedule = {
  name: string
  /** The program runs it, or an event of the platform; no request does. */
  access: 'internal'
  every(config: App['config']): number
  /** Names of parts that do not wait for one another, each run on its own; without it the work is one. */
  lanes?(config: App['config']): readonly string[]
  run(app: App, lane: string): Promise<number>
  /** Resolves when what `run` has left under way has ended; no more is run meanwhile. */
  finish?(app: App): Promise<void>
}

/** An endpoint of whatever types, as the adapters mount it. */
export type AnyEndpoint = {
  /** Its `operationId`, which functions/index.ts gives it. */
  name?: string
  method: Endpoint['method']
  path: string
  access: Access
  link?: true | undefined
  summary: string
  tag: string
  params?: object | undefined
  query?: object | undefined
  body?: object | undefined
  form?: TSchema | undefined
  replies: Replies
  handle(request: never, app: App, reply: never): Promise<unknown>
}

export const endpoint = <R extends Replies, P = undefined, Q = undefined, B = undefined>(
  definition: Endpoint<P, Q, B, R>,
): Endpoint<P, Q, B, R> => definition

/** Gives endpoints the names by which they are listed, which so are unique. */
export const named = <E extends { name?: string }>(
  byName: Readonly<Record<string, E>>,
): readonly (E & { name: string })[] =>
  Object.entries(byName).map(([name, endpoint]) => Object.assign(endpoint, { name }))

export const live = (definition: Live): Live => definition

export const consumer = <A>(definition: QueueConsumer<A>): QueueConsumer<A> => definition

export const schedule = <S extends Schedule>(definition: S): S => definition

export const lanesOf = ({ lanes }: Schedule, config: App['config']): readonly string[] =>
  lanes ? lanes(config) : ['']

/** The third argument of every endpoint's `handle`. */
export const reply = (status: number, body: unknown, headers?: Headers): Answer =>
  new Answer(status, body, headers)
