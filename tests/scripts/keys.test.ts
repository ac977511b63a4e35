import { describe, expect, test } from 'vitest'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { idOf } from '../security/credentials.ts'
import { type Environment, isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { runCommand } from '../support/command.ts'

/** Runs the command, and returns its output. */
async function keys(env: Environment, ...args: string[]): Promise<string> {
  const { code, out, error } = await runCommand('keys', args, env)
  expect({ code, error }).toEqual({ code: 0, error: '' })
  return out
}

const keyIn = (out: string) => /^pp_\w+_[\w-]{43}$/m.exec(out)?.[0] ?? ''

describe.for(SETUPS)('npm run keys on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('makes, lists, rolls and revokes keys, and rotates what signs', () =>
    withEnvironment(setup, async (env) => {
      // The first key comes before the service has been started.
      const first = keyIn(await keys(env, 'create', 'first', '--scopes', 'admin'))
      const few = keyIn(
        await keys(env, 'create', 'few', '--scopes', 'read', '--projects', '1,2', '--expires', '90d'),
      )
      const app = await openApp(readConfig({ ...env, AUTH: 'keys' }))
      const { keys: known, links } = app.access
      expect(await known.identify(first)).toMatchObject({
        scopes: ['admin'],
        projects: '*',
        keyId: idOf(first),
        credential: `key ${idOf(first)}`,
      })
      const days = (((await known.identify(few))?.until ?? 0) - Date.now()) / 86_400_000
      expect(Math.round(days)).toBe(90)
      const listed = await keys(env, 'list')
      expect(listed.split('\n').filter(Boolean)).toEqual([
        expect.stringMatching(`^${idOf(few)}  few  read  projects 1, 2  until `),
        expect.stringMatching(`^${idOf(first)}  first  admin  all projects  without end  last used `),
      ])
      expect(listed).not.toContain(first)
      const next = keyIn(await keys(env, 'roll', idOf(first), '--grace', '24h'))
      await expect.poll(() => known.identify(next)).toMatchObject({ keyId: idOf(first) })
      expect(await known.identify(first)).toMatchObject({ keyId: idOf(first) })
      const last = keyIn(await keys(env, 'roll', idOf(first)))
      await expect.poll(() => known.identify(last)).toMatchObject({ keyId: idOf(first) })
      expect(await known.identify(first)).toBeUndefined()
      await keys(env, 'revoke', idOf(first))
      await expect.poll(() => known.identify(last)).toBeUndefined()
      expect(await keys(env, 'list')).toMatch(new RegExp(`^${idOf(first)} .* revoked `, 'm'))
      const link = new URL((await links.signer())('aa/b.jpg'), 'http://localhost')
      const query = Object.fromEntries(link.searchParams)
      expect(await keys(env, 'rotate-links')).toMatch(/^Signing with \w+$/m)
      expect(await links.verify('/files/aa/b.jpg', query)).toBeGreaterThan(Date.now())
      await keys(env, 'rotate-links', '--now')
      await expect
        .poll(() => links.verify('/files/aa/b.jpg', query).catch(({ code }) => code))
        .toBe('link-invalid')
      await app.close()
    }),
  )
})

test('a key that is not there cannot be rolled or revoked', () =>
  withEnvironment(SETUPS[0], async (env) => {
    for (const command of ['roll', 'revoke'])
      expect(await runCommand('keys', [command, 'nobody'], env)).toMatchObject({
        code: 1,
        error: 'Key not found\n',
      })
  }))

test.for([
  '',
  'make',
  'create',
  'create one two',
  'create one --scopes root',
  'create one --scopes=',
  'create one --projects 0',
  'create one --projects 1,x',
  'create one --projects=',
  'create one --expires soon',
  'roll',
  'roll one --grace=-1h',
  'revoke',
  'list one',
  'list --all',
  'rotate-links one',
])('"npm run keys -- %s" says how it is used', async (line) => {
  const { code, out, error } = await runCommand('keys', line === '' ? [] : line.split(' '), {})
  expect([code, out]).toEqual([2, ''])
  expect(error).toContain('Usage: npm run keys --')
})
