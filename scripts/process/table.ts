import type { Result } from './save.ts'

/** Prints a row for each photo, in columns as wide as needed. */
export function printTable(results: readonly Result[]): void {
  const rows = [
    ['name', 'status', 'size', 'time', 'file'],
    ...results.map(({ name, status, size, seconds, file, code }) => [
      name,
      status,
      size,
      `${seconds.toFixed(1)} s`,
      file ?? code ?? '',
    ]),
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
}
