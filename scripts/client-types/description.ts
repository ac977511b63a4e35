import { endpoints, lives } from '../../functions/index.ts'
import type { App } from '../../lib/app.ts'
import { openHttp } from '../../lib/http/server.ts'
import { openHub } from '../../lib/live/hub.ts'

/** What the service describes of its calls, as `/openapi.json` has it; no text that types are not made of. */
export async function describeCalls(app: App) {
  const hub = openHub(app)
  const server = await openHttp({ ...app, hub }, endpoints, lives)
  try {
    const { openapi, info, paths, components } = (await server.inject('/openapi.json')).json()
    return { openapi, info: { title: info.title, version: info.version }, paths, components }
  } finally {
    await hub.close()
    await server.close()
  }
}
