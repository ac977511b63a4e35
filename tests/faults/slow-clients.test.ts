import net from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { withServer } from '../functions/support.ts'
import { SETUPS, withApp } from '../support/app.ts'

/** The answer to a client that begins so, and goes on with a byte a second if it has begun. */
async function trickle(url: string, begin: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(begin)
  const sending = begin === '' ? undefined : setInterval(() => socket.write('x'), 1_000)
  const answer = await text(socket)
  clearInterval(sending)
  return answer
}

const FORM = 'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n'

test.concurrent.for([
  ['headers', 'GET /photos HTTP/1.1\r\nHost: a\r\nX-Slow: ', 'malformed-request', 9, 20],
  ['no request at all', '', 'malformed-request', 9, 20],
  [
    'a body of JSON',
    'POST /photos HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"url":"',
    'body-too-slow',
    29,
    45,
  ],
  [
    'a field of a form',
    `POST /upload HTTP/1.1\r\nHost: a\r\n${FORM}--b\r\nContent-Disp`,
    'upload-too-slow',
    29,
    60,
  ],
] as const)('a client that sends %s slowly is told 408 in time', ([, begin, code, leastS, mostS]) =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const since = performance.now()
      const answer = await trickle(url, begin)
      expect(answer).toMatch(/^HTTP\/1\.1 408 /)
      expect(answer).toContain(`"code":"${code}"`)
      const seconds = (performance.now() - since) / 1000
      expect(seconds).toBeGreaterThan(leastS)
      expect(seconds).toBeLessThan(mostS)
    }),
  ),
)

test.concurrent('a client that was answered before its body came does not hold the connection', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const answer = await trickle(
        url,
        'POST /photos HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n',
      )
      expect(answer).toMatch(/^HTTP\/1\.1 415 /)
    }),
  ))
