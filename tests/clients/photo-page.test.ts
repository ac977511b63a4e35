import { expect, test } from 'vitest'
import { jpeg, sample } from '../support/images.ts'
import { decoded } from '../support/reference.ts'
import { freePort } from '../support/service.ts'
import { eventually, withService } from './support.ts'

/** What a browser sends with the form of a page. */
const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8' }

test('the form of the page takes a photo with a nickname, by which it is shown', async () => {
  const PORT = String(await freePort())
  await withService(
    async (service) => {
      const url = `http://127.0.0.1:${PORT}`
      const image = new Uint8Array(await jpeg(sample(640, 480)))
      const upload = (nickname: string, headers: Record<string, string> = {}) => {
        const form = new FormData()
        form.append('nickname', nickname)
        form.append('image_data', new Blob([image], { type: 'image/jpeg' }), 'photo.jpg')
        return fetch(`${url}/`, { method: 'POST', body: form, headers, redirect: 'manual' })
      }
      const taken = await upload('Ann Lee')
      expect(taken.status, service.output()).toBe(202)
      expect(await taken.json()).toEqual({ results: [{ uuid: expect.any(String), name: 'photo.jpg' }] })
      const shown = await eventually(async () => {
        const answer = await fetch(`${url}/images/Ann%20Lee`)
        return answer.status === 200 ? answer : undefined
      })
      expect(shown.headers.get('content-type')).toBe('image/jpeg')
      const thumbnail = new Uint8Array(await shown.arrayBuffer())
      expect(await decoded(thumbnail)).toMatchObject({ width: 320, height: 240 })
      const cached = await fetch(`${url}/images/Ann%20Lee`)
      expect(cached.headers.get('x-cache')).toBe('HIT')
      const listed = await fetch(`${url}/images/Ann%20Lee`, {
        headers: { accept: 'application/json, text/plain, */*' },
      })
      expect(await listed.json()).toEqual([
        { image_data: Buffer.from(thumbnail).toString('base64'), mime_type: 'image/jpeg' },
      ])

      const sent = await upload('Bob', BROWSER)
      expect([sent.status, sent.headers.get('location')]).toEqual([303, '/'])
      expect((await upload('Eve', { ...BROWSER, origin: 'https://elsewhere.example' })).status).toBe(403)
      expect((await fetch(`${url}/images/nobody`)).status).toBe(404)
    },
    () => ({ PORT }),
  )
})
