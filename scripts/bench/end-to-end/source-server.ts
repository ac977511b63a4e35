import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

const [data] = (await once(process, 'message')) as [Uint8Array]
const server = http.createServer((_request, response) =>
  response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': data.byteLength }).end(data),
)
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.send?.((server.address() as AddressInfo).port)
process.on('disconnect', () => process.exit())
