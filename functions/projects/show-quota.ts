import { Type } from '@sinclair/typebox'
import { maySee } from '../../lib/access/caller.ts'
import { readUsage } from '../../lib/access/usage.ts'
import { notFound } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { ProjectUsage } from '../../lib/http/schemas/access.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { ProjectId } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'

/** Shows the quotas of a project, with what is used of them. */
export const showQuota = endpoint({
  method: 'GET',
  path: '/projects/:id/quota',
  access: 'admin',
  summary: 'Show the quotas of a project, with what is used of them',
  tag: 'projects',
  params: Type.Object({ id: ProjectId }),
  replies: { 200: ProjectUsage, ...problems(404, 503) },
  async handle({ params, caller }, { access, db }) {
    const { id } = params
    if (!maySee(caller.projects, id)) throw notFound('Project')
    return { project_id: id, ...(await readUsage(db, access.quotas, id)) }
  },
})

export const handler = lambda(showQuota)
