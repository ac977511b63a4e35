import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { PhotoProcessorError, verifyWebhook } from '../../../lib/client/index.ts'

const SECRET = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3'
const OTHER = 'whsec_Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2Rl'
const NOW = Date.UTC(2026, 0, 1)
const BODY = JSON.stringify({ id: 'e1', type: 'image.uploaded', subject: 'größe' })

const now = () => NOW

/** Headers as the reference library signs them. */
const sign = (secret = SECRET, at = NOW, body = BODY) => ({
  'webhook-id': 'e1',
  'webhook-timestamp': String(Math.floor(at / 1000)),
  'webhook-signature': new Webhook(secret).sign('e1', new Date(at), body),
})

const refused = async (verified: Promise<unknown>) => {
  const error: unknown = await verified.catch((error: unknown) => error)
  expect(error).toBeInstanceOf(PhotoProcessorError)
  expect(error).toMatchObject({ code: 'invalid-signature', status: 400 })
}

test('takes what was signed, as text or bytes, with headers of any kind', async () => {
  const event = { id: 'e1', type: 'image.uploaded', subject: 'größe' }
  expect(await verifyWebhook(BODY, sign(), SECRET, { now })).toEqual(event)
  const bytes = new TextEncoder().encode(BODY)
  expect(await verifyWebhook(bytes, new Headers(sign()), SECRET, { now })).toEqual(event)
})

test('takes any of several signatures, by any of several secrets', async () => {
  const others = `v1a,AAAA v1,%%% v1, ${sign(OTHER)['webhook-signature']}`
  const headers = { ...sign(), 'webhook-signature': `${others} ${sign()['webhook-signature']}` }
  await verifyWebhook(BODY, headers, SECRET, { now })
  await verifyWebhook(BODY, sign(OTHER), [SECRET, OTHER], { now })
})

test.each([
  ['a changed body', () => verifyWebhook(BODY.replace('e1', 'e2'), sign(), SECRET, { now })],
  ['another secret', () => verifyWebhook(BODY, sign(OTHER), SECRET, { now })],
  ['another id', () => verifyWebhook(BODY, { ...sign(), 'webhook-id': 'e2' }, SECRET, { now })],
  ['no signature', () => verifyWebhook(BODY, { ...sign(), 'webhook-signature': '' }, SECRET, { now })],
  ['no headers', () => verifyWebhook(BODY, {}, SECRET, { now })],
  ['an old one', () => verifyWebhook(BODY, sign(SECRET, NOW - 301_000), SECRET, { now })],
  ['one of the future', () => verifyWebhook(BODY, sign(SECRET, NOW + 301_000), SECRET, { now })],
  [
    'a time that is none',
    () => verifyWebhook(BODY, { ...sign(), 'webhook-timestamp': 'NaN' }, SECRET, { now }),
  ],
])('refuses %s', (_name, verify) => refused(verify()))

test('takes what is just within the tolerance', async () => {
  await verifyWebhook(BODY, sign(SECRET, NOW - 300_000), SECRET, { now })
  await verifyWebhook(BODY, sign(SECRET, NOW - 3_000_000), SECRET, { now, toleranceS: 3_000 })
})

test('a secret that is none is a mistake of the receiver', async () => {
  await expect(verifyWebhook(BODY, sign(), 'whsec_', { now })).rejects.toThrow(TypeError)
})
