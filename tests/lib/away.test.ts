import { describe, expect, test } from 'vitest'
import { awayCode, awayError } from '../../lib/away.ts'
import { AppError } from '../../lib/errors.ts'
import { problemOf } from '../../lib/http/problem.ts'

const coded = (code: string, more: object = {}) => Object.assign(new Error('a fault'), { code, ...more })
const sqlite = (errcode: number) => coded('ERR_SQLITE_ERROR', { errcode })

const POSTGRES = '08006 08P01 25006 25P03 40001 40P01 53100 53200 53300 55P03 57014 57P01 57P03 58030'.split(
  ' ',
)
const SQLITE = [5, 6, 8, 10, 13, 14, 261, 266, 778]
const CONNECTION = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENETUNREACH', 'EAI_AGAIN']
const DISK = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'ESTALE', 'EMFILE']

const DATABASE: [what: string, error: unknown][] = [
  ...[...POSTGRES, ...CONNECTION].map((code): [string, unknown] => [code, coded(code)]),
  ...SQLITE.map((errcode): [string, unknown] => [`SQLite ${errcode}`, sqlite(errcode)]),
  ['a silent connection', new Error('Query read timeout')],
  ['its own code', awayError('database-unavailable', undefined)],
]
const STORAGE: [what: string, error: unknown][] = [
  ...DISK.map((code): [string, unknown] => [code, coded(code)]),
  ['its own code', awayError('storage-unavailable', undefined)],
]
const WRONG: [what: string, error: unknown][] = [
  ...['42P01', '42601', '23505', '22P02', '28P01', 'ENOENT', 'EISDIR', 'EEXIST'].map(
    (code): [string, unknown] => [code, coded(code)],
  ),
  ...[1, 11, 19, 787].map((errcode): [string, unknown] => [`SQLite ${errcode}`, sqlite(errcode)]),
  ['a broken rule', new AppError('corrupt-image', 'damaged')],
  ['a text', 'ENOSPC'],
  ['nothing', undefined],
]

describe('what is away and what is wrong', () => {
  test.for(DATABASE)('%s: the database is away', ([, error]) => {
    expect(awayCode(error)).toBe('database-unavailable')
    expect(problemOf(error)).toMatchObject({ status: 503, code: 'database-unavailable' })
  })

  test.for(STORAGE)('%s: the storage is away', ([, error]) => {
    expect(awayCode(error)).toBe('storage-unavailable')
    expect(problemOf(error)).toMatchObject({ status: 503, code: 'storage-unavailable' })
  })

  test.for(WRONG)('%s: nothing is away', ([, error]) => {
    expect(awayCode(error)).toBeUndefined()
  })
})
