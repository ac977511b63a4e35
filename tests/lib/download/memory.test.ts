import { createHash, randomBytes, randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type BufferPool, collectIn, openBufferPool } from '../../../lib/download/buffers.ts'
import { until } from '../../support/service.ts'
import { bytes, encoded, lying, stalledBody } from '../../support/source-server.ts'
import { downloader, failureOf, source } from './support.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const MIB = 1024 * 1024
const KIB = 1024

/** A pool that knows how many bytes are out, and how many were at most. */
function countingPool(pool: BufferPool = openBufferPool()) {
  const counting = {
    out: 0,
    most: 0,
    take(bytes: number) {
      const buffer = pool.take(bytes)
      counting.out += buffer.byteLength
      counting.most = Math.max(counting.most, counting.out)
      return buffer
    },
    give(buffer: ArrayBuffer) {
      counting.out -= buffer.byteLength
      pool.give(buffer)
    },
    close: pool.close,
  }
  return counting
}

describe('the memory of a download', () => {
  it('grows with what has come, not with what is announced', async () => {
    const ending = Promise.withResolvers<void>()
    source.set('/slow', ({ socket }, response) => {
      response.writeHead(200, { 'content-length': 50 * MIB }).write(randomBytes(20 * KIB))
      ending.promise.then(() => socket.end())
    })
    const buffers = countingPool()
    const { fetch } = downloader({ buffers, maxBytes: 50 * MIB, timeoutMs: 60_000 })
    const controller = new AbortController()
    const all = Array.from({ length: 20 }, (_, i) =>
      fetch(`${source.url}/slow`, i < 10 ? controller.signal : undefined),
    )
    const settled = Promise.allSettled(all)
    await until(() => buffers.out >= 20 * 64 * KIB)
    controller.abort()
    // The others end when all that was sent has been read.
    ending.resolve()
    expect((await settled).map(({ status }) => status)).toEqual(all.map(() => 'rejected'))
    expect(buffers.most).toBe(20 * 64 * KIB)
    expect(buffers.out).toBe(0)
  })

  it('is little more than the source once that is there', async () => {
    const data = randomBytes(5 * MIB)
    source.set('/a', bytes(data))
    source.set('/chunked', (_, response) => response.write(data, () => response.end()))
    const buffers = countingPool()
    const { fetch } = downloader({ buffers, maxBytes: 50 * MIB })
    const declared = await fetch(`${source.url}/a`)
    expect(buffers.out).toBeLessThanOrEqual(6 * MIB)
    declared.release()
    await fetch(`${source.url}/chunked`)
    expect(buffers.out).toBeLessThanOrEqual(20 * MIB)
  })

  it('is given back once, and empties the data', async () => {
    source.set('/a', bytes('a'.repeat(1000)))
    const buffers = countingPool()
    const { data, release } = await downloader({ buffers }).fetch(`${source.url}/a`)
    expect(buffers.out).toBe(64 * KIB)
    expect(data).toHaveLength(1000)
    release()
    release()
    expect(buffers.out).toBe(0)
    expect(data).toHaveLength(0)
  })

  it('may have been moved to a thread', async () => {
    source.set('/a', bytes('a'.repeat(1000)))
    const { fetch } = downloader()
    const moved = await fetch(`${source.url}/a`)
    structuredClone(moved.data, { transfer: [moved.data.buffer] })
    moved.release()
    expect((await fetch(`${source.url}/a`)).data).toHaveLength(1000)
  })

  it.each([
    ['cut off', lying('abc', 10)],
    ['too large', (_, response) => response.writeHead(200).end(Buffer.alloc(200_000))],
    ['too large once it is decoded', encoded(gzipSync(Buffer.alloc(200_000)), 'gzip')],
    ['damaged', encoded(randomBytes(1000), 'gzip')],
    ['empty', encoded(Buffer.alloc(0), 'gzip')],
    ['stalled', stalledBody],
  ])('comes back from a source that is %s', async (_, route) => {
    source.set('/a', route)
    const buffers = countingPool()
    expect(
      await failureOf(`${source.url}/a`, { buffers, timeoutMs: 60_000, leastRate: { bytes: 6, ms: 200 } }),
    ).toBeTruthy()
    expect(buffers.most).toBeGreaterThan(0)
    expect(buffers.out).toBe(0)
  })

  it('never mixes the bytes of downloads that run together', async () => {
    const parts = Array.from({ length: 30 }, () => randomBytes(randomInt(1, 700_000)))
    for (const [i, part] of parts.entries()) {
      source.set(`/${i}`, (request, response) => {
        if (i % 5 === 0) return encoded(gzipSync(part, { level: 1 }), 'gzip')(request, response)
        if (i % 2 === 0) return bytes(part)(request, response)
        // In two pieces, so that another download comes between.
        response.write(part.subarray(0, part.length / 2))
        return setTimeout(() => response.end(part.subarray(part.length / 2)), randomInt(10))
      })
    }
    const { fetch } = downloader({ maxBytes: 4 * MIB, timeoutMs: 60_000 })
    const hash = (data: Uint8Array) => createHash('sha1').update(data).digest('hex')
    const run = async () => {
      for (const [i, part] of parts.entries()) {
        const { data, release } = await fetch(`${source.url}/${i}`)
        await sleep(randomInt(3))
        expect(hash(data)).toBe(hash(part))
        release()
      }
    }
    await Promise.all(Array.from({ length: 6 }, run))
  })
})

describe('a pool', () => {
  it('hands out what came back, to who needs about as much', () => {
    const pool = openBufferPool()
    const [small, large] = [pool.take(100), pool.take(5 * MIB)]
    expect([small.byteLength, large.byteLength]).toEqual([64 * KIB, 5 * MIB])
    new Uint8Array(small).fill(7)
    new Uint8Array(large).fill(8)
    pool.give(large)
    pool.give(small)
    expect(new Uint8Array(pool.take(300 * KIB))[0]).toBe(0)
    expect(new Uint8Array(pool.take(4 * MIB))[0]).toBe(8)
    expect(new Uint8Array(pool.take(1))[0]).toBe(7)
    expect(new Uint8Array(pool.take(1))[0]).toBe(0)
  })

  it('has at most a quarter more than is needed', () => {
    const pool = openBufferPool()
    for (const bytes of [64 * KIB + 1, 300_000, MIB, MIB + 1, 4_300_000, 50 * MIB]) {
      const { byteLength } = pool.take(bytes)
      expect(byteLength).toBeGreaterThanOrEqual(bytes)
      expect(byteLength).toBeLessThanOrEqual(Math.max(1.26 * bytes, bytes + 64 * KIB))
    }
  })

  it('keeps no more than it may, and that not for long', async () => {
    const held = () => process.memoryUsage().arrayBuffers
    const pool = openBufferPool({ maxIdleBytes: 100 * MIB, idleMs: 200 })
    // What earlier tests have left would be freed while this one counts.
    collectGarbage()
    const before = held()
    const all = Array.from({ length: 30 }, () => pool.take(10 * MIB))
    expect(held() - before).toBeGreaterThan(250 * MIB)
    for (const buffer of all) pool.give(buffer)
    expect(held() - before).toBeLessThan(150 * MIB)
    await until(() => held() - before < 50 * MIB)
  })

  it('that is closed keeps nothing', () => {
    const pool = openBufferPool()
    const [before, late] = [pool.take(MIB), pool.take(MIB)]
    new Uint8Array(before).fill(1)
    pool.give(before)
    pool.close()
    new Uint8Array(late).fill(1)
    pool.give(late)
    expect(new Uint8Array(pool.take(MIB))[0]).toBe(0)
  })
})

it('collects what comes in pieces, whatever was announced', () => {
  for (const declared of [undefined, 10, 1_000_000, 1e9]) {
    const pieces = [1, 70_000, 10, 300_000, 5_000_000].map((size) => randomBytes(size))
    const collected = collectIn(openBufferPool(), declared)
    for (const piece of pieces) {
      const larger = collected.sizeFor(piece.length)
      if (larger !== undefined) collected.grow(larger)
      collected.add(piece)
    }
    expect(Buffer.compare(collected.data(), Buffer.concat(pieces))).toBe(0)
  }
})
