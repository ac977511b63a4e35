import { chmod, mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { uuidv7 } from 'uuidv7'
import { expect, test } from 'vitest'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { SETUPS, withEnvironment } from '../support/app.ts'

const modeOf = async (file: string) => ((await stat(file)).mode & 0o777).toString(8)

test('the database and originals are for this user only, thumbnails for all', () =>
  withEnvironment(SETUPS[0], async (env) => {
    const directory = path.dirname(env.STORAGE_DIR ?? '')
    const file = path.join(directory, 'database', 'photos.db')
    const umask = process.umask(0o022)
    const app = await openApp(readConfig({ ...env, DATABASE_URL: `sqlite:${file}` }))
    try {
      await migrate(app.db)
      for (const end of ['', '-wal', '-shm']) expect.soft(await modeOf(file + end), end).toBe('600')
      expect.soft(await modeOf(path.dirname(file))).toBe('700')
      const { storageDir, thumbsDir } = app.config
      const uuid = uuidv7()
      await app.storage.check()
      await app.storage.putStream(`originals/${uuid}`, Readable.from([Buffer.from('x')]), 10)
      await app.storage.put(`thumbs/aa/${uuid}.jpg`, Buffer.from('x'))
      await app.storage.signUpload(`originals/${uuid}`, { maxBytes: 1, expiresAt: new Date() })
      expect.soft(await modeOf(path.join(storageDir, 'originals', uuid))).toBe('600')
      expect.soft(await modeOf(path.join(storageDir, 'originals'))).toBe('700')
      expect.soft(await modeOf(path.join(storageDir, 'originals', '.parts'))).toBe('700')
      expect.soft(await modeOf(path.join(storageDir, '.upload-secret'))).toBe('600')
      for (const open of [storageDir, thumbsDir, path.join(thumbsDir, 'aa')])
        expect.soft(await modeOf(open), open).toBe('755')
      expect.soft(await modeOf(path.join(thumbsDir, 'aa', `${uuid}.jpg`))).toBe('644')
    } finally {
      await app.close()
      process.umask(umask)
    }
  }))

test('what an earlier version left open is closed', () =>
  withEnvironment(
    SETUPS[0],
    async (env) => {
      const config = readConfig(env)
      const originals = path.join(config.storageDir, 'originals')
      const file = config.databaseUrl.slice('sqlite:'.length)
      await mkdir(originals, { recursive: true })
      await chmod(originals, 0o755)
      await chmod(file, 0o644)
      const app = await openApp(config)
      await app.storage.putStream(`originals/${uuidv7()}`, Readable.from([Buffer.from('x')]), 10)
      expect([await modeOf(originals), await modeOf(file)]).toEqual(['700', '600'])
      await app.close()
    },
    'migrated',
  ))
