/** PostgreSQL: no such table, no such column. */
const LACKING_CODES = new Set(['42P01', '42703'])

/** Whether an error says that the database lacks a table or column: it has not been migrated yet. */
export function isSchemaLacking(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code = '' } = error as { code?: string }
  return (
    LACKING_CODES.has(code) ||
    (code === 'ERR_SQLITE_ERROR' && /^no such (table|column)|has no column/.test(error.message))
  )
}
