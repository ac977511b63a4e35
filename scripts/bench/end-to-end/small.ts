import { Jimp } from 'jimp'
import { median } from '../load.ts'
import type { Environment } from '../service.ts'
import { withOurs } from './ours.ts'
import { startSource } from './source.ts'
import { measureTurn, type Turn } from './turn.ts'

const TURNS = 3
const PHOTOS = 1_000
const WARM_UP = 500

/** What everything but decoding costs: photos of 32x32 px by URL, with defaults. */
export async function benchSmall(env: Environment): Promise<Record<string, number>> {
  const image = new Jimp({ width: 32, height: 32, color: 0x336699ff })
  const source = await startSource(await image.getBuffer('image/jpeg'))
  const turns: Turn[] = []
  try {
    await withOurs(env, async (ours) => {
      await ours.process(source.next(WARM_UP))
      for (let i = 0; i < TURNS; i++)
        turns.push(await measureTurn(ours, PHOTOS, () => ours.process(source.next(PHOTOS))))
    })
  } finally {
    source.stop()
  }
  return {
    '32x32 end to end, photos/s': Math.round(median(turns.map(({ rate }) => rate))),
    '32x32 end to end, processor ms a photo, worker': Number(
      median(turns.map(({ cpu }) => cpu.worker ?? 0)).toFixed(1),
    ),
  }
}
