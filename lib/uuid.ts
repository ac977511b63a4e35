const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The uuid in lower case, as it is stored, or undefined where the text is none. */
export const parseUuid = (text: string) => (UUID.test(text) ? text.toLowerCase() : undefined)

/** Smaller than every UUIDv7 of that time, in ms. */
export function idBefore(ms: number): string {
  const hex = Math.max(0, ms).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
}
