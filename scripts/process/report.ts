import { SingleBar } from 'cli-progress'
import type { Skipped } from './inputs.ts'
import type { Result } from './save.ts'

/** Names of skipped files that are printed; of the others only how many they are. */
const SHOWN = 10

/** Says what becomes of the inputs as they end, to people or as a line of JSON each; the table has them in the order of `names`. */
export function openReport(names: readonly string[], json: boolean) {
  const count = names.length
  const bar =
    !json && process.stdout.isTTY ? new SingleBar({ format: '{bar} {value} of {total}  {last}' }) : undefined
  bar?.start(count, 0, { last: '' })
  const results: Result[] = []
  return {
    add(result: Result): void {
      results.push(result)
      const { name, status, error } = result
      if (json) console.log(JSON.stringify(result))
      else if (bar) bar.update(results.length, { last: printable(name) })
      else {
        const reason = error ? `: ${error.code}, ${error.message}` : ''
        console.log(printable(`${results.length} of ${count}  ${name}  ${status}${reason}`))
      }
    },
    end(): void {
      bar?.stop()
      const places = new Map(names.map((name, place) => [name, place]))
      const placeOf = ({ name }: Result) => places.get(name) ?? count
      if (!json) printTable(results.toSorted((one, other) => placeOf(one) - placeOf(other)))
    },
  }
}

/** Text without what a terminal would obey: a name may have any characters. */
export const printable = (text: string): string => text.replace(/\p{Cc}/gu, '?')

/** Says what is not processed, and why. */
export function reportSkipped(skipped: readonly Skipped[], json: boolean): void {
  if (json)
    for (const { name, reason } of skipped) console.log(JSON.stringify({ name, status: 'skipped', reason }))
  else {
    for (const { name, reason } of skipped.slice(0, SHOWN))
      console.error(printable(`${name}: skipped, ${reason}`))
    if (skipped.length > SHOWN) console.error(`… and ${skipped.length - SHOWN} more files`)
  }
}

/** Prints a row for each image, or for what failed, in columns as wide as needed. */
function printTable(results: readonly Result[]): void {
  const rows = results.flatMap(({ name, status, seconds, files, error }) => {
    const time = `${seconds.toFixed(1)} s`
    if (files.length === 0) return [[name, status, '', time, error?.code ?? '']]
    return files.map(({ file, width, height }) => [name, status, `${width}x${height}`, time, file])
  })
  const table = [['name', 'status', 'size', 'time', 'file'], ...rows].map((row) => row.map(printable))
  const widthOf = (column: number) => table.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0)
  const widths = table[0]?.map((_, column) => widthOf(column)) ?? []
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
}
