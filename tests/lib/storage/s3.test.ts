import { expect, test } from 'vitest'
import { readConfig } from '../../../lib/config/index.ts'
import { originalKey, renditionKey, type Storage, type UploadForm } from '../../../lib/storage/port.ts'
import { openS3 } from '../../../lib/storage/s3.ts'
import { openS3Server, type S3Server } from '../../support/s3-server.ts'
import { DEADLINE_MS } from '../../support/service.ts'

const KEY = originalKey('a')
const inAMinute = () => new Date(Date.now() + 60_000)

async function withBucket(
  use: (storage: Storage, server: S3Server) => Promise<void>,
  more: Record<string, string> = {},
): Promise<void> {
  const server = await openS3Server()
  const { s3 } = readConfig({ ...server.env, ...more })
  if (!s3) throw new Error('no bucket is configured')
  await use(openS3(s3), server)
  await server.close()
}

/** Posts a form as a browser does; answers the status and the error code of S3. */
async function post({ url, fields }: UploadForm, content: string): Promise<[status: number, code?: string]> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  form.append('file', new Blob([content]))
  const answer = await fetch(url, { method: 'POST', body: form })
  const [, code] = /<Code>(.*)<\/Code>/.exec(await answer.text()) ?? []
  return code ? [answer.status, code] : [answer.status]
}

test('a form uploads its one key, of its sizes, in its time, and nothing else', () =>
  withBucket(async (storage, server) => {
    const form = await storage.signUpload(KEY, { maxBytes: 10, expiresAt: inAMinute() })
    const changed = (fields: Record<string, string>) => ({ ...form, fields: { ...form.fields, ...fields } })
    expect(await post(changed({ key: originalKey('b') }), 'bytes')).toEqual([403, 'AccessDenied'])
    expect(await post(changed({ 'X-Amz-Signature': '0'.repeat(64) }), 'bytes')).toEqual([
      403,
      'SignatureDoesNotMatch',
    ])
    const wider = Buffer.from(JSON.stringify({ expiration: inAMinute(), conditions: [] })).toString('base64')
    expect(await post(changed({ Policy: wider }), 'bytes')).toEqual([403, 'SignatureDoesNotMatch'])
    expect(await post(form, '')).toEqual([400, 'EntityTooSmall'])
    expect(await post(form, 'more than ten')).toEqual([400, 'EntityTooLarge'])
    expect([...server.objects.keys()]).toEqual([])
    expect(await post(form, 'ten bytes!')).toEqual([204])
    expect([...server.objects.keys()]).toEqual([KEY])

    const short = await storage.signUpload(KEY, { maxBytes: 10, expiresAt: new Date(Date.now() + 1_000) })
    await expect.poll(() => post(short, 'late'), { timeout: DEADLINE_MS }).toEqual([403, 'AccessDenied'])
  }))

const HEADERS = { type: 'image/jpeg', disposition: 'inline; filename="b.jpg"' }

test('a link reads its one object, and no other', () =>
  withBucket(async (storage) => {
    await storage.put(renditionKey('aa/b.jpg'), Buffer.from('bytes'))
    await storage.put(KEY, Buffer.from('secret'))
    const link = (await storage.signRead(renditionKey('aa/b.jpg'), HEADERS)) ?? ''
    const answer = await fetch(link)
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
      200,
      'image/jpeg',
      'bytes',
    ])
    expect(new URL(link).searchParams.get('response-content-disposition')).toBe(HEADERS.disposition)
    expect((await fetch(link.replace('thumbs/aa/b.jpg', KEY))).status).toBe(403)
    expect((await fetch(link.replace('X-Amz-Expires=900', 'X-Amz-Expires=9000'))).status).toBe(403)
    expect((await fetch(link.split('?')[0] ?? '')).status).toBe(403)
  }))

test('goes on after the bucket was busy, and says so when it stays busy', () =>
  withBucket(async (storage, server) => {
    server.fail(1)
    await storage.put(KEY, Buffer.from('bytes'))
    expect(Buffer.from((await storage.read(KEY, 10)) ?? []).toString()).toBe('bytes')
    server.fail(10)
    await expect(storage.read(KEY, 10)).rejects.toMatchObject({ name: 'SlowDown' })
    server.fail(0)
    await storage.check()
  }))

test('wrong credentials are no missing object', () =>
  withBucket(
    async (storage) => {
      await expect(storage.read(KEY, 10)).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' })
      await expect(storage.head(KEY)).rejects.toThrow()
      await expect(storage.check()).rejects.toThrow()
    },
    { AWS_SECRET_ACCESS_KEY: 'wrong' },
  ))

test('a bucket that is gone is no missing object', () =>
  withBucket(async (storage, server) => {
    await storage.put(KEY, Buffer.from('bytes'))
    server.drop()
    await expect(storage.head(KEY)).rejects.toMatchObject({ name: 'NoSuchBucket' })
    await expect(storage.read(KEY, 10)).rejects.toMatchObject({ name: 'NoSuchBucket' })
  }))

test('lists more than a page', () =>
  withBucket(async (storage, server) => {
    for (let i = 0; i < 1_003; i++)
      server.objects.set(`thumbs/${i}`, {
        data: Buffer.from('x'),
        etag: '"e"',
        modified: new Date(),
        type: '',
      })
    expect((await Array.fromAsync(storage.list('thumbs/'))).length).toBe(1_003)
  }))
