import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'

export type Answer = { status: number; body: string }

/** Makes requests over connections that stay open. */
export type Client = {
  /** Throws where there is no answer. */
  send(method: string, url: string, type?: string, parts?: readonly Uint8Array[]): Promise<Answer>
  json(method: string, url: string, body: unknown): Promise<Answer>
  /** Ends every connection; what runs fails. */
  close(): void
}

const TIMEOUT_MS = 120_000

/** A client with at most so many connections. By node:http: what fetch costs per request would be part of the load. */
export function openClient(connections: number): Client {
  const options = { keepAlive: true, maxSockets: connections }
  const agents = { http: new http.Agent(options), https: new https.Agent(options) }
  const send: Client['send'] = (method, url, type, parts = []) =>
    new Promise((resolve, reject) => {
      const [module, agent] = url.startsWith('https:') ? [https, agents.https] : [http, agents.http]
      const length = parts.reduce((sum, part) => sum + part.byteLength, 0)
      const headers = type === undefined ? {} : { 'content-type': type, 'content-length': length }
      const request = module.request(url, { method, agent, headers, timeout: TIMEOUT_MS })
      request.on('timeout', () => request.destroy(new Error('no answer in time')))
      request.on('error', reject)
      request.on('response', (response) => {
        const status = response.statusCode ?? 0
        text(response).then((body) => resolve({ status, body }), reject)
      })
      for (const part of parts) request.write(part)
      request.end()
    })
  return {
    send,
    json: (method, url, body) => send(method, url, 'application/json', [Buffer.from(JSON.stringify(body))]),
    close() {
      agents.http.destroy()
      agents.https.destroy()
    },
  }
}

const BOUNDARY = 'photo-processor-load-5d1c0a7e9b'

/** A form of fields and a JPEG named `file`, without a copy of the JPEG. */
export function formOf(
  fields: Record<string, string>,
  file: Uint8Array,
): { type: string; parts: Uint8Array[] } {
  const named = (name: string) => `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"`
  const before = Object.entries(fields).map(([name, value]) => `${named(name)}\r\n\r\n${value}\r\n`)
  const head = `${before.join('')}${named('file')}; filename="load.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`
  return {
    type: `multipart/form-data; boundary=${BOUNDARY}`,
    parts: [Buffer.from(head), file, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)],
  }
}
