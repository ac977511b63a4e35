import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { openCounts } from '../counts.ts'
import { AppError } from '../errors.ts'
import { MOST_OF_ADDRESS, networkOf } from './addresses.ts'

/** Connections past a limit that are still answered, in all and of one address. */
const SPARE = { all: 256, ofAddress: 8 }

/** What a probe gets an answer to on every connection that there is. */
const PROBED = '/livez'

/**
 * Limits the connections of a server, in all and by address. One too many is told 503 `too-many-connections`, but for `/livez`, and
 * closed; past some of these, connections are closed at once.
 */
export function limitConnections(
  server: FastifyInstance,
  most: number,
  isExempt: (address: string) => boolean,
): void {
  const byAddress = openCounts()
  const refused = new WeakSet<Socket>()
  let all = 0
  server.server.on('connection', (socket: Socket) => {
    // Undefined where the client has gone already.
    const { remoteAddress: address = '' } = socket
    const network = networkOf(address)
    const ofAddress = byAddress.add(network)
    all++
    socket.once('close', () => {
      byAddress.remove(network)
      all--
    })
    const over = address === '' || isExempt(address) ? 0 : ofAddress - MOST_OF_ADDRESS
    if (all > most + SPARE.all || over > SPARE.ofAddress) socket.destroy()
    else if (all > most || over > 0) refused.add(socket)
  })
  server.addHook('onRequest', async ({ raw, routeOptions }) => {
    if (refused.has(raw.socket) && routeOptions.url !== PROBED)
      throw new AppError('too-many-connections', 'There are too many connections; try again later')
  })
}
