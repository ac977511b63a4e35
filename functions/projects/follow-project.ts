import { Type } from '@sinclair/typebox'
import { live } from '../../lib/function.ts'
import { ProjectId } from '../../lib/http/schemas.ts'

/** What happens to the images of a project, as it happens. */
export const followProject = live({
  path: '/projects/:id/events',
  summary: 'What happens to the images of a project: Server-Sent Events, or a WebSocket on upgrade',
  tag: 'projects',
  params: Type.Object({ id: ProjectId }),
  subscription: ({ id }: { id: number }) => ({ kind: 'project', id }),
})
