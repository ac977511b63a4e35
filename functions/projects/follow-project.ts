import { Type } from '@sinclair/typebox'
import { live } from '../../lib/function.ts'
import { ProjectId } from '../../lib/http/schemas/values.ts'

/** The events of the images of a project, as they happen. */
export const followProject = live({
  path: '/projects/:id/events',
  access: 'read',
  summary: 'Follow the images of a project: Server-Sent Events, or a WebSocket on upgrade',
  tag: 'projects',
  params: Type.Object({ id: ProjectId }),
  subscription: ({ id }: { id: number }) => ({ kind: 'project', id }),
})
