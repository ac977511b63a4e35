import net from 'node:net'
import { expect, test } from 'vitest'
import { SETUPS } from '../../support/app.ts'
import { originals, post } from '../support.ts'
import { FILE, send, statusOf, upload, withUploads } from './support.ts'

test('refuses forms that are not the one handed out, and stores nothing of them', () =>
  withUploads(
    SETUPS[0],
    async (app, _url, link) => {
      const [made, other] = [await link(), await link()]
      const { params } = made
      const file: [string, Blob] = ['file', new Blob([FILE])]
      const refused = { status: 403, code: 'upload-refused' }
      expect(
        await upload(made, FILE, { ...params, signature: params.signature?.replace(/^./, 'x') ?? '' }),
      ).toEqual(refused)
      expect(await upload(made, FILE, { ...params, policy: other.params.policy ?? '' })).toEqual(refused)
      expect(await upload(made, FILE, { ...params, key: other.params.key ?? '' })).toEqual(refused)
      expect(await send(made, [file])).toEqual(refused)
      expect(await send(made, [file, ...Object.entries(params)])).toEqual(refused)
      expect(await send(made, Object.entries(params))).toEqual({ status: 422, code: 'invalid-upload' })
      expect(await send(made, [...Object.entries(params), ['photo', new Blob([FILE])]])).toEqual({
        status: 422,
        code: 'invalid-upload',
      })
      expect(await upload(made, '')).toEqual({ status: 422, code: 'empty-source' })
      expect(await upload(made, 'x'.repeat(101))).toEqual({ status: 413, code: 'too-many-bytes' })
      const late = await app.storage.signUpload(params.key ?? '', {
        maxBytes: 100,
        expiresAt: new Date(Date.now() - 1),
      })
      expect(await upload(made, FILE, late.fields)).toEqual({ status: 403, code: 'upload-expired' })
      expect((await post(made.upload_link, {})).status).toBe(415)
      expect(await originals(app)).toEqual([])
      expect(await statusOf(app, made.image_id)).toBe('init')
      expect(await upload(made, FILE)).toEqual({ status: 204, code: undefined })
    },
    { MAX_SOURCE_BYTES: '100' },
  ))

test('an upload that is cut off leaves nothing behind', () =>
  withUploads(SETUPS[0], async (app, url, link) => {
    const made = await link()
    const { hostname, port } = new URL(url)
    const fields = Object.entries(made.params).map(
      ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    )
    const head = `${fields.join('')}--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n`
    const socket = net.connect(Number(port), hostname)
    socket.write(
      `POST /uploads HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n${head}`,
    )
    socket.write('x'.repeat(100_000))
    await expect.poll(async () => (await originals(app)).length).toBe(1)
    socket.destroy()
    await expect.poll(() => originals(app)).toEqual([])
    expect(await statusOf(app, made.image_id)).toBe('init')
  }))
