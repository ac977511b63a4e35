import dns from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import type net from 'node:net'
import { isIP, type LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import { isAllowed, withoutBrackets } from './address.ts'
import { blocked } from './source-url.ts'

/** RFC 6761: all of these are loopback, but not every resolver knows, and an unknown name would be tried again. */
const LOCALHOST = /(^|\.)localhost\.?$/i

/** Agents that judge the very addresses they dial, so that neither redirects nor a changing DNS answer get around it. */
export function openAgents(allowed: readonly string[], lookup: LookupFunction = dns.lookup) {
  // Each download has its own connection: a kept one may be half closed already, which would cost an attempt.
  // No maxTotalSockets: Node counts a refused connect as a socket for ever.
  const agents = { http: new http.Agent(), https: new https.Agent() }
  for (const agent of [agents.http, agents.https]) {
    const connect: Connect = agent.createConnection.bind(agent)
    agent.createConnection = (options: http.ClientRequestArgs, callback?: Connected) => {
      const host = withoutBrackets(options.host ?? '')
      // The socket does not look literals up, so the lookup below never sees them.
      const port = Number(options.port)
      if (isIP(host) ? isAllowed(host, allowed, { port }) : host)
        return readThroughOneBuffer(connect, { ...options, lookup: guard(lookup, allowed, port) }, callback)
      process.nextTick(callback as (error: Error) => void, blocked(host))
      return undefined
    }
  }
  return {
    ...agents,
    close() {
      agents.http.destroy()
      agents.https.destroy()
    },
  }
}

/** What all sockets are read into: nothing else holds it when the next one is read, as the HTTP parser copies what it passes on. */
const received = Buffer.allocUnsafeSlow(256 * 1024)

/** Connects without a new buffer for each read, which would be garbage as large as the source. */
function readThroughOneBuffer(connect: Connect, options: http.ClientRequestArgs, callback?: Connected) {
  const onread = {
    buffer: received,
    callback: (length: number) => {
      socket?.emit('data', received.subarray(0, length))
      return true
    },
  }
  const withReader: http.ClientRequestArgs & Pick<net.SocketConstructorOpts, 'onread'> = {
    ...options,
    onread,
  }
  const socket: Duplex | null | undefined = connect(withReader, callback)
  return socket
}

type Connect = http.Agent['createConnection']
type Connected = (error: Error | null, stream: Duplex) => void

/** A lookup that fails when any of a name's addresses is refused: which one gets dialled is up to the socket. */
function guard(lookup: LookupFunction, allowed: readonly string[], port: number): LookupFunction {
  return (name, options, callback) =>
    lookup(LOCALHOST.test(name) ? 'localhost' : name, { ...options, all: true }, (error, answer, family) => {
      if (error) return callback(error, [])
      const addresses = Array.isArray(answer) ? answer : [{ address: answer, family: family ?? isIP(answer) }]
      const [first] = addresses
      if (!first || !addresses.every(({ address }) => isAllowed(address, allowed, { port, name })))
        return callback(blocked(name), [])
      if (options.all) return callback(null, addresses)
      callback(null, first.address, first.family)
    })
}
