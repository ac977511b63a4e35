import { execFile } from 'node:child_process'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { awayCode } from '../../lib/away.ts'
import { originalKey, renditionKey } from '../../lib/storage/port.ts'
import { bytesOf, data, source, withDirectory } from './directory.ts'

const KEY = originalKey('a')

/** The module, for a process that has to be told. */
const DIRECTORY = new URL('../../lib/storage/directory.ts', import.meta.url).href

describe('directories', () => {
  test('thumbnails lie in thumbsDir, all else below storageDir', () =>
    withDirectory(async ({ storage, everything, storageDir, thumbsDir }) => {
      await storage.put(renditionKey('ab/cd.jpg'), data('thumbnail'))
      await storage.put(KEY, data('original'))
      expect(await everything()).toEqual(['elsewhere/ab/cd.jpg', 'files/originals/a'])
      expect(await readFile(path.join(thumbsDir, 'ab/cd.jpg'), 'utf8')).toBe('thumbnail')
      expect(await readFile(path.join(storageDir, 'originals/a'), 'utf8')).toBe('original')
    }))

  test('makes a directory below its root again that somebody has removed', () =>
    withDirectory(async ({ storage, everything, thumbsDir }) => {
      const key = renditionKey('ab/cd.jpg')
      await storage.put(key, data('first'))
      await rm(path.join(thumbsDir, 'ab'), { recursive: true })
      await Promise.all([
        storage.put(key, data('second')),
        storage.put(renditionKey('ab/ef.jpg'), data('other')),
      ])
      expect(await everything()).toEqual(['elsewhere/ab/cd.jpg', 'elsewhere/ab/ef.jpg'])
    }))

  test.for([
    ['that has gone', async () => {}],
    ['whose volume is not mounted', async (directory: string) => void (await mkdir(directory))],
  ] as const)('a root %s is away, and nothing is made in its place', ([, leave]) =>
    withDirectory(async ({ storage, storageDir }) => {
      const root = path.join(storageDir, 'originals')
      await storage.put(KEY, data('there'))
      await rename(root, `${root}-elsewhere`)
      await leave(root)
      const calls = [
        () => storage.check(),
        () => storage.put(KEY, data('new')),
        () => storage.putStream(originalKey('b/c'), source('new'), 10),
        () => storage.read(KEY, 10),
        () => storage.head(KEY),
        () => storage.remove(KEY),
        () => Array.fromAsync(storage.list('')),
        () => Array.fromAsync(storage.unfinished()),
        () => storage.owners(),
        () => storage.setOwner('id'),
      ]
      for (const call of calls)
        expect(
          awayCode(
            await call().then(
              () => undefined,
              (error: unknown) => error,
            ),
          ),
          String(call),
        ).toBe('storage-unavailable')
      await rm(root, { recursive: true, force: true })
      await rename(`${root}-elsewhere`, root)
      expect(await bytesOf(storage.read(KEY, 10))).toEqual(data('there'))
      await storage.check()
    }),
  )

  test('a put that fails leaves no temporary file', () =>
    withDirectory(async ({ storage, everything }) => {
      await storage.put(originalKey('a/b'), data('in the way'))
      await expect(storage.put(originalKey('a'), data('x'))).rejects.toThrow()
      await expect(storage.put(originalKey('a/b/c'), data('x'))).rejects.toThrow()
      expect(await storage.head(originalKey('a'))).toBeUndefined()
      expect(await everything()).toEqual(['files/originals/a/b'])
    }))

  test('a put or a stream of which the disk takes a part only is not stored', () =>
    withDirectory(async ({ everything, storageDir, thumbsDir }) => {
      const script = `
        process.on('SIGXFSZ', () => {})
        const { openDirectory } = await import(process.env.DIRECTORY)
        const storage = await openDirectory(process.env)
        const { Readable } = await import('node:stream')
        const data = Buffer.alloc(100_000)
        const said = [storage.put('thumbs/a', data), storage.putStream('originals/a', Readable.from([data]), 1e6)]
        console.log(...(await Promise.all(said.map((one) => one.then(() => 'stored', ({ code }) => code)))))`
      const env = { storageDir, thumbsDir, DIRECTORY }
      // The longest file that the process may write: like a full disk, the first write then ends early without an error.
      const limited = ['-c', 'ulimit -f 8 && exec "$@"', 'sh', process.execPath, '--input-type=module', '-e']
      const { stdout } = await promisify(execFile)('sh', [...limited, script], { env })
      expect(stdout).toBe('EFBIG EFBIG\n')
      expect(await everything()).toEqual([])
    }))

  test('check() fails where the disk takes empty files only, and leaves none', () =>
    withDirectory(async ({ everything, storageDir, thumbsDir }) => {
      const script = `
        process.on('SIGXFSZ', () => {})
        const { openDirectory } = await import(process.env.DIRECTORY)
        const storage = await openDirectory(process.env)
        console.log(await storage.check().then(() => 'stored', ({ code }) => code))`
      const env = { storageDir, thumbsDir, DIRECTORY }
      const full = ['-c', 'ulimit -f 0 && exec "$@"', 'sh', process.execPath, '--input-type=module', '-e']
      const { stdout } = await promisify(execFile)('sh', [...full, script], { env })
      expect(stdout).toBe('EFBIG\n')
      expect(await everything()).toEqual([])
    }))

  test.for(['storageDir', 'thumbsDir'] as const)('check() fails where nothing can be stored in %s', (one) =>
    withDirectory(async ({ storage, ...directories }) => {
      await rm(directories[one], { recursive: true })
      await writeFile(directories[one], 'a file, not a directory')
      await expect(storage.check()).rejects.toThrow()
    }),
  )
})
