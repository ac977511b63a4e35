import { expect } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { type Setup, withApp } from '../../support/app.ts'
import { post, withServer } from '../support.ts'

export type Link = { image_id: string; upload_link: string; params: Record<string, string> }

export const FILE = 'the bytes of a photo'

/** Runs `use` with a served app; `link` asks for an upload link, its URL led to the server of the test. */
export const withUploads = (
  setup: Setup,
  use: (app: App, url: string, link: (filename?: string) => Promise<Link>) => Promise<void>,
  more: Record<string, string> = {},
) =>
  withApp(
    setup,
    (app) =>
      withServer(app, (url) =>
        use(app, url, async (filename = 'a.jpg') => {
          const answer = await post(`${url}/images`, { filename, project_id: 7 })
          expect(answer.status).toBe(201)
          return { ...((await answer.json()) as Link), upload_link: `${url}/uploads` }
        }),
      ),
    more,
  )

/** Posts a form: fields and files in the order given. */
export async function send({ upload_link }: Link, parts: [name: string, value: string | Blob][]) {
  const form = new FormData()
  for (const [name, value] of parts) form.append(name, value)
  const answer = await fetch(upload_link, { method: 'POST', body: form })
  const text = await answer.text()
  return { status: answer.status, code: text ? (JSON.parse(text) as { code: string }).code : undefined }
}

export const upload = (link: Link, content: string, fields: Record<string, string> = link.params) =>
  send(link, [...Object.entries(fields), ['file', new Blob([content])]])

export const statusOf = async ({ db }: App, uuid: string) =>
  (await db.selectFrom('photos').select('status').where('uuid', '=', uuid).executeTakeFirst())?.status
