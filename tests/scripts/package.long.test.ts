import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { SETUPS, withEnvironment } from '../support/app.ts'
import { withCopiedTree } from '../support/copied-tree.ts'
import { jpeg, pixels, sample } from '../support/images.ts'
import { startCommand } from '../support/service.ts'

const run = promisify(execFile)

/** A build compiles the whole service. */
const BUILD_TIMEOUT_MS = 600_000

/** Packages that come with ours, without those for its development. */
async function runtimePackages(): Promise<string[]> {
  const { packages } = JSON.parse(await readFile('package-lock.json', 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>
  }
  return Object.entries(packages).flatMap(([place, { dev, optional }]) => {
    const [, name, nested] = place.split('node_modules/')
    return name && !nested && !dev && !optional ? [name.replace(/\/$/, '')] : []
  })
}

/** Runs `use` in an application that has the package as npm installs it: unpacked, with what it depends on, nothing else. */
const withInstalled = (use: (application: string, bin: string) => Promise<void>) =>
  withCopiedTree({}, async (root) => {
    for (const file of ['tsconfig.json', 'README.md', 'LICENSE']) await cp(file, path.join(root, file))
    await run('npm', ['run', 'prepack'], { cwd: root })
    // What it runs besides is `prepare`, which the tree that was copied has behind it.
    const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts'], { cwd: root })
    const [{ filename = '' } = {}] = JSON.parse(stdout) as { filename?: string }[]
    const modules = path.join(root, 'application', 'node_modules')
    for (const name of await runtimePackages()) {
      await mkdir(path.dirname(path.join(modules, name)), { recursive: true })
      await symlink(path.resolve('node_modules', name), path.join(modules, name))
    }
    const own = path.join(modules, 'photo-processor')
    await mkdir(own)
    await run('tar', ['-xzf', path.join(root, filename), '-C', own, '--strip-components=1'])
    const { bin } = JSON.parse(await readFile(path.join(own, 'package.json'), 'utf8')) as { bin: string }
    await use(path.dirname(modules), path.join(own, bin))
  })

/** A program that uses the client; the compiler checks it, and Node runs it. */
const PROGRAM = `
import { openAsBlob } from 'node:fs'
import { createClient, type Photo } from 'photo-processor/client'
const client = createClient({ baseUrl: process.argv[2] ?? '' })
const file = await openAsBlob('photo.jpg')
const { uuid } = await client.upload(file, { project: 111, name: 'photo.jpg' })
const photo: Photo = await client.wait(uuid)
const status: 'init' | 'pending' | 'processing' | 'completed' | 'failed' = photo.status
console.log(status, photo.thumbnails.length)
// @ts-expect-error: a uuid is text
client.wait(1).catch(() => undefined)
`

test(
  'the package, packed and installed elsewhere, makes thumbnails, serves, and is called by its client',
  () =>
    withEnvironment(SETUPS[0], (env) =>
      withInstalled(async (application, bin) => {
        const at = (name: string) => path.join(application, name)
        await writeFile(at('package.json'), '{"type":"module"}')
        await writeFile(at('photo.jpg'), await jpeg(sample(640, 480)))
        const options = { cwd: application, env: { PATH: process.env.PATH, ...env } }
        const node = (...given: string[]) => run(process.execPath, given, options)

        expect((await node(bin, '--help')).stdout).toMatch(/^Usage: npx photo-processor /)
        expect((await node(bin, 'keys', '--help')).stdout).toMatch(/^Usage: npx photo-processor keys create/)
        await expect(node(bin, 'nothing')).rejects.toMatchObject({ code: 2 })
        await node(bin, 'process', 'photo.jpg')
        const made = await pixels(await readFile(at('thumbnails/photo.jpg')))
        expect(made).toMatchObject({ width: 320, height: 240 })
        expect((await node(bin, 'keys', 'create', 'shop')).stdout).toMatch(/^pp_/m)
        expect((await node(bin, 'dead', 'list')).stdout).toBe('')

        const service = await startCommand([process.execPath, bin], env, /Photo processor on/)
        try {
          await writeFile(at('program.ts'), PROGRAM)
          const compiler = path.resolve('node_modules/typescript/bin/tsc')
          const types = ['--types', 'node', '--typeRoots', path.resolve('node_modules/@types')]
          for (const [module, resolution] of [
            ['nodenext', 'nodenext'],
            ['esnext', 'bundler'],
          ] as const) {
            const modules = ['--module', module, '--moduleResolution', resolution]
            await node(
              compiler,
              '--ignoreConfig',
              '--noEmit',
              '--strict',
              '--target',
              'es2022',
              ...modules,
              ...types,
              'program.ts',
            )
          }
          expect((await node('program.ts', service.url)).stdout).toBe('completed 4\n')
        } finally {
          await service.kill('SIGKILL')
        }
        expect((await node(bin, 'doctor')).stdout).toBe('nothing differs\n')
      }),
    ),
  BUILD_TIMEOUT_MS,
)
