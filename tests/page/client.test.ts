import { expect } from 'vitest'
import type * as photoClient from '../../lib/client/index.ts'
import { bundleClient } from '../../scripts/build-package/client.ts'
import { KEY, PROJECT, photoFile } from '../lib/client/support.ts'
import { bytes, openSourceServer } from '../support/source-server.ts'
import { inBrowser, useBrowser, withPage, withService } from './support.ts'

const browser = useBrowser()

/** What the page's module puts where its tests find it. */
type Loaded = { photoClient: typeof photoClient }

const PAGE =
  '<!doctype html><title>A shop</title><script type="module">' +
  'import * as photoClient from "/client.js"; Object.assign(window, { photoClient })</script>'

inBrowser('the client uploads from a page of another origin, says how far it is, and waits', async () => {
  const site = await openSourceServer({
    '/': bytes(PAGE, 'text/html'),
    '/client.js': bytes(await bundleClient(), 'text/javascript'),
  })
  const use = (baseUrl: string, file: number[]) =>
    withPage(
      browser(),
      site.url,
      (page) =>
        page.evaluate(
          async ({ baseUrl, key, project, file }) => {
            const { createClient, PhotoProcessorError } = (window as unknown as Loaded).photoClient
            const client = createClient({ baseUrl, key: () => key })
            const sent: number[] = []
            const { uuid } = await client.upload(new File([new Uint8Array(file)], 'a.jpg'), {
              project,
              onProgress: (progress) => sent.push(progress.sent),
            })
            const photo = await client.wait(uuid)
            const image = new Image()
            image.src = client.fileUrl(photo.thumbnails[0]?.url ?? '')
            await image.decode()
            const refused = await client.wait('nonsense').catch((error: unknown) => error)
            const { status, requestId } = refused as photoClient.PhotoProcessorError
            const isError = refused instanceof PhotoProcessorError
            return {
              status: photo.status,
              sent,
              width: image.naturalWidth,
              isError,
              refused: status,
              requestId,
            }
          },
          { baseUrl, key: KEY, project: PROJECT, file },
        ),
      { tolerated: /status of 404/ },
    )
  const file = [...new Uint8Array(await (await photoFile(2000, 1000)).arrayBuffer())]
  const seen = await withService(({ service }) => use(service.url, file), {
    AUTH: 'keys',
    ADMIN_KEY: KEY,
    CORS_ORIGINS: site.url,
  })
  expect(seen).toMatchObject({ status: 'completed', isError: true, refused: 404 })
  expect(seen.width).toBeGreaterThan(0)
  expect(seen.sent.at(-1)).toBe(file.length)
  // Scripts of another origin may read the header.
  expect(seen.requestId).toMatch(/^[0-9a-f]{32}$/)
  await site.close()
})
