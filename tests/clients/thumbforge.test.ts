import { expect, test } from 'vitest'
import { post } from '../functions/support.ts'
import { jpeg, sample } from '../support/images.ts'
import { decoded } from '../support/reference.ts'
import { getJson } from '../support/service.ts'
import { eventually, serve, withService } from './support.ts'

type Job = { id: string; status: string; created_at: string; result: object | null; error: string | null }
type Page = { items: Job[]; pagination: object }

test('images are submitted by URL, listed with times without a zone, counted, and downloaded by name', () =>
  withService(
    async ({ url }, sources) => {
      const submit = async (image: string): Promise<Job> => {
        const answer = await post(`${url}/v1/images`, { url: image })
        expect(answer.status).toBe(202)
        const { id } = (await answer.json()) as Job
        return eventually(async () => {
          const job = await getJson<Job>(`${url}/v1/images/${id}`)
          return ['completed', 'failed'].includes(job.status) ? job : undefined
        })
      }
      const done = await submit(serve(sources, 'photo.jpg', await jpeg(sample(640, 480))))
      expect(done).toMatchObject({
        status: 'completed',
        error: null,
        result: { width: 640, height: 480, format: 'jpeg', source_content_type: 'image/jpeg' },
      })
      const failed = await submit(serve(sources, 'text.txt', Buffer.from('no image')))
      expect(failed).toMatchObject({ status: 'failed', result: null, error: expect.any(String) })
      expect(failed.error).toMatch(/^unsupported-format: /)

      const thumbnail = await fetch(`${url}/v1/images/${done.id}/thumbnail`)
      expect(thumbnail.headers.get('content-type')).toBe('image/jpeg')
      expect(thumbnail.headers.get('content-disposition')).toContain(`filename=${done.id}.jpg`)
      expect(await decoded(new Uint8Array(await thumbnail.arrayBuffer()))).toMatchObject({
        width: 256,
        height: 192,
      })
      const none = await fetch(`${url}/v1/images/${failed.id}/thumbnail`)
      expect([none.status, await none.json()]).toMatchObject([404, { detail: 'Thumbnail unavailable' }])

      const list = (query: string) => getJson<Page>(`${url}/v1/images?${query}`)
      // As isoformat() writes a time of UTC.
      const after = new Date(Date.parse(failed.created_at)).toISOString().replace('Z', '000')
      const page = await list(`limit=500&offset=0&status=failed&created_after=${after}`)
      expect(page.items.map(({ id }) => id)).toEqual([failed.id])
      expect(page.pagination).toEqual({ total: 1, limit: 100, offset: 0, has_more: false })
      expect((await list(`created_before=${after.slice(0, 10)}`)).items).toEqual([])
      expect((await list('limit=1')).pagination).toMatchObject({ total: 2, limit: 1, has_more: true })
      for (const limit of ['0', '-1', 'many'])
        expect((await fetch(`${url}/v1/images?limit=${limit}`)).status).toBe(422)
      expect(await getJson(`${url}/v1/metrics`)).toMatchObject({ total: 2, completed: 1, failed: 1 })
      expect((await fetch(`${url}/v1/healthz`)).status).toBe(200)
    },
    // A time without a zone is one of UTC wherever the service runs.
    () => ({ TZ: 'America/New_York' }),
  ))
