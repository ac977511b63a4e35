import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openDirectory } from '../../lib/storage/directory.ts'
import type { Storage } from '../../lib/storage/port.ts'

/** `everything` is what the backend holds by whatever name, also what is half written. */
export type Opened = { storage: Storage; everything(): Promise<string[]> }

type Directory = Opened & { storageDir: string; thumbsDir: string }

/** Runs `use` with a storage in directories of its own that do not exist yet. */
export async function withDirectory(use: (opened: Directory) => Promise<void>): Promise<void> {
  const root = await mkdtemp(path.join(tmpdir(), 'photos-'))
  const [storageDir, thumbsDir] = [path.join(root, 'files'), path.join(root, 'elsewhere')]
  try {
    await use({
      storage: openDirectory({ storageDir, thumbsDir, publicUrl: 'http://127.0.0.1:3000' }),
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
