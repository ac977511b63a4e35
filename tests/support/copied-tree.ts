import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Where the module of the image path is built. */
export const WASM = 'lib/imaging/wasm/imaging.wasm'

/** Runs `use` with a copy of the program, whose files may be broken, without these packages (or scopes) and files. */
export async function withCopiedTree<T>(
  { packages = [], files = [] }: { packages?: readonly string[]; files?: readonly string[] },
  use: (root: string) => Promise<T>,
): Promise<T> {
  const root = await mkdtemp(path.join(tmpdir(), 'installed-'))
  try {
    for (const name of ['functions', 'lib', 'scripts', 'sql', 'package.json'])
      await cp(path.join(ROOT, name), path.join(root, name), { recursive: true })
    for (const file of files) await rm(path.join(root, file), { force: true })
    await mkdir(path.join(root, 'node_modules'))
    for (const name of await readdir(path.join(ROOT, 'node_modules')))
      if (!packages.includes(name))
        await symlink(path.join(ROOT, 'node_modules', name), path.join(root, 'node_modules', name))
    return await use(root)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}
