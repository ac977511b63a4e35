import { expect, test } from 'vitest'
import { SETUPS, withEnvironment } from '../support/app.ts'
import { runCommand } from '../support/command.ts'

const [EMBEDDED] = SETUPS

test('npm run keys sets and shows the quotas of a project, and the limit of a key', () =>
  withEnvironment(
    EMBEDDED,
    async (env) => {
      const keys = (...args: string[]) => runCommand('keys', args, { ...env, QUOTA_WAITING: '5' })
      const rows = ({ out }: { out: string }) => out.trim().split('\n')
      expect(rows(await keys('quota', '7', '--photos-per-day', '10', '--waiting', '0'))).toEqual([
        'photos_per_day  0 of 10  its own',
        'bytes_per_day  0 of no limit  as configured',
        'waiting  0 of 0  its own',
      ])
      const without = await keys('quota', '7', '--waiting', 'none')
      expect(rows(without).at(-1)).toBe('waiting  0 of 5  as configured')
      expect(rows(await keys('quota', '7'))).toEqual(rows(without))
      for (const args of [
        ['quota'],
        ['quota', 'x'],
        ['quota', '7', '--waiting', 'x'],
        ['create', 'a', '--rate-limit', '0'],
      ])
        expect(await keys(...args)).toMatchObject({ code: 2, error: expect.stringContaining('Usage: ') })
    },
    'migrated',
  ))
