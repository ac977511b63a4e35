import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'

export type Route = (request: http.IncomingMessage, response: http.ServerResponse) => void

/** A server of images for tests: on loopback, with a record of the requests. */
export interface SourceServer {
  /** Without a slash at the end. */
  url: string
  port: number
  /** Requests so far, oldest first. */
  hits: { path: string; headers: http.IncomingHttpHeaders }[]
  /** Sets what a path, query aside, is answered with; 404 otherwise. */
  set(path: string, route: Route): void
  close(): Promise<void>
}

/** Opens a server on 127.0.0.1 or the given address, with a port of its own; with a certificate it speaks https. */
export async function openSourceServer(
  routes: Record<string, Route> = {},
  address = '127.0.0.1',
  certificate?: { key: string; cert: string },
): Promise<SourceServer> {
  const table = new Map(Object.entries(routes))
  const hits: SourceServer['hits'] = []
  const answer: Route = (request, response) => {
    const path = request.url ?? '/'
    hits.push({ path, headers: request.headers })
    const route = table.get(path.replace(/\?.*/, '')) ?? status(404)
    route(request, response)
  }
  const server = certificate ? https.createServer(certificate, answer) : http.createServer(answer)
  server.listen(0, address)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `${certificate ? 'https' : 'http'}://${address}:${port}`,
    port,
    hits,
    set: (path, route) => table.set(path, route),
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** A file. */
export const bytes =
  (data: Uint8Array | string, type = 'image/jpeg'): Route =>
  (_, response) => {
    response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(data) }).end(data)
  }

/** A status without a body of interest. */
export const status =
  (code: number, headers: http.OutgoingHttpHeaders = {}): Route =>
  (_, response) => {
    response.writeHead(code, headers).end(code === 204 || code === 304 ? undefined : 'not an image')
  }

/** One route after the other; the last one stays. */
export function sequence(...routes: [Route, ...Route[]]): Route {
  let next = 0
  return (request, response) => routes[Math.min(next++, routes.length - 1)]?.(request, response)
}

export const redirect = (location: string, code = 302): Route => status(code, { location })

/** Waits before it answers. */
export const delayed =
  (ms: number, route: Route): Route =>
  (request, response) => {
    setTimeout(() => route(request, response), ms)
  }

/** Never answers. */
export const stalled: Route = () => {}

/** Sends headers and the first bytes, then nothing. */
export const stalledBody: Route = (_, response) => {
  response.writeHead(200, { 'content-length': 1000 }).write('first')
}

/** A byte every 20 ms, for ever: never idle, never done. */
export const dripping: Route = (_, response) => {
  const timer = setInterval(() => response.write('x'), 20)
  response.on('close', () => clearInterval(timer))
}

/** As many bytes as are taken, without a Content-Length. */
export const endless: Route = (_, response) => {
  const chunk = Buffer.alloc(65_536)
  const fill = () => {
    while (!response.destroyed && response.write(chunk));
  }
  response.on('drain', fill)
  fill()
}

/** Whatever is written, then the end of the connection. */
export const raw =
  (answer: string | Uint8Array): Route =>
  ({ socket }) => {
    socket.end(answer)
  }

/** A body beside the length that was declared. */
export const lying = (data: string, declared: number): Route =>
  raw(`HTTP/1.1 200 OK\r\nContent-Length: ${declared}\r\nConnection: close\r\n\r\n${data}`)

/** Cuts the connection without an answer. */
export const cut: Route = ({ socket }) => {
  socket.resetAndDestroy()
}

/** A chunked body that is cut off. */
export const cutBody: Route = ({ socket }, response) => {
  response.write('first')
  setTimeout(() => socket.resetAndDestroy(), 20)
}

/** Bytes with headers that say what they are. */
export const encoded =
  (data: Uint8Array, encoding: string): Route =>
  (_, response) => {
    const headers = {
      'content-type': 'image/jpeg',
      'content-encoding': encoding,
      'content-length': data.length,
    }
    response.writeHead(200, headers).end(data)
  }
