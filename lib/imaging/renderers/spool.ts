import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** A file that carries bytes to a renderer and back, used again for each picture; nobody else may read it. */
export type Spool = {
  path: string
  write(bytes: Uint8Array): Promise<void>
  /** The bytes from `start`, in memory of their own. */
  read(start: number, bytes: number): Promise<Uint8Array>
  close(): Promise<void>
}

/**
 * Opens a spool in a directory of its own below the system's for temporary files (`TMPDIR`). The renderer removes both from
 * the disk as soon as it has opened the file (`serve.ts`), so that they end with the processes, however these end.
 */
export async function openSpool(): Promise<Spool> {
  // `mkdtemp` makes directories that only their owner may enter.
  const directory = await mkdtemp(path.join(tmpdir(), 'photo-spool-'))
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 3 })
  const file = path.join(directory, 'bytes')
  try {
    return { path: file, ...over(await open(file, 'wx+', 0o600), remove) }
  } catch (error) {
    await remove()
    throw error
  }
}

const over = (file: FileHandle, remove: () => Promise<void>) => ({
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; )
      at += (await file.write(bytes, at, bytes.length - at, at)).bytesWritten
  },
  async read(start: number, bytes: number): Promise<Uint8Array> {
    const data = new Uint8Array(bytes)
    for (let at = 0; at < bytes; ) {
      const { bytesRead } = await file.read(data, at, bytes - at, start + at)
      if (bytesRead === 0) throw new Error(`The spool ends after ${start + at} bytes`)
      at += bytesRead
    }
    return data
  },
  async close(): Promise<void> {
    await file.close()
    // Still there where the renderer died before it opened the file, or where an open file cannot be removed.
    await remove().catch(() => {})
  },
})
