/**
 * The same bytes in a buffer that holds nothing else, so that it can be moved to another thread; copied only if theirs
 * holds more.
 */
export const toMovable = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
    ? (bytes as Uint8Array<ArrayBuffer>)
    : new Uint8Array(bytes)
