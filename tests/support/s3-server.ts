import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { isSigned, KEYS, refusalOf } from './s3-signatures.ts'

type Upload = { key: string; begun: Date; parts: Map<number, Buffer> }

type Stored = { data: Buffer; etag: string; modified: Date; type: string }

/** A bucket for tests, in memory: verifies signatures and policies, answers 501 to what it does not know. */
export type S3Server = {
  url: string
  bucket: string
  /** Environment variables of a service that stores here. */
  env: Record<string, string>
  objects: Map<string, Stored>
  /** Multipart uploads that were neither completed nor aborted. */
  openUploads(): number
  /** Makes the open multipart uploads so much older, in ms. */
  ageUploads(ms: number): void
  /** The rule that browsers are told, as XML. */
  cors(): string
  /** Takes the bucket away, to be made again. */
  drop(): void
  /** The next requests are answered 503, or with another status. */
  fail(count: number, status?: number): void
  /** Requests get no answer from now on, and when that ends their connections are reset. */
  hang(isHanging: boolean): void
  /** Requests that were answered as `fail` and `hang` say. */
  failures(): number
  close(): Promise<void>
}

export async function openS3Server(bucket = 'photos'): Promise<S3Server> {
  const objects = new Map<string, Stored>()
  const uploads = new Map<string, Upload>()
  let begun = 0
  let failing = 0
  let failure = 503
  let failures = 0
  let isHanging = false
  const hung = new Set<http.IncomingMessage>()
  let exists = true
  let cors = ''

  const store = (key: string, data: Buffer, type = 'application/octet-stream') => {
    const etag = `"${createHash('md5').update(data).digest('hex')}"`
    objects.set(key, { data, etag, modified: new Date(), type })
    return etag
  }

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`)
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
    const [, root, ...rest] = url.pathname.split('/').map(decodeURIComponent)
    const key = rest.join('/')
    if (isHanging) {
      failures++
      return void hung.add(request)
    }
    if (failing > 0) {
      failing--
      failures++
      return refuse(response, failure, failure === 503 ? 'SlowDown' : 'AccessDenied')
    }
    const makes = request.method === 'PUT' && root === bucket && key === ''
    if ((root !== bucket || !exists) && !makes) return refuse(response, 404, 'NoSuchBucket')
    if (request.method === 'POST' && /^multipart\/form-data/.test(request.headers['content-type'] ?? ''))
      return takeForm(request, response, body)
    if (!(await isSigned(request, url, body))) return refuse(response, 403, 'SignatureDoesNotMatch')
    const action = `${request.method} ${key ? 'object' : 'bucket'}`
    const { searchParams: query } = url
    if (action === 'PUT bucket') {
      if (url.searchParams.has('cors')) cors = body.toString()
      else exists = true
      return void response.writeHead(200).end()
    }
    if (action === 'HEAD bucket') return void response.writeHead(200).end()
    if (action === 'GET bucket' && query.get('list-type') === '2') return list(response, query)
    if (action === 'GET bucket' && query.has('uploads')) return listUploads(response)
    if (action === 'POST object' && query.has('uploads')) {
      const id = `upload-${++begun}`
      uploads.set(id, { key, begun: new Date(), parts: new Map() })
      return xml(
        response,
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      )
    }
    const parts = uploads.get(query.get('uploadId') ?? '')?.parts
    if (query.has('uploadId')) return takePart(response, action, key, query, parts, body)
    if (action === 'PUT object')
      return void response.writeHead(200, { etag: store(key, body, request.headers['content-type']) }).end()
    if (action === 'GET object' || action === 'HEAD object') return send(request, response, objects.get(key))
    if (action === 'DELETE object') {
      objects.delete(key)
      return void response.writeHead(204).end()
    }
    refuse(response, 501, 'NotImplemented')
  }

  function takePart(
    response: http.ServerResponse,
    action: string,
    key: string,
    query: URLSearchParams,
    parts: Map<number, Buffer> | undefined,
    body: Buffer,
  ): void {
    if (!parts) return void refuse(response, 404, 'NoSuchUpload')
    if (action === 'PUT object') {
      parts.set(Number(query.get('partNumber')), body)
      return void response.writeHead(200, { etag: '"part"' }).end()
    }
    uploads.delete(query.get('uploadId') ?? '')
    if (action === 'DELETE object') return void response.writeHead(204).end()
    const inOrder = [...parts].sort(([one], [other]) => one - other).map(([, data]) => data)
    store(key, Buffer.concat(inOrder))
    xml(response, '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>')
  }

  async function takeForm(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    body: Buffer,
  ): Promise<void> {
    const headers = { 'content-type': request.headers['content-type'] ?? '' }
    const form = await new Response(new Uint8Array(body), { headers }).formData().catch(() => undefined)
    const file = form?.get('file')
    if (!form || !(file instanceof Blob)) return refuse(response, 400, 'InvalidArgument')
    const fields = Object.fromEntries([...form].filter(([, value]) => typeof value === 'string')) as Record<
      string,
      string
    >
    const refusal = refusalOf(fields, file.size)
    if (refusal) return refuse(response, /^Entity/.test(refusal) ? 400 : 403, refusal)
    store(fields.key ?? '', Buffer.from(await file.arrayBuffer()))
    response.writeHead(204).end()
  }

  function list(response: http.ServerResponse, query: URLSearchParams): void {
    const most = Number(query.get('max-keys') ?? 1000)
    const after = query.get('continuation-token') ?? query.get('start-after') ?? ''
    const keys = [...objects.keys()]
      .filter((key) => key.startsWith(query.get('prefix') ?? '') && key > after)
      .sort()
    const page = keys.slice(0, most)
    const more = keys.length > most
    const contents = page.map((key) => {
      const { data, etag, modified } = objects.get(key) as Stored
      return `<Contents><Key>${key}</Key><Size>${data.length}</Size><ETag>${etag}</ETag><LastModified>${modified.toISOString()}</LastModified></Contents>`
    })
    const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
    xml(
      response,
      `<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
    )
  }

  function listUploads(response: http.ServerResponse): void {
    const open = [...uploads].map(
      ([id, { key, begun }]) =>
        `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${begun.toISOString()}</Initiated></Upload>`,
    )
    xml(
      response,
      `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${open.join('')}</ListMultipartUploadsResult>`,
    )
  }

  const server = http.createServer((request, response) => {
    answer(request, response).catch((error: Error) => refuse(response, 500, error.message))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    bucket,
    env: {
      S3_BUCKET: bucket,
      AWS_ENDPOINT_URL: url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    },
    objects,
    openUploads: () => uploads.size,
    ageUploads: (ms) => {
      for (const upload of uploads.values()) upload.begun = new Date(upload.begun.getTime() - ms)
    },
    cors: () => cors,
    drop: () => {
      exists = false
    },
    fail(count, status = 503) {
      failing = count
      failure = status
    },
    hang(hanging) {
      isHanging = hanging
      if (hanging) return
      for (const { socket } of hung) socket.resetAndDestroy()
      hung.clear()
    },
    failures: () => failures,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function send(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  object: Stored | undefined,
): void {
  if (!object) return void refuse(response, 404, 'NoSuchKey')
  const { data, etag, modified, type } = object
  const wanted = request.headers['if-match']
  if (wanted !== undefined && wanted !== etag) return void refuse(response, 412, 'PreconditionFailed')
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
  const part = first === undefined ? data : data.subarray(Number(first), Number(last) + 1)
  const headers = {
    etag,
    'last-modified': modified.toUTCString(),
    'content-type': type,
    'content-length': part.length,
  }
  response
    .writeHead(first === undefined ? 200 : 206, headers)
    .end(request.method === 'HEAD' ? undefined : part)
}

const xml = (response: http.ServerResponse, body: string, status = 200) =>
  void response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${body}`)

const refuse = (response: http.ServerResponse, status: number, code: string) =>
  xml(response, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`, status)
