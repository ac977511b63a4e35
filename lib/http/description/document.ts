import { SESSION_COOKIE } from '../../access/session.ts'
import type { Config } from '../../config/index.ts'
import { ERROR_CODES } from '../../errors.ts'
import { DOORS } from './doors.ts'
import { EVENTS, eventOf, type PublishedType } from './events.ts'
import { readExamples } from './examples.ts'
import { HEADERS } from './headers.ts'

const table = (head: string[], rows: readonly (readonly unknown[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/** What stands above the operations: Markdown, since `/docs` shows it so. */
const description =
  () => `Asynchronous photo processing: send a URL or a file, get thumbnails, and an event when they are done.

## Which door do I use?

A door is a set of operations for one kind of client. All make photos, which one worker processes; \`GET /photos\` lists those of
every door. Begin with the operation that is named; \`photos\` is the door that gets what is new.

${table(
  ['door', 'for', 'makes', 'begin with'],
  Object.entries(DOORS).map(([door, { for: clients, makes, begin }]) => [
    `\`${door}\``,
    clients,
    makes,
    `\`${begin}\``,
  ]),
)}

## Who calls

A service for its own machine is open. Any other needs a key: \`Authorization: Bearer pp_…\`, or a token that \`POST /tokens\` makes of
one for a browser. A key has the scopes \`read\`, \`write\` or \`admin\`, which stand beside each operation, and projects: what belongs to
others is 404.

## Events

Sockets, event streams, webhooks and the exchange of the broker get the same events: see *webhooks* below, and \`/asyncapi.json\` for
the messages of sockets and queues.

## Errors

A refused request is answered with a problem (RFC 9457). Its \`code\` is for programs and does not change. A photo that failed has the
same code in \`error.code\`.

<details><summary>All codes</summary>

${table(
  ['code', 'status', 'what it means'],
  Object.entries(ERROR_CODES).map(([code, { status, means }]) => [`\`${code}\``, status, means]),
)}

</details>`

/** What each tag of the operations is about. */
export const TAGS: Readonly<Record<string, string>> = {
  photos: 'A backlog that is processed on request, and the photos of every door',
  projects: 'Uploads through a link, five versions of each image, and events as they happen',
  jobs: 'One image with operations of your own',
  v1: 'Many URLs, with rules for duplicates',
  page: 'The web page, uploads of files, and images through the cache',
  files: 'Stored files: renditions and originals',
  keys: 'Keys, and tokens for browsers',
  health: 'Whether the service runs, and its metrics',
}

/** How a caller says who it is. */
export const SECURITY_SCHEMES = {
  key: {
    type: 'http',
    scheme: 'bearer',
    description: 'A key (`pp_…`), or a token that `POST /tokens` made of one',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIE,
    description: 'The cookie of the page, which `POST /session` sets',
  },
  link: {
    type: 'apiKey',
    in: 'query',
    name: 'sig',
    description: 'A signed link, with `exp` and `kid`: every URL of a file that an answer has is one',
  },
  access_token: {
    type: 'apiKey',
    in: 'query',
    name: 'access_token',
    description: 'A token in the address of an event stream, for which a browser sends no headers',
  },
} as const

/** Headers by which the receiver of a webhook knows who sent it (Standard Webhooks). */
const WEBHOOK_HEADERS: Readonly<Record<string, string>> = {
  'webhook-id': 'The id of the event: handle each once',
  'webhook-timestamp': 'When it was sent, in s since 1970',
  'webhook-signature': '`v1,` and the HMAC-SHA256 of `{id}.{timestamp}.{body}` in base64',
}

const webhook = (type: PublishedType, means: string) => ({
  post: {
    operationId: `on${type.replace(/(?:^|\.)(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary: means,
    tags: ['photos'],
    description:
      'Sent to each of `WEBHOOK_URLS`, at least once, until it answers 2xx; signed as Standard Webhooks 1.0 has it.',
    security: [],
    parameters: Object.entries(WEBHOOK_HEADERS).map(([name, description]) => ({
      in: 'header',
      name,
      required: true,
      description,
      schema: { type: 'string' },
    })),
    requestBody: {
      required: true,
      content: { 'application/json': { schema: eventOf(type), ...exampleOf(type) } },
    },
    responses: {
      '2XX': { description: 'Taken' },
      '410': { description: 'The receiver wants no more: it gets nothing until it is set up again' },
      default: { description: 'Tried again later, and `Retry-After` is honoured' },
    },
  },
})

const exampleOf = (type: PublishedType) => {
  const value = readExamples().events[type]
  return value && { examples: { event: { value } } }
}

/** All of the document but its paths. */
export const frameOf = ({ publicUrl }: Pick<Config, 'publicUrl'>) => ({
  openapi: '3.1.0',
  info: {
    title: 'Photo processor',
    description: description(),
    version: '1',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  servers: [{ url: publicUrl, description: 'This service' }],
  tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
  webhooks: Object.fromEntries(
    Object.entries(EVENTS).map(([type, means]) => [type, webhook(type as PublishedType, means)]),
  ),
  components: {
    securitySchemes: SECURITY_SCHEMES,
    headers: Object.fromEntries(
      Object.entries(HEADERS).map(([name, { description, type, example }]) => [
        name,
        { description, schema: { type }, example },
      ]),
    ),
    examples: Object.fromEntries(
      Object.entries(readExamples().problems).map(([code, value]) => [code, { value }]),
    ),
  },
})
