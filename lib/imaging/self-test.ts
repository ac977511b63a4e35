import { AppError } from '../errors.ts'
import type { Imaging } from './index.ts'
import type { Recipe } from './recipe.ts'

/** A JPEG of 16x16 px. */
const SOURCE = `/9j/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMR
EyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAAQABADASIAAhEBAxEB/8QA
FQABAQAAAAAAAAAAAAAAAAAABQb/xAAYEAACAwAAAAAAAAAAAAAAAAAABAUiMf/EABUBAQEAAAAAAAAAAAAAAAAAAAAC/8QAGhEAAgIDAAAAAAAA
AAAAAAAAAAUDBCExYf/aAAwDAQACEQMRAD8AmFY7Ki6sdlRdWOyowrHZUqe90KmOsn//2Q==`

const RECIPE: Recipe = {
  renditions: [{ name: 'test', operations: [{ op: 'fit', width: 8, height: 8 }], format: 'jpeg' }],
}

/** Makes a small thumbnail of a JPEG; throws where the installation cannot. */
export async function testImaging(imaging: Imaging): Promise<void> {
  try {
    await imaging.render(Buffer.from(SOURCE, 'base64'), RECIPE)
  } catch (error) {
    // A busy machine is no broken installation.
    if (!(error instanceof AppError && error.code === 'render-timeout')) throw error
  }
}
