import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { findPhoto } from '../imaging/photos.ts'
import { median } from '../load.ts'
import type { Environment } from '../service.ts'
import { withOurs } from './ours.ts'
import { startSource } from './source.ts'
import { openTheirs } from './theirs.ts'
import { type Contender, measureTurn, type Turn } from './turn.ts'

const TURNS = 7
const PHOTOS = 120
/** Compilers are done after about so many photos. */
const WARM_UP = 100
/** After so long no turn begins, lest a busy machine take longer than 150 s. */
const LAST_BEGIN_MS = 100_000

/** Thumbnails of 12 MP photos by URL, this service and BullMQ + sharp in turns. */
export async function benchEndToEnd(env: Environment): Promise<Record<string, number | string>> {
  const begun = performance.now()
  const source = await startSource(await readFile(await findPhoto('jpeg-12mp', process.env.PHOTO)))
  try {
    const theirs = await openTheirs(path.join(env.STORAGE_DIR ?? '', 'theirs'))
    try {
      return await withOurs(env, async (ours) => {
        const turn = (contender: Contender) =>
          measureTurn(contender, PHOTOS, () => contender.process(source.next(PHOTOS)))
        for (const contender of [ours, theirs]) await contender.process(source.next(WARM_UP))
        const turns: { ours: Turn; theirs: Turn }[] = []
        do turns.push({ ours: await turn(ours), theirs: await turn(theirs) })
        while (turns.length < TURNS && performance.now() - begun < LAST_BEGIN_MS)
        return describe(turns)
      })
    } finally {
      await theirs.stop()
    }
  } finally {
    source.stop()
  }
}

function describe(turns: readonly { ours: Turn; theirs: Turn }[]): Record<string, number | string> {
  const ratios = turns.map(({ ours, theirs }) => ours.rate / theirs.rate)
  const mine = turns.map(({ ours }) => ours)
  const peer = turns.map(({ theirs }) => theirs)
  return {
    '12 MP end to end, photos/s': round(median(mine.map(({ rate }) => rate)), 1),
    '12 MP end to end, photos/s of BullMQ + sharp': round(median(peer.map(({ rate }) => rate)), 1),
    '12 MP end to end, times BullMQ + sharp': round(median(ratios), 2),
    '12 MP end to end, times in each turn': ratios.map((ratio) => ratio.toFixed(2)).join(' '),
    ...describeCpu('processor ms a photo', mine),
    ...describeCpu('processor ms a photo of BullMQ + sharp', peer),
  }
}

function describeCpu(what: string, turns: readonly Turn[]): Record<string, number> {
  const sum = ({ cpu }: Turn) => Object.values(cpu).reduce((total, ms) => total + ms, 0)
  const names = Object.keys(turns[0]?.cpu ?? {})
  return Object.fromEntries([
    ...names.map((name) => [`${what}, ${name}`, round(median(turns.map(({ cpu }) => cpu[name] ?? 0)), 1)]),
    [`${what}, all`, round(median(turns.map(sum)), 1)],
  ])
}

const round = (value: number, digits: number) => Number(value.toFixed(digits))
