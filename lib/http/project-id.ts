import { Type } from '@sinclair/typebox'
import { AppError } from '../errors.ts'
import { parseProjectId } from '../project-id.ts'
import { ProjectId } from './schemas/values.ts'

/** A project as some clients write it: the number, or a text of its digits. */
export const ProjectIdOrText = Type.Union([
  ProjectId,
  Type.String({ description: 'the digits of such a number' }),
])

/** The number of a project that a client has written so; throws `invalid`. */
export function readProjectId(given: number | string): number {
  const id = typeof given === 'number' ? given : parseProjectId(given)
  if (id !== undefined) return id
  throw new AppError('invalid', 'The project is a whole number', {
    errors: [{ pointer: '/project_id', detail: 'must be a whole number from 1 to 2^53-1' }],
  })
}
