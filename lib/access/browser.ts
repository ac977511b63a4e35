import type { Config } from '../config/index.ts'
import { AppError } from '../errors.ts'
import { isLoopbackHost } from '../loopback.ts'

type AccessApp = { config: Config }
type Headers = Readonly<Record<string, string | string[] | undefined>>

/**
 * Refuses what reaches an open service in the name of somebody else: a page of a name that was bound to this machine anew
 * (`unknown-host`), and a proxy that makes a service public of which its owner thinks it is local (`behind-a-proxy`).
 */
export function checkLocal({ config }: AccessApp, headers: Headers): void {
  if (config.auth !== 'none') return
  if (!isKnownHost(config, headers.host))
    throw new AppError('unknown-host', 'The Host is not one of this service; ALLOWED_HOSTS names more')
  if (!config.isAuthSet && (headers.forwarded ?? headers['x-forwarded-for']) !== undefined)
    throw new AppError('behind-a-proxy', 'The request comes through a proxy: set AUTH to keys, or to none')
}

function isKnownHost({ publicUrl, allowedHosts }: Config, host: Headers[string]): boolean {
  const url =
    typeof host === 'string' && URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined
  if (!url) return false
  const { hostname } = url
  return (
    isLoopbackHost(hostname) || hostname === new URL(publicUrl).hostname || allowedHosts.includes(hostname)
  )
}

/** Refuses what a page of another origin sends to change something, or to listen (`foreign-origin`). */
export function checkOrigin(
  { config }: AccessApp,
  { method, headers }: { method: string; headers: Headers },
): void {
  const { origin, host, upgrade } = headers
  const isUnsafe = !['GET', 'HEAD', 'OPTIONS'].includes(method) || upgrade !== undefined
  if (!isUnsafe || origin === undefined) return
  const own = [new URL(config.publicUrl).origin, `http://${host}`, `https://${host}`]
  if (typeof origin === 'string' && [...own, ...config.corsOrigins].includes(origin)) return
  throw new AppError('foreign-origin', 'The origin of the page is not one of this service or of CORS_ORIGINS')
}
