import { type Environment, SETUPS, withEnvironment } from '../support/app.ts'
import { type Service, startScript, until } from '../support/service.ts'
import { bytes, openSourceServer, type SourceServer } from '../support/source-server.ts'

/** Runs `use` with a started service, embedded unless told, and a server of images. */
export const withService = (
  use: (service: Service, sources: SourceServer, env: Environment) => Promise<void>,
  more: (env: Environment) => Environment = () => ({}),
  setup: (typeof SETUPS)[number] = SETUPS[0],
): Promise<void> =>
  withEnvironment(setup, async (given) => {
    const env = { ...given, ...more(given) }
    const sources = await openSourceServer()
    const service = await startScript('start', env, /Try: curl/)
    try {
      await use(service, sources, env)
    } finally {
      await service.kill('SIGTERM')
      await sources.close()
    }
  })

/** Serves bytes under a name; returns their URL. */
export function serve(sources: SourceServer, name: string, data: Uint8Array): string {
  sources.set(`/${name}`, bytes(data))
  return `${sources.url}/${name}`
}

/** What `read` brings once it is there. */
export async function eventually<T>(read: () => Promise<T | undefined>): Promise<T> {
  let found: T | undefined
  await until(async () => {
    found = await read()
    return found !== undefined
  })
  return found as T
}
