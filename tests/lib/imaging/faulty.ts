import { expect } from 'vitest'
import { type Imaging, type ImagingOptions, openImaging } from '../../../lib/imaging/index.ts'
import { type Recipe, THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
import type { Reason } from '../../../lib/imaging/renderers/start.ts'
import * as images from '../../support/images.ts'
import type { Fault } from './faults.ts'

/** A picture that is rendered at once. */
export const small = await images.jpeg(images.sample(480, 320))

/** A renderer that has faults. */
export const PROGRAM = new URL('./faulty-renderer.ts', import.meta.url)

/** The recipe that has the faulty renderer do so. */
export const having = (fault: Fault): Recipe => ({
  renditions: [{ name: fault, operations: [{ op: 'fit', width: 400, height: 400 }], format: 'jpeg' }],
})

const opened: Imaging[] = []

/** Opens imaging with such renderers, closed after the test; `deaths` are those that died, by reason. */
export function open(options: Partial<ImagingOptions> = {}) {
  const deaths: Reason[] = []
  const imaging = openImaging({
    threads: 1,
    maxPixels: 50_000_000,
    renderTimeoutMs: 60_000,
    program: PROGRAM,
    onDeath: (reason) => deaths.push(reason),
    ...options,
  })
  opened.push(imaging)
  return { imaging, deaths }
}

/** Closes what `open` has opened. */
export const closeAll = () => Promise.all(opened.splice(0).map((imaging) => imaging.close()))

/** Has a renderer die of `fault`: its attempt fails, and no other render. */
export async function expectOneAttemptLost(fault: Fault): Promise<void> {
  const { imaging, deaths } = open({ threads: 2 })
  const neighbours = [1, 2, 3].map(() => imaging.render(small, THUMBNAIL_RECIPE))
  await expect(imaging.render(small, having(fault))).rejects.toMatchObject({
    name: 'AppError',
    code: 'render-crashed',
    status: 500,
    retry: true,
    mostAttempts: undefined,
  })
  expect(await Promise.all(neighbours)).toHaveLength(3)
  expect((await imaging.render(small, THUMBNAIL_RECIPE)).renditions).toHaveLength(1)
  expect(deaths).toEqual([fault])
}
