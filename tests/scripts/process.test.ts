import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import * as images from '../support/images.ts'
import { bytes, openSourceServer } from '../support/source-server.ts'

const run = promisify(execFile)

type Outcome = { code: number; stdout: string; stderr: string }

/** Runs the command in a directory of its own; `names` are its arguments. */
async function withCommand(
  use: (directory: string, command: (...names: string[]) => Promise<Outcome>) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'photos-'))
  const command = (...names: string[]) =>
    run(process.execPath, ['scripts/run.mjs', 'process', ...names], {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        TMPDIR: directory,
        SOURCE_ALLOW_CIDRS: '127.0.0.1/32',
      },
    }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }: Outcome) => ({ code, stdout, stderr }),
    )
  await use(directory, command)
  await rm(directory, { recursive: true, force: true })
}

const lastLines = (text: string, count: number) =>
  text
    .trimEnd()
    .split('\n')
    .slice(-count)
    .map((line) => line.replace(/\d+\.\d s/, 'T').split(/ {2,}/))

test('processes files, a directory, a glob and a URL, and ends with a table', () =>
  withCommand(async (directory, command) => {
    const source = await openSourceServer({ '/far.jpg': bytes(await images.jpeg(images.sample(400, 200))) })
    const at = (name: string) => path.join(directory, name)
    await writeFile(at('one.png'), await images.png(images.sample(40, 30)))
    await writeFile(at('two.bmp'), await images.bmp(images.sample(640, 320)))
    await writeFile(at('notes.txt'), 'no image')
    const out = at('out')
    const { code, stdout } = await command(directory, at('*.png'), `${source.url}/far.jpg`, '--out', out)
    expect(code).toBe(0)
    expect(lastLines(stdout, 4)).toEqual([
      ['name', 'status', 'size', 'time', 'file'],
      [at('one.png'), 'completed', '40x30', 'T', path.join(out, 'one.jpg')],
      [at('two.bmp'), 'completed', '320x160', 'T', path.join(out, 'two.jpg')],
      [`${source.url}/far.jpg`, 'completed', '320x160', 'T', path.join(out, 'far.jpg')],
    ])
    const made = await images.pixels(await readFile(path.join(out, 'two.jpg')))
    expect(made).toMatchObject({ width: 320, height: 160 })
    expect((await readdir(directory)).sort()).toEqual(['notes.txt', 'one.png', 'out', 'two.bmp'])
    await source.close()
  }))

test('says what failed and why, keeps the rest, and exits with 1', () =>
  withCommand(async (directory, command) => {
    const at = (name: string) => path.join(directory, name)
    await writeFile(at('good.gif'), await images.gif(images.sample(20, 20)))
    await writeFile(at('bad.jpg'), 'no image')
    const { code, stdout, stderr } = await command(
      at('good.gif'),
      at('bad.jpg'),
      at('none.jpg'),
      '--out',
      at('out'),
    )
    expect(code).toBe(1)
    expect(stderr).toBe(`${at('none.jpg')}: no such file\n`)
    expect(stdout).toContain(`${at('bad.jpg')}  failed: unsupported-format, `)
    expect(lastLines(stdout, 2)).toEqual([
      [at('good.gif'), 'completed', '20x20', 'T', path.join(at('out'), 'good.jpg')],
      [at('bad.jpg'), 'failed', 'T', 'unsupported-format'],
    ])
    expect(await readdir(at('out'))).toEqual(['good.jpg'])
  }))

test('never writes over a file that is there', () =>
  withCommand(async (directory, command) => {
    const source = path.join(directory, 'a.png')
    await writeFile(source, await images.png(images.sample(10, 10)))
    await command(source, '--out', directory)
    await writeFile(path.join(directory, 'a.jpg'), 'mine')
    expect((await command(source, '--out', directory)).code).toBe(0)
    expect(await readFile(path.join(directory, 'a.jpg'), 'utf8')).toBe('mine')
    expect((await readdir(directory)).sort()).toEqual(['a-2.jpg', 'a.jpg', 'a.png'])
  }))

test('tells how it is used, with exit code 2, when there is nothing to do', () =>
  withCommand(async (_directory, command) => {
    expect(await command()).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Usage: npm run process'),
    })
  }))
