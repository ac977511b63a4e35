import { Type } from '@sinclair/typebox'
import { maySee } from '../../lib/access/caller.ts'
import { notFound } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { linkNext, pageQuery } from '../../lib/http/paging.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { ErrorInfo } from '../../lib/http/schemas/photos.ts'
import { Next, Nullable, ProjectId, State, Time, Uuid } from '../../lib/http/schemas/values.ts'
import { PROJECT_RECIPE } from '../../lib/imaging/recipe.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { findPhotos } from '../../lib/photos/list.ts'
import { stateOf, versionsOf } from '../../lib/photos/project-image.ts'
import { errorOf } from '../../lib/photos/row.ts'
import { findRenditionsByPhoto } from '../../lib/renditions/row.ts'

const NAMES = ['original', ...PROJECT_RECIPE.renditions.map(({ name }) => name)]

const Image = Type.Object(
  {
    image_id: Uuid,
    state: State,
    project_id: ProjectId,
    filename: Type.String(),
    versions: Type.Object(Object.fromEntries(NAMES.map((name) => [name, Nullable(Type.String())])), {
      description: 'URLs by name; null until there is one',
    }),
    error: Nullable(ErrorInfo),
    created_at: Time,
  },
  { title: 'ProjectImage', description: 'A photo as an image of a project' },
)

/** Lists images of a project, newest first; a version is null until it exists. */
export const listImages = endpoint({
  method: 'GET',
  path: '/projects/:id/images',
  access: 'read',
  summary: 'List images of a project, newest first; a version is null until it exists',
  tag: 'projects',
  params: Type.Object({ id: ProjectId }),
  query: Type.Object(pageQuery(1000, 100)),
  replies: {
    200: Type.Object(
      { images: Type.Array(Image), next: Next },
      { title: 'ProjectImagePage', description: 'A page of images, newest first' },
    ),
    ...problems(404, 503),
  },
  async handle({ params, query, caller }, { db, config, access }, reply) {
    if (!maySee(caller.projects, params.id)) throw notFound('Project')
    const page = await findPhotos(db, { ...query, door: 'projects', project_id: params.id })
    const renditionsOf = await findRenditionsByPhoto(db, page.items)
    const sign = await access.links.signer()
    const urlOf = (path: string) => `${config.publicUrl}/files/${sign(path)}`
    const missing = Object.fromEntries(NAMES.map((name) => [name, null]))
    const images = page.items.map((photo) => ({
      image_id: photo.uuid,
      state: stateOf(photo),
      project_id: params.id,
      filename: photo.name ?? '',
      versions: { ...missing, ...versionsOf(photo, renditionsOf(photo), urlOf) },
      error: errorOf(photo),
      created_at: photo.created_at,
    }))
    const link = linkNext(`${config.publicUrl}/projects/${params.id}/images`, query, page.next)
    return reply(200, { images, next: page.next }, link)
  },
})

export const handler = lambda(listImages)
