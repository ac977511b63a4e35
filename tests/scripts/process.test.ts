import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import * as images from '../support/images.ts'
import { bytes, openSourceServer, stalled } from '../support/source-server.ts'

const run = promisify(execFile)

/** Starts the command, to be fed or stopped. */
const start = (directory: string, ...names: string[]) =>
  spawn(process.execPath, ['scripts/run.mjs', 'process', ...names], {
    env: environment(directory),
    stdio: ['pipe', 'ignore', 'inherit'],
  })

type Outcome = { code: number; stdout: string; stderr: string }

const environment = (directory: string) => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  TMPDIR: directory,
  SOURCE_ALLOW_CIDRS: '127.0.0.1/32',
})

/** Runs the command in a directory of its own; `names` are its arguments. */
async function withCommand(
  use: (directory: string, command: (...names: string[]) => Promise<Outcome>) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'photos-'))
  const command = (...names: string[]) =>
    run(process.execPath, ['scripts/run.mjs', 'process', ...names], {
      env: environment(directory),
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

test('says of a directory what it skips and why, and gives each input a line of JSON', () =>
  withCommand(async (directory, command) => {
    const at = (name: string) => path.join(directory, name)
    await mkdir(at('in/old'), { recursive: true })
    await mkdir(at('none'))
    await writeFile(at('in/a.png'), await images.png(images.sample(400, 200)))
    await writeFile(at('in/old/b.jpg'), 'made before')
    await writeFile(at('in/notes.txt'), 'no image')
    const options = ['--out', at('in/old'), '--size', '100', '--format', 'webp', '--json']
    const { code, stdout, stderr } = await command(at('in'), at('none'), ...options)
    expect(code).toBe(1)
    expect(stderr).toBe(`${at('none')}: there is no image in this directory\n`)
    const lines = stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { name: at('in/notes.txt'), status: 'skipped', reason: 'its ending is none of an image' },
      { name: at('in/old'), status: 'skipped', reason: 'images are saved there' },
      {
        name: at('in/a.png'),
        status: 'completed',
        seconds: expect.any(Number),
        files: [{ file: at('in/old/a.webp'), width: 100, height: 50 }],
        error: null,
      },
    ])
  }))

test('reads standard input, and makes what a recipe says', () =>
  withCommand(async (directory) => {
    const at = (name: string) => path.join(directory, name)
    const recipe = { small: ['fit:20x20', 'format:jpeg'], grey: ['grayscale'] }
    await writeFile(at('recipe.json'), JSON.stringify(recipe))
    const child = start(directory, '-', '--recipe', at('recipe.json'), '--out', at('out'))
    child.stdin.end(await images.png(images.sample(40, 30)))
    expect(await once(child, 'close')).toEqual([0, null])
    expect((await readdir(at('out'))).sort()).toEqual(['stdin-grey.png', 'stdin-small.jpg'])
    const small = await images.pixels(await readFile(at('out/stdin-small.jpg')))
    expect(small).toMatchObject({ width: 20, height: 15 })
  }))

test('saves what is done at once, keeps it when Ctrl-C ends it, and leaves nothing else', () =>
  withCommand(async (directory) => {
    const source = await openSourceServer({ '/slow.jpg': stalled })
    const at = (name: string) => path.join(directory, name)
    await writeFile(at('a.png'), await images.png(images.sample(40, 30)))
    const child = start(directory, at('a.png'), `${source.url}/slow.jpg`, '--out', at('out'))
    const ended = once(child, 'close')
    await expect.poll(() => readdir(at('out')).catch(() => [])).toEqual(['a.jpg'])
    await expect.poll(() => source.hits.length).toBe(1)
    child.kill('SIGINT')
    expect(await ended).toEqual([130, null])
    expect((await readdir(directory)).sort()).toEqual(['a.png', 'out'])
    await source.close()
  }))

test('names that are too long, that a terminal would obey, or that name no file or a huge one, stop nothing', () =>
  withCommand(async (directory, command) => {
    const at = (name: string) => path.join(directory, name)
    const photo = await images.jpeg(images.sample(40, 30))
    const long = `/${'l'.repeat(1_000)}.jpg`
    const source = await openSourceServer({ [long]: bytes(photo) })
    await mkdir(at('in'))
    await writeFile(at('in/\u001b[2J\nx.jpg'), photo)
    await run('mkfifo', [at('in/pipe.jpg')])
    await writeFile(at('huge.jpg'), '')
    await truncate(at('huge.jpg'), 3 * 1024 ** 3)
    const { code, stdout, stderr } = await command(
      `${source.url}${long}`,
      at('huge.jpg'),
      at('in'),
      '--out',
      at('out'),
    )
    expect([code, stderr]).toEqual([1, `${at('in/pipe.jpg')}: skipped, it is no file\n`])
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    expect(stdout).toContain(`${at('in/?[2J?x.jpg')}  completed`)
    expect(stdout).toContain(`${at('huge.jpg')}  failed: too-many-bytes, `)
    expect((await readdir(at('out'))).sort()).toEqual(['__2J_x.jpg', `${'l'.repeat(150)}.jpg`])
    await source.close()
  }))

test('tells how it is used, with exit code 2, when what it is given does not fit', () =>
  withCommand(async (directory, command) => {
    const recipe = path.join(directory, 'recipe.json')
    await writeFile(recipe, '{"small":["fit:0x0"]}')
    const broken = path.join(directory, 'broken.json')
    await writeFile(broken, '{')
    const calls: [given: string[], says: string][] = [
      [[], 'Name what to process'],
      [['a.png', '--size', '0'], '--size is WxH or one number, with sides from 1 to 10000'],
      [['a.png', '--format', 'gif'], '--format is one of jpeg, png'],
      [['a.png', '--recipe', recipe, '--size', '9'], '--recipe says sizes'],
      [['a.png', '--recipe', recipe], 'small: /transformations/0 must be fit:WxH'],
      [['a.png', '--recipe', broken], `--recipe ${broken}: Expected property name`],
      [['a.png', '--recipe', 'none.json'], '--recipe none.json: ENOENT'],
    ]
    for (const [given, says] of calls) {
      const { code, stderr } = await command(...given)
      expect.soft([code, stderr]).toEqual([2, expect.stringContaining(says)])
      expect.soft(stderr).toContain('Usage: npm run process')
    }
  }))
