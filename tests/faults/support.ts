/** Where the server of a URL listens. */
export const addressOf = (url: string, defaultPort: number) => {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port || defaultPort) }
}

/** The URL of the same server, by way of a proxy on that port of this machine. */
export function through(url: string, port: number): string {
  const proxied = new URL(url)
  proxied.hostname = '127.0.0.1'
  proxied.port = String(port)
  return proxied.href
}
