import type { Config } from '../config/index.ts'

/** Whether a URL points into the bucket of the service, named in its host or in its path. */
export function isInBucket(url: URL, { s3 }: Pick<Config, 's3'>): boolean {
  if (!s3) return false
  const { bucket, region, endpoint } = s3
  const hosts = endpoint ? [new URL(endpoint).host] : [`s3.${region}.amazonaws.com`, 's3.amazonaws.com']
  return hosts.some(
    (host) =>
      url.host === `${bucket}.${host}` || (url.host === host && url.pathname.startsWith(`/${bucket}/`)),
  )
}
