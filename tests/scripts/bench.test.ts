import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Redis } from 'ioredis'
import { Jimp } from 'jimp'
import { expect, inject, test } from 'vitest'
import { startSource } from '../../scripts/bench/end-to-end/source.ts'
import { DATABASE, openTheirs } from '../../scripts/bench/end-to-end/theirs.ts'
import { measureTurn } from '../../scripts/bench/end-to-end/turn.ts'
import { cpuOfName, cpuOfTree, memoryOf, memoryOfTree } from '../../scripts/bench/processes.ts'

async function bench(...args: string[]) {
  const child = spawn(process.execPath, ['scripts/run.mjs', 'bench', ...args], {
    env: { PATH: process.env.PATH },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)))
  const [code] = await once(child, 'close')
  return { code, output }
}

test('a benchmark that does not exist ends with 2 and the names of those that do', async () => {
  const { code, output } = await bench('--only', 'nothing')
  expect(code).toBe(2)
  for (const name of ['end-to-end', 'end-to-end-small', 'end-to-end-versions', 'end-to-end-memory'])
    expect(output).toContain(`${name},`)
})

test('photos are only for quality', async () => {
  expect(await bench('--only', 'end-to-end', 'photo.jpg')).toMatchObject({
    code: 2,
    output: expect.stringContaining('Only quality takes photos'),
  })
})

const onLinux = process.platform === 'linux'

/** Spends processor time, then starts a process that does the same with 50 MB; ends that one for a message. */
const PARENT = `
const spend = (ms) => { while (process.cpuUsage().user < ms * 1000); }
if (process.argv[1] === 'child') {
  globalThis.kept = Buffer.alloc(50e6, 1)
  setInterval(() => {}, 1000)
  spend(500)
  process.send('spent')
} else {
  spend(300)
  const child = require('node:child_process').spawn(process.execPath, ['-e', process.env.PARENT, 'child'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  child.on('message', () => process.send('spent'))
  child.on('exit', () => process.send('ended'))
  process.on('message', () => child.kill())
}`

test.skipIf(!onLinux)(
  'processor time and memory are those of a process and all that it started',
  async () => {
    const parent = spawn(process.execPath, ['-e', PARENT], {
      env: { PARENT },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    try {
      const pid = parent.pid ?? 0
      await once(parent, 'message')
      const spent = await cpuOfTree(pid)
      expect(spent).toBeGreaterThan(750)
      const [alone, both] = [await memoryOf(pid), await memoryOfTree(pid)]
      expect(both.resident).toBeGreaterThan(alone.now + 50)
      expect(both.once).toBeGreaterThan(50)
      expect(both.once).toBeLessThan(both.resident)
      expect(alone.peak).toBeGreaterThanOrEqual(alone.now)
      parent.send('end')
      await once(parent, 'message')
      expect(await cpuOfTree(pid)).toBeGreaterThanOrEqual(spent)
      expect((await memoryOfTree(pid)).resident).toBeLessThan(both.resident - 50)
    } finally {
      parent.kill('SIGKILL')
    }
  },
)

test.skipIf(!onLinux)('processes are found by their name', async () => {
  const own = readFileSync('/proc/self/comm', 'utf8').trim()
  const { user, system } = process.cpuUsage()
  expect(await cpuOfName(own)).toBeGreaterThan((user + system) / 1000 - 50)
  expect(await cpuOfName('no such process')).toBe(0)
})

const redisUrl = inject('redisUrl')

test.skipIf(redisUrl === undefined || !onLinux)(
  'BullMQ and sharp make thumbnails in a Redis database of their own, which is empty afterwards',
  async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'photos-'))
    const image = new Jimp({ width: 640, height: 480, color: 0x336699ff })
    const source = await startSource(await image.getBuffer('image/jpeg'))
    const redis = new Redis(new URL(`/${DATABASE}`, redisUrl).href)
    try {
      const theirs = await openTheirs(directory)
      const { rate, cpu } = await measureTurn(theirs, 5, () => theirs.process(source.next(5)))
      expect(rate).toBeGreaterThan(0)
      expect(cpu.worker).toBeGreaterThan(0)
      await theirs.stop()
      const files = await readdir(directory)
      expect(files).toHaveLength(5)
      const thumbnail = await Jimp.read(path.join(directory, files[0] ?? ''))
      expect([thumbnail.width, thumbnail.height]).toEqual([320, 240])
      expect(await redis.dbsize()).toBe(0)

      await redis.set('of somebody else', '1')
      await expect(openTheirs(directory)).rejects.toThrow(/holds 1 keys/)
      expect(await redis.get('of somebody else')).toBe('1')
    } finally {
      await redis.del('of somebody else')
      redis.disconnect()
      source.stop()
      await rm(directory, { recursive: true })
    }
  },
)
