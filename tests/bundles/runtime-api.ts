import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

type Invocation = { id: string; event: unknown; deadline: number; done: PromiseWithResolvers<unknown> }

/** What a function failed with. */
class FunctionError extends Error {
  readonly type: string
  constructor(type: string, message: string) {
    super(message)
    this.type = type
  }
}

/** The Lambda Runtime API (2018-06-01) on loopback: hands events to the one runtime that asks for them. */
export async function openRuntimeApi() {
  const waiting: Invocation[] = []
  const running = new Map<string, Invocation>()
  const idle: ((invocation: Invocation) => void)[] = []
  let count = 0

  const next = (): Promise<Invocation> => {
    const invocation = waiting.shift()
    return invocation ? Promise.resolve(invocation) : new Promise((resolve) => idle.push(resolve))
  }

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()
    const [, , , kind, id = '', outcome] = (request.url ?? '').split('/')
    if (kind === 'init') {
      const { errorType, errorMessage } = JSON.parse(body)
      for (const { done } of waiting.splice(0)) done.reject(new FunctionError(errorType, errorMessage))
      return void response.writeHead(202).end('{}')
    }
    if (id === 'next') {
      const invocation = await next()
      running.set(invocation.id, invocation)
      const headers = {
        'lambda-runtime-aws-request-id': invocation.id,
        'lambda-runtime-deadline-ms': invocation.deadline,
        'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-central-1:123456789012:function:test',
      }
      return void response
        .writeHead(200, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(invocation.event))
    }
    const done = running.get(id)?.done
    running.delete(id)
    if (outcome === 'response') done?.resolve(body === '' ? undefined : JSON.parse(body))
    else {
      const { errorType, errorMessage } = JSON.parse(body)
      done?.reject(new FunctionError(errorType, errorMessage))
    }
    response.writeHead(202).end('{}')
  }

  const server = http.createServer((request, response) => {
    answer(request, response).catch((error: Error) => response.writeHead(500).end(error.message))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** What the function answers to an event; rejects with a `FunctionError`. */
    invoke(event: unknown, timeoutMs = 30_000): Promise<unknown> {
      const done = Promise.withResolvers<unknown>()
      const invocation = { id: `request-${++count}`, event, deadline: Date.now() + timeoutMs, done }
      const deliver = idle.shift()
      if (deliver) deliver(invocation)
      else waiting.push(invocation)
      return done.promise
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
