import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { show } from '../../../functions/photos/show.ts'
import { call, eventsOf } from '../../functions/support.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'
import * as images from '../../support/images.ts'
import { attempt, expectCompleted, type Pipeline, withPipeline } from './support.ts'

const photo = await sharp(await images.jpeg(images.sample(400, 300)))
  .withExif({
    IFD0: { Make: 'Acme', Model: 'A-1' },
    IFD2: { DateTimeOriginal: '2026:05:01 12:34:56' },
    IFD3: {
      GPSLatitudeRef: 'N',
      GPSLatitude: '48/1 7/1 3456/100',
      GPSLongitudeRef: 'E',
      GPSLongitude: '11/1 35/1 1234/100',
      GPSDateStamp: '2026:05:02',
    },
  })
  .jpeg()
  .toBuffer()

const camera = { make: 'Acme', model: 'A-1', taken_at: '2026-05-01T12:34:56', orientation: 1 }

/** The metadata that a client is shown, and everything the database keeps of the photo as text. */
async function stored(pipeline: Pipeline, source: Buffer) {
  const { uuid } = await attempt(pipeline, source)
  const { photo, data } = await expectCompleted(pipeline, uuid)
  const { body } = await call(show, pipeline.app, { params: { uuid } })
  const kept = JSON.stringify([photo, await eventsOf(pipeline.app, 'image.uploaded')])
  return {
    metadata: (body as { metadata: unknown }).metadata,
    kept: kept + Buffer.from(data).toString('latin1'),
  }
}

describe.for(SETUPS)('the metadata of a photo on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('is kept without a trace of the place', () =>
    withPipeline(setup, async (pipeline) => {
      const { metadata, kept } = await stored(pipeline, photo)
      expect(metadata).toEqual({
        format: 'jpeg',
        contentType: 'image/jpeg',
        width: 400,
        height: 300,
        bytes: photo.length,
        exif: camera,
        thumbhash: expect.stringMatching(/^[\w+/]{20,40}=*$/),
      })
      expect(kept).not.toMatch(/gps|latitude|longitude|48\.12|11\.58|2026[:-]05[:-]02/i)
    }),
  )

  on('tells the place with EXIF_GPS=true', () =>
    withPipeline(
      setup,
      async (pipeline) => {
        const { metadata } = await stored(pipeline, photo)
        const gps = { latitude: 48.126267, longitude: 11.586761 }
        expect(metadata).toMatchObject({ exif: { ...camera, gps } })
      },
      { EXIF_GPS: 'true' },
    ),
  )

  on('never keeps a photo from being completed, however broken its EXIF data is', () =>
    withPipeline(setup, async (pipeline) => {
      const at = photo.indexOf('Acme\0')
      for (const change of ['\0\0\0\0\0', '\x01\x02\x7f\x85\0', '\xed\xa0\x80\xff\0']) {
        const broken = Buffer.from(photo)
        broken.write(change, at, 'latin1')
        expect((await stored(pipeline, broken)).metadata).toMatchObject({ exif: { model: 'A-1' } })
      }
      const start = photo.indexOf('Exif\0\0') + 6
      const noise = Buffer.from(photo).fill(0xff, start + 8, at)
      expect((await stored(pipeline, noise)).metadata).toMatchObject({ width: 400, exif: null })
    }),
  )
})
