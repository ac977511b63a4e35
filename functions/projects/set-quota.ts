import { Type } from '@sinclair/typebox'
import { maySee } from '../../lib/access/caller.ts'
import { readUsage, setQuota as set } from '../../lib/access/usage.ts'
import { notFound } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { ProjectUsage } from '../../lib/http/schemas/access.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { Nullable, ProjectId, Strict } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'

const Limit = Type.Optional(
  Nullable(
    Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'null: as configured' }),
  ),
)

/** Sets the quotas of a project. */
export const setQuota = endpoint({
  method: 'PUT',
  path: '/projects/:id/quota',
  access: 'admin',
  summary: 'Set the quotas of a project; those that are not given are as configured',
  tag: 'projects',
  params: Type.Object({ id: ProjectId }),
  body: Strict({ photos_per_day: Limit, bytes_per_day: Limit, waiting: Limit }),
  replies: { 200: ProjectUsage, ...problems(404, 503) },
  async handle({ params, body, caller }, { access, db }) {
    const { id } = params
    if (!maySee(caller.projects, id)) throw notFound('Project')
    const { photos_per_day = null, bytes_per_day = null, waiting = null } = body
    await set(db, access.quotas, id, { photos_per_day, bytes_per_day, waiting })
    return { project_id: id, ...(await readUsage(db, access.quotas, id)) }
  },
})

export const handler = lambda(setQuota)
