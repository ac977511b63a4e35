import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type App, openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { migrate } from '../../../lib/db/migrate.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { checkUploads } from '../../../lib/photos/uploads.ts'
import { isAvailable, SETUPS, withEnvironment } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { originals } from '../support.ts'

const photos = ({ db }: App) => db.selectFrom('photos').selectAll().execute()

describe.for(['insert', 'store'] as const)('kill -9 after the %s', (stage) => {
  test.for(SETUPS)('loses no stored bytes and keeps no empty row, on $name', (setup, { skip }) => {
    skip(!isAvailable(setup))
    return withEnvironment(setup, async (env) => {
      const app = await openApp(readConfig(env))
      await migrate(app.db)
      const file = path.join(app.config.storageDir, '..', 'a.jpg')
      await writeFile(file, await jpeg(sample(64, 48)))
      const died = await promisify(execFile)(
        process.execPath,
        ['tests/support/dying-upload.ts', stage, file],
        {
          env: { PATH: process.env.PATH, ...env },
        },
      ).catch((error: { signal: string }) => error)
      expect(died).toMatchObject({ signal: 'SIGKILL' })
      expect(await photos(app)).toMatchObject([{ status: 'init', name: 'a.jpg' }])
      const longAgo = new Date(Date.now() - 17 * 60_000).toISOString()
      await app.db
        .updateTable('photos')
        .set({ check_after: nowPlus(-1), created_at: longAgo })
        .execute()
      await checkUploads(app)
      expect(await photos(app)).toMatchObject([
        stage === 'store'
          ? { status: 'pending', source_bytes: expect.any(Number), queued_at: expect.any(String) }
          : { status: 'failed', error_code: 'upload-expired' },
      ])
      expect(await originals(app)).toHaveLength(stage === 'store' ? 1 : 0)
      await app.close()
    })
  })
})
