import type { AnyEndpoint } from '../../function.ts'

/** An answer of an endpoint; `names` are those of functions/index.ts. */
export type AnswerOf = { endpoint: Pick<AnyEndpoint, 'name' | 'access' | 'body' | 'replies'>; status: number }

type HeaderKind = {
  description: string
  type: 'string' | 'integer'
  example: string | number
  /** The answers that have it, now and then or always. */
  on: (answer: AnswerOf) => boolean
}

const of =
  (statuses: readonly number[], ...names: string[]) =>
  ({ endpoint: { name = '' }, status }: AnswerOf): boolean =>
    statuses.includes(status) && names.includes(name)
const at =
  (...statuses: number[]) =>
  ({ status }: AnswerOf): boolean =>
    statuses.includes(status)

/** A file that a client may have already is answered with 304. */
const isCached = ({ endpoint, status }: AnswerOf) =>
  304 in endpoint.replies && [200, 206, 304, 416].includes(status)
const isCounted = ({ endpoint: { access, name }, status }: AnswerOf) =>
  (access !== 'public' || name === 'signIn') && status !== 401
const isSuccess = ({ status }: AnswerOf) => status < 300

/** The headers of answers that a client may want to read, and which answers have them. */
export const HEADERS: Readonly<Record<string, HeaderKind>> = {
  location: {
    description: 'Where what was made is shown; of 302, where the file lies',
    type: 'string',
    example: 'https://photos.example.com/photos/01a208fa-d379-72a3-9e61-aaf487ae54bf',
    on: (answer) =>
      [302, 303].includes(answer.status) ||
      of([201, 202], 'addPhotos', 'submitJob', 'submitImage', 'createUpload')(answer) ||
      of([200], 'submitImage')(answer),
  },
  link: {
    description: 'With `rel="next"`: the next page',
    type: 'string',
    example: '<https://photos.example.com/photos/pending?limit=1000&after=…>; rel="next"',
    on: (answer) =>
      of(
        [200],
        'listPendingPhotos',
        'listPhotos',
        'listProjectImages',
        'listImageJobs',
        'listKeys',
      )(answer) || of([200, 304], 'showPage')(answer),
  },
  'last-event-id': {
    description: 'Subscribe with it as `after`, and miss nothing that happens after the list',
    type: 'string',
    example: '01a208fa-d379-72a3-9e61-aaf487ae54bf',
    on: of([200], 'listPhotos'),
  },
  'idempotency-replayed': {
    description: '`true` where this is the first answer again',
    type: 'string',
    example: 'true',
    on: (answer) =>
      isSuccess(answer) && answer.endpoint.body !== undefined && answer.endpoint.access !== 'public',
  },
  etag: {
    description: 'What the bytes are known by; send it as `If-None-Match`',
    type: 'string',
    example: '"5f3a…"',
    on: isCached,
  },
  'cache-control': {
    description: 'For how long, and by whom, the answer may be kept',
    type: 'string',
    example: 'no-cache',
    on: (answer) =>
      isCached(answer) ||
      answer.status === 302 ||
      of([200], 'followProject', 'submitImage')(answer) ||
      of([201], 'createKey', 'createToken')(answer) ||
      of([204], 'signIn', 'signOut')(answer),
  },
  'content-disposition': {
    description: 'The name under which the file is saved',
    type: 'string',
    example: 'inline; filename="01a208fa-d379-72a3-9e61-aaf487ae54bf.jpg"',
    on: of([200, 206], 'showFile', 'showPhotoContent', 'showByNickname', 'showImageJobThumbnail'),
  },
  'accept-ranges': {
    description: '`bytes`: a `Range` is served',
    type: 'string',
    example: 'bytes',
    on: (answer) => 206 in answer.endpoint.replies && isCached(answer),
  },
  'content-range': {
    description: 'Which part of how many bytes this is',
    type: 'string',
    example: 'bytes 0-99/20480',
    on: at(206, 416),
  },
  'x-request-id': {
    description: 'The `trace_id` of the lines of this request in the log',
    type: 'string',
    example: '4bf92f3577b34da6a3ce929d0e0e4736',
    on: () => true,
  },
  'x-cache': {
    description: '`HIT` where the image came from the cache, else `MISS`',
    type: 'string',
    example: 'HIT',
    on: of([200], 'showPhotoContent', 'showByNickname'),
  },
  'set-cookie': {
    description: 'The session: HttpOnly, SameSite=Strict; removed when signing out',
    type: 'string',
    example: 'session=…; Path=/; HttpOnly; SameSite=Strict',
    on: of([204], 'signIn', 'signOut'),
  },
  'www-authenticate': {
    description: 'How to say who calls',
    type: 'string',
    example: 'Bearer',
    on: at(401),
  },
  allow: {
    description: 'The methods that the address takes',
    type: 'string',
    example: 'GET, HEAD, OPTIONS',
    on: at(405),
  },
  'retry-after': {
    description: 'Seconds after which the request may succeed',
    type: 'integer',
    example: 2,
    on: at(429, 503),
  },
  'ratelimit-limit': {
    description: 'Requests a minute of the key',
    type: 'integer',
    example: 1200,
    on: isCounted,
  },
  'ratelimit-remaining': {
    description: 'Those that are left',
    type: 'integer',
    example: 1199,
    on: isCounted,
  },
  'ratelimit-reset': {
    description: 'Seconds until there are as many again',
    type: 'integer',
    example: 60,
    on: isCounted,
  },
}

/** The names of the headers that an answer may have. */
export const headersOf = (answer: AnswerOf): string[] =>
  Object.entries(HEADERS).flatMap(([name, { on }]) => (on(answer) ? name : []))
