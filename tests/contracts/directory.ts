import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { openDirectory } from '../../lib/storage/directory.ts'
import type { Storage } from '../../lib/storage/port.ts'

/** `everything` is what the backend holds by whatever name, also what is half written. */
export type Opened = { storage: Storage; everything(): Promise<string[]> }

type Directory = Opened & { storageDir: string; thumbsDir: string }

/** Runs `use` with a storage in directories of its own that did not exist before. */
export async function withDirectory(use: (opened: Directory) => Promise<void>): Promise<void> {
  const root = await mkdtemp(path.join(tmpdir(), 'photos-'))
  const [storageDir, thumbsDir] = [path.join(root, 'files'), path.join(root, 'elsewhere')]
  try {
    await use({
      storage: await openDirectory({ storageDir, thumbsDir, publicUrl: 'http://127.0.0.1:3000' }),
      async everything() {
        const entries = await readdir(root, { recursive: true, withFileTypes: true })
        const files = entries.filter((entry) => !entry.isDirectory())
        return files.map((file) => path.relative(root, path.join(file.parentPath, file.name))).sort()
      },
      storageDir,
      thumbsDir,
    })
  } finally {
    await rm(root, { recursive: true })
  }
}

export const data = (text: string): Buffer => Buffer.from(text)

/** A stream of texts. */
export const source = (...chunks: string[]): Readable => Readable.from(chunks.map(data))

/** What was read, to be compared. */
export async function bytesOf(reading: Promise<Uint8Array | undefined>): Promise<Buffer | undefined> {
  const bytes = await reading
  return bytes && Buffer.from(bytes)
}
