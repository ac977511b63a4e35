import { globSync, readFileSync } from 'node:fs'
import { expect, expectTypeOf, test } from 'vitest'
import { AppError, ERROR_CODES, type ErrorCode } from '../../lib/errors.ts'

const HEADER = /^\| *code *\| *status *\| *what it means *\|$/

/** The rows of the one table of error codes, in whatever page it stands, as lists of cells. */
function documentedCodes(): string[][] {
  const tables = ['README.md', ...globSync('docs/*.md')].flatMap((page) => {
    const lines = readFileSync(page, 'utf8').split('\n')
    const header = lines.findIndex((line) => HEADER.test(line))
    if (header < 0) return []
    const rows = lines.slice(header + 2)
    return [
      rows.slice(
        0,
        rows.findIndex((line) => !line.startsWith('|')),
      ),
    ]
  })
  expect(tables).toHaveLength(1)
  return (tables[0] ?? []).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

test('the table of error codes in the documentation is the one of the program', () => {
  const codes = Object.entries<{ status: number; retry?: boolean; means: string }>(ERROR_CODES)
  expect(documentedCodes().toSorted()).toEqual(
    codes
      .map(([code, { status, retry, means }]) => [`\`${code}\`${retry ? ' ↻' : ''}`, `${status}`, means])
      .toSorted(),
  )
})

test('an error takes its status and whether it is retried from its code, which must be known', () => {
  expect(new AppError('source-unavailable', 'away')).toMatchObject({ status: 502, retry: true })
  expect(new AppError('too-many-bytes', 'large')).toMatchObject({ status: 413, retry: false })
  expectTypeOf<ConstructorParameters<typeof AppError>[0]>().toEqualTypeOf<ErrorCode>()
  expectTypeOf<string>().not.toExtend<ErrorCode>()
})
