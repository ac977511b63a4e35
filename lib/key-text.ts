/** The text of a key: `pp_`, its id, and 32 random bytes in base64url. */
const KEY = /^pp_([A-Za-z0-9]{1,64})_([A-Za-z0-9_-]{43})$/

export const parseKey = (text: string): { id: string; secret: string } | undefined => {
  const [, id, secret] = KEY.exec(text) ?? []
  return id !== undefined && secret !== undefined ? { id, secret } : undefined
}
