import { uuidv7 } from 'uuidv7'
import { type Client, createClient } from '../../../lib/client/index.ts'
import { jpeg, sample } from '../../support/images.ts'

/** A key that always holds, as `ADMIN_KEY`. */
export const KEY = `pp_admin_${'0'.repeat(43)}`

export const PROJECT = 111

/** A photo as a file that was chosen. */
export async function photoFile(width = 640, height = 480): Promise<File> {
  return new File([new Uint8Array(await jpeg(sample(width, height)))], `${uuidv7()}.jpg`)
}

export const clientOf = (baseUrl: string, more = {}): Client => createClient({ baseUrl, key: KEY, ...more })
