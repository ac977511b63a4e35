import { readFile } from 'node:fs/promises'
import { openClient } from '../../load/client.ts'
import { uploadImage } from '../../load/upload.ts'
import { findPhoto } from '../imaging/photos.ts'
import { median } from '../load.ts'
import type { Environment } from '../service.ts'
import { withOurs } from './ours.ts'
import { measureTurn, type Turn } from './turn.ts'

const TURNS = 3
const PHOTOS = 40
const WARM_UP = 20
const PROJECT = 1
/** Uploads at once. */
const CONNECTIONS = 4

/** The five versions of 12 MP photos of 4 MB: from the first upload until all are there. */
export async function benchVersions(env: Environment): Promise<Record<string, number>> {
  const photo = await readFile(await findPhoto('jpeg-12mp', process.env.PHOTO))
  const client = openClient(CONNECTIONS)
  const turns: Turn[] = []
  try {
    await withOurs(env, async (ours) => {
      const upload = async (count: number) => {
        const uploads = Array.from({ length: count }, () => uploadImage(client, ours.url, PROJECT, photo))
        await Promise.all(uploads)
        await ours.completed(count)
      }
      await upload(WARM_UP)
      for (let i = 0; i < TURNS; i++) turns.push(await measureTurn(ours, PHOTOS, () => upload(PHOTOS)))
    })
  } finally {
    client.close()
  }
  return {
    'five versions of 4 MB, photos/s': Number(median(turns.map(({ rate }) => rate)).toFixed(1)),
    'five versions of 4 MB, processor ms a photo, worker': Math.round(
      median(turns.map(({ cpu }) => cpu.worker ?? 0)),
    ),
  }
}
