import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { asCalled } from '../../scripts/arguments.ts'

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }

/** The commands of `package.json` that are programs of this project; those that share one differ in an argument. */
const PROGRAMS = new Set(
  Object.values(scripts).flatMap((script) => {
    const [, program] = /^exec node (scripts\/run\.mjs \S+|scripts\/\S+)/.exec(script) ?? []
    return program ?? []
  }),
)

/** Runs Node with these arguments, in an environment in which nothing is set. */
async function run(...args: string[]) {
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH } })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (data) => (stdout += String(data)))
  child.stderr.on('data', (data) => (stderr += String(data)))
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

test('every command is one of these programs', () => {
  expect([...PROGRAMS]).toEqual(
    expect.arrayContaining([
      'scripts/run.mjs serve/start',
      'scripts/run.mjs seed',
      'scripts/run.mjs load',
      'scripts/build-wasm.mjs',
    ]),
  )
})

test.each([...PROGRAMS])('%s prints its usage when asked, and for a wrong flag', async (program) => {
  const [asked, wrong] = await Promise.all(
    ['--help', '--no-such-flag'].map((flag) => run(...program.split(' '), flag)),
  )
  expect(asked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: npm /), stderr: '' })
  expect(wrong).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^Usage: npm /m) })
  expect(wrong?.stderr).not.toMatch(/^\s+at /m)
})

test('a package names its commands as they are called there', () => {
  expect(asCalled('npm start, npm run api|worker, npm run keys -- list', true)).toBe(
    'npx photo-processor, npx photo-processor api|worker, npx photo-processor keys list',
  )
})

test('a name that is no command ends with 2, in one line', async () => {
  expect(await run('scripts/run.mjs', 'nothing')).toEqual({
    code: 2,
    stdout: '',
    stderr: 'There is no command nothing; package.json has them all\n',
  })
})

test('an old Node is told in one line what to do', async () => {
  const old = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.20.2"})'
  expect(await run('--import', old, 'scripts/run.mjs', 'serve/start', '--help')).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^Node 20\.20\.2 is too old: start with .*\n$/),
  })
})
