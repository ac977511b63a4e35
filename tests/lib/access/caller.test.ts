import { expect, test } from 'vitest'
import {
  type Caller,
  EVERYBODY,
  mayDo,
  mayGrant,
  maySee,
  NOBODY,
  ownerFor,
  projectFor,
  uploadLimit,
} from '../../../lib/access/caller.ts'

const of = (projects: Caller['projects']): Caller => ({ scopes: ['write'], projects, keyId: 'k' })

test('what a caller makes belongs to the project that it names, or to its only one', () => {
  expect(projectFor(EVERYBODY, undefined)).toBeNull()
  expect(projectFor(EVERYBODY, 7)).toBe(7)
  expect(projectFor(of([1]), undefined)).toBe(1)
  expect(projectFor(of([1, 2]), 2)).toBe(2)
  expect(ownerFor(of([1]), 1)).toEqual({ projectId: 1, keyId: 'k' })
  expect(() => projectFor(of([1]), 2)).toThrow(expect.objectContaining({ code: 'not-found' }))
  expect(() => projectFor(of([1, 2]), undefined)).toThrow(
    expect.objectContaining({
      code: 'invalid',
      errors: [expect.objectContaining({ pointer: '/project_id' })],
    }),
  )
  expect(() => projectFor(NOBODY, undefined)).toThrow()
})

test('photos of no project are for those who see all', () => {
  expect([maySee('*', null), maySee('*', 1), maySee([1], 1)]).toEqual([true, true, true])
  expect([maySee([1], null), maySee([1], 2), maySee([], 1)]).toEqual([false, false, false])
})

test('nobody grants more than they have', () => {
  expect([mayGrant(EVERYBODY, '*'), mayGrant(of([1, 2]), [2])]).toEqual([true, true])
  expect([mayGrant(of([1]), '*'), mayGrant(of([1]), [1, 2])]).toEqual([false, false])
})

test('admin does everything, the other scopes do what they say', () => {
  const may = (scopes: Caller['scopes']) =>
    (['public', 'read', 'write', 'admin'] as const).filter((access) =>
      mayDo({ scopes, projects: '*' }, access),
    )
  expect(may([])).toEqual(['public'])
  expect(may(['read'])).toEqual(['public', 'read'])
  expect(may(['write'])).toEqual(['public', 'write'])
  expect(may(['admin'])).toEqual(['public', 'read', 'write', 'admin'])
})

test('a token may lower the largest upload, and not raise it', () => {
  const config = { maxSourceBytes: 10 }
  expect(
    [undefined, 5, 50].map((maxBytes) =>
      uploadLimit({ config }, { ...of('*'), ...(maxBytes && { maxBytes }) }),
    ),
  ).toEqual([10, 5, 10])
})
