import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { uploadForm } from '../../../functions/page/upload-form.ts'
import type { FormPart } from '../../../lib/function.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { call } from '../support.ts'

async function* form(...names: string[]): AsyncGenerator<FormPart> {
  yield { kind: 'field', name: 'nickname', value: 'Ann' }
  for (const name of names)
    yield { kind: 'file', name, filename: `${name}.jpg`, content: Readable.from([Buffer.from(name)]) }
}

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

test('leads a browser back to the page, and answers others', () =>
  withApp(SETUPS[0], async (app) => {
    const led = await call(uploadForm, app, { form: form('image_data', 'image'), headers: BROWSER })
    expect([led.status, led.body, led.headers.location]).toEqual([303, null, '/'])
    for (const headers of [{}, { accept: '*/*' }, { accept: 'application/json' }]) {
      const answer = await call(uploadForm, app, { form: form('image_data'), headers })
      expect(answer.status).toBe(202)
      expect(answer.body).toEqual({ results: [{ uuid: expect.any(String), name: 'image_data.jpg' }] })
    }
    const rows = await app.db.selectFrom('photos').select(['door', 'nickname', 'status']).execute()
    expect(rows).toEqual(Array(5).fill({ door: 'page', nickname: 'Ann', status: 'pending' }))
  }))

test('shows a browser what was refused', () =>
  withApp(SETUPS[0], async (app) => {
    const answer = await call(uploadForm, app, { form: form('image', 'photo'), headers: BROWSER })
    expect(answer.status).toBe(202)
    expect(answer.body).toMatchObject({
      results: [{ name: 'image.jpg' }, { error: { code: 'invalid-upload' } }],
    })
    await expect(call(uploadForm, app, { form: form(), headers: BROWSER })).rejects.toMatchObject({
      code: 'invalid-upload',
    })
  }))
