import { expect, test } from 'vitest'
import { openGate } from '../../../lib/imaging/gate.ts'

/** A gate whose tasks run until they are told to end; `begun` has those that have begun, in order. */
function withTasks(limits: { places: number; memory: number }) {
  const gate = openGate(limits)
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const add = (name: string, bytes: number) =>
    gate.use(bytes, () => {
      begun.push(name)
      return new Promise<string>((resolve) => ends.set(name, () => resolve(name)))
    })
  const end = async (name: string) => {
    ends.get(name)?.()
    await settled()
  }
  return { gate, begun, add, end }
}

/** Lets everything happen that waits for nothing else. */
const settled = () => new Promise(setImmediate)

test('as many run as there are places, and the others wait in order', async () => {
  const { begun, add, end } = withTasks({ places: 2, memory: 100 })
  const all = ['a', 'b', 'c', 'd'].map((name) => add(name, 1))
  await settled()
  expect(begun).toEqual(['a', 'b'])
  await end('b')
  expect(begun).toEqual(['a', 'b', 'c'])
  await end('a')
  await end('c')
  await end('d')
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd'])
})

test('those that run take no more memory together than there is', async () => {
  const { begun, add, end } = withTasks({ places: 10, memory: 100 })
  for (const [name, bytes] of [
    ['a', 60],
    ['b', 40],
    ['c', 40],
    ['d', 60],
  ] as const)
    void add(name, bytes)
  await settled()
  expect(begun).toEqual(['a', 'b'])
  await end('a')
  expect(begun).toEqual(['a', 'b', 'c'])
  await end('b')
  expect(begun).toEqual(['a', 'b', 'c', 'd'])
})

test('a large one is not passed by small ones that come after it', async () => {
  const { begun, add, end } = withTasks({ places: 10, memory: 100 })
  void add('small', 30)
  void add('large', 90)
  for (let i = 0; i < 5; i++) void add(`later ${i}`, 1)
  await settled()
  expect(begun).toEqual(['small'])
  await end('small')
  expect(begun).toEqual(['small', 'large', ...Array.from({ length: 5 }, (_, i) => `later ${i}`)])
})

test.each([101, 1e30, Number.POSITIVE_INFINITY, Number.NaN])('one of %d bytes runs alone', async (bytes) => {
  const { begun, add, end } = withTasks({ places: 10, memory: 100 })
  void add('first', 1)
  void add('giant', bytes)
  void add('nothing', 0)
  void add('last', 99)
  await settled()
  expect(begun).toEqual(['first'])
  await end('first')
  expect(begun).toEqual(['first', 'giant'])
  await end('giant')
  expect(begun).toEqual(['first', 'giant', 'nothing', 'last'])
})

test('one that fails gives its place and its memory back', async () => {
  const { gate, begun, add } = withTasks({ places: 1, memory: 100 })
  const failures = [
    gate.use(100, () => Promise.reject(new Error('later'))),
    gate.use(100, () => {
      throw new Error('at once')
    }),
  ]
  void add('next', 100)
  expect(await Promise.allSettled(failures)).toMatchObject([
    { reason: { message: 'later' } },
    { reason: { message: 'at once' } },
  ])
  await settled()
  expect(begun).toEqual(['next'])
})

test('close waits for what runs, and turns away what waits and what comes later', async () => {
  const { gate, begun, add, end } = withTasks({ places: 2, memory: 100 })
  const running = add('running', 60)
  const turnedAway = expect(add('waiting', 60)).rejects.toMatchObject({ code: 'imaging-closed', retry: true })
  let closed = false
  const closing = gate.close().then(() => {
    closed = true
  })
  await turnedAway
  await expect(add('late', 1)).rejects.toMatchObject({ code: 'imaging-closed' })
  expect([begun, closed]).toEqual([['running'], false])
  await end('running')
  await closing
  expect(await running).toBe('running')
})
