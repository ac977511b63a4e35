/** Whether an `If-None-Match` header names this ETag; weak comparison (RFC 9110, 13.1.2). */
export const isKnown = (header: string | string[] | undefined, etag: string): boolean =>
  header === '*' ||
  String(header ?? '')
    .split(',')
    .some((tag) => tag.trim().replace(/^W\//, '') === etag)
