import { expect, test } from 'vitest'
import { SETUPS } from '../../support/app.ts'
import { FILE, upload, withUploads } from './support.ts'

test('lists the images of one project, whose versions are null until they exist', () =>
  withUploads(SETUPS[0], async (_app, url, link) => {
    const made = await link('C:\\photos/../holiday.jpg')
    expect(await upload(made, FILE)).toMatchObject({ status: 204 })
    const list = (await (await fetch(`${url}/projects/7/images`)).json()) as { images: object[] }
    expect(list.images).toMatchObject([
      {
        image_id: made.image_id,
        state: 'uploaded',
        filename: 'C:\\photos/../holiday.jpg',
        versions: {
          original: expect.stringMatching(/originals/),
          thumb: null,
          big_thumb: null,
          big_1920: null,
          d2500: null,
        },
      },
    ])
    expect(await (await fetch(`${url}/projects/8/images`)).json()).toEqual({ images: [], next: null })
  }))
