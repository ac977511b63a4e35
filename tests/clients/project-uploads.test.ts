import { expect, test } from 'vitest'
import { connect } from '../functions/projects/clients.ts'
import { post } from '../functions/support.ts'
import { jpeg, sample } from '../support/images.ts'
import { expectVersions, ORIGINAL } from '../support/versions.ts'
import { eventually, withService } from './support.ts'

type Link = { image_id: string; upload_link: string; params: Record<string, string> }
type Images = { images: { image_id: string; project_id: number; state: string }[] }

test('a project is named by a text, bytes are put to the link, and a socket names five versions', () =>
  withService(async ({ url }) => {
    const original = new Uint8Array(await jpeg(sample(ORIGINAL.width, ORIGINAL.height)))
    const client = await connect(`${url}/ws`)
    client.say({ subscribe: '111' })
    const created = await post(`${url}/images`, { filename: 'photo.jpeg', project_id: '111' })
    expect(created.status).toBe(201)
    const { image_id, upload_link } = (await created.json()) as Link
    // The type that this client sends, whatever the bytes are.
    const headers = { 'content-type': 'application/json' }
    const put = await fetch(upload_link, { method: 'PUT', headers, body: original })
    expect([put.status, await put.text()]).toEqual([200, ''])
    const event = await eventually(async () => client.got.find(({ type }) => type === 'image.uploaded'))
    expect(client.got[0]).toEqual({ subscribed: '111' })
    expect(event).toMatchObject({ subject: image_id, data: { project_id: 111, state: 'done' } })
    const { versions } = event.data as unknown as { versions: Record<string, string> }
    await expectVersions(versions, original)
    const listed = (await (await fetch(`${url}/projects/111/images`)).json()) as Images
    expect(listed.images).toMatchObject([{ image_id, project_id: 111, state: 'done' }])
    client.say({ unsubscribe: '111' })
    await expect.poll(() => client.got.at(-1)).toEqual({ unsubscribed: '111' })
    client.socket.terminate()
  }))
