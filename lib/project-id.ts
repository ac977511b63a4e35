/** The project that a text of digits names, from 1 to 2^53-1; undefined where it names none. */
export function parseProjectId(text: string): number | undefined {
  const id = /^\d{1,16}$/.test(text) ? Number(text) : 0
  return id >= 1 && Number.isSafeInteger(id) ? id : undefined
}
