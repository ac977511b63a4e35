import { createHash, createHmac } from 'node:crypto'
import type http from 'node:http'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'

/** Credentials that the test server knows. */
export const KEYS = { accessKeyId: 'test-key', secretAccessKey: 'test-secret' }

const signer = new SignatureV4({
  service: 's3',
  region: 'us-east-1',
  credentials: KEYS,
  sha256: Sha256,
  uriEscapePath: false,
  applyChecksum: false,
})

const dateOf = (text: string) =>
  new Date(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))

function requestOf(request: http.IncomingMessage, url: URL, signed: readonly string[]) {
  const headers = Object.fromEntries(signed.map((name) => [name, String(request.headers[name] ?? '')]))
  const query: Record<string, string> = Object.fromEntries(url.searchParams)
  const [hostname = ''] = (request.headers.host ?? '').split(':')
  return { method: request.method ?? 'GET', protocol: 'http:', hostname, path: url.pathname, query, headers }
}

/** Whether a request is signed by `KEYS` (AWS Signature Version 4), in its headers or its query, and not expired. */
export async function isSigned(request: http.IncomingMessage, url: URL, body: Buffer): Promise<boolean> {
  return url.searchParams.has('X-Amz-Signature')
    ? isPresigned(request, url)
    : hasSignedHeaders(request, url, body)
}

async function hasSignedHeaders(request: http.IncomingMessage, url: URL, body: Buffer): Promise<boolean> {
  const { authorization = '' } = request.headers
  const [, names = '', signature] =
    /SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(authorization) ?? []
  const hash = String(request.headers['x-amz-content-sha256'] ?? '')
  const isHash = hash === 'UNSIGNED-PAYLOAD' || hash === createHash('sha256').update(body).digest('hex')
  if (!signature || !isHash) return false
  const given = requestOf(request, url, names.split(';'))
  const signingDate = dateOf(String(request.headers['x-amz-date']))
  const { headers } = await signer.sign(given, { signingDate })
  return headers.authorization === authorization
}

async function isPresigned(request: http.IncomingMessage, url: URL): Promise<boolean> {
  const { searchParams } = url
  const signingDate = dateOf(searchParams.get('X-Amz-Date') ?? '')
  const expiresIn = Number(searchParams.get('X-Amz-Expires'))
  if (signingDate.getTime() + expiresIn * 1000 < Date.now()) return false
  const given = requestOf(request, url, (searchParams.get('X-Amz-SignedHeaders') ?? '').split(';'))
  const query = Object.fromEntries(Object.entries(given.query).filter(([name]) => !/^X-Amz-/.test(name)))
  const { query: signed } = await signer.presign(
    { ...given, query, headers: { ...given.headers, 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD' } },
    { signingDate, expiresIn },
  )
  return signed?.['X-Amz-Signature'] === searchParams.get('X-Amz-Signature')
}

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

type Condition =
  | Record<string, string>
  | ['eq' | 'starts-with' | 'content-length-range', string | number, string | number]

/** What is wrong with a form that is posted to the bucket, as an S3 error code; undefined where it is right. */
export function refusalOf(fields: Record<string, string>, bytes: number): string | undefined {
  const { Policy = '', 'X-Amz-Credential': credential = '', 'X-Amz-Signature': signature } = fields
  const [, date = '', region = '', service = ''] = credential.split('/')
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${KEYS.secretAccessKey}`,
  )
  if (hmac(key, Policy).toString('hex') !== signature) return 'SignatureDoesNotMatch'
  const policy = JSON.parse(Buffer.from(Policy, 'base64').toString()) as {
    expiration: string
    conditions: Condition[]
  }
  if (Date.parse(policy.expiration) < Date.now()) return 'AccessDenied'
  for (const condition of policy.conditions) {
    if (!Array.isArray(condition)) {
      const [[name = '', value = ''] = []] = Object.entries(condition)
      if (name !== 'bucket' && fields[name] !== value) return 'AccessDenied'
    } else if (condition[0] === 'content-length-range') {
      if (bytes < Number(condition[1])) return 'EntityTooSmall'
      if (bytes > Number(condition[2])) return 'EntityTooLarge'
    } else if (fields[String(condition[1]).slice(1)] !== condition[2]) return 'AccessDenied'
  }
  return undefined
}
