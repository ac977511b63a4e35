import { createHmac } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { openAgents } from '../download/agent.ts'
import { parseRetryAfter } from '../download/failure.ts'
import { AppError } from '../errors.ts'
import type { Delivery, Send, Target } from './index.ts'

/** Longest wait for an answer, from the first packet on, in ms. */
const TIMEOUT_MS = 15_000

type Agents = ReturnType<typeof openAgents>

/** Posts events as Standard Webhooks 1.0 wants it, to public addresses only, and follows no redirect. */
export const sendWebhooks: Send = (config, target, deliveries) => {
  const agents = openAgents(config.sourceAllowCidrs)
  const sent = deliveries.map((delivery) => post(target, delivery, config.webhookSecret ?? '', agents))
  Promise.allSettled(sent).then(agents.close)
  return sent
}

async function post(target: Target, delivery: Delivery, secret: string, agents: Agents): Promise<void> {
  const url = new URL(target)
  const secure = url.protocol === 'https:'
  const { statusCode = 0, headers } = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const request = (secure ? https : http).request(url, {
      method: 'POST',
      agent: secure ? agents.https : agents.http,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'photo-processor',
        ...signedHeaders(secret, delivery.event_id, delivery.body),
      },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    request.on('response', (response) => {
      // What it says besides its status is of no interest, and could be without end.
      response.destroy()
      resolve(response)
    })
    request.on('error', (error) => reject(failure(error)))
    request.end(delivery.body)
  })
  if (statusCode >= 200 && statusCode < 300) return
  if (statusCode === 410) throw new AppError('webhook-gone', 'The target answered 410')
  const retryAfterMs = parseRetryAfter(headers['retry-after'])
  throw new AppError('webhook-refused', `The target answered ${statusCode}`, {
    retryAfterMs,
  })
}

/** Headers by which the receiver knows who sent a message; `secret` is `whsec_` and base64. */
function signedHeaders(secret: string, id: string, body: string, now = Date.now()) {
  const timestamp = String(Math.floor(now / 1000))
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

/** A refused address stays refused; all else may pass. */
function failure(error: Error & { code?: string }): AppError {
  if (error instanceof AppError) return error
  const options = { cause: error }
  if (error.name === 'AbortError' || error.name === 'TimeoutError')
    return new AppError('webhook-timeout', `The target did not answer within ${TIMEOUT_MS} ms`, options)
  return new AppError('webhook-unreachable', `The target cannot be reached (${error.code})`, options)
}
