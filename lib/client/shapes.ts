import type { paths } from './types.ts'

type Answer<Operation> = Operation extends {
  responses: { 200: { content: { 'application/json': infer Body } } }
}
  ? Body
  : never

/** A photo with all that is known of it. */
export type Photo = Answer<paths['/photos/{uuid}']['get']>

/** A photo as lists show it. */
export type ListedPhoto = Answer<paths['/photos']['get']>['items'][number]

/** What a list of photos may be filtered by. */
export type PhotoFilter = NonNullable<paths['/photos']['get']['parameters']['query']>

/** An image of a project, in the words of that door. */
export type ProjectImage = Answer<paths['/projects/{id}/images']['get']>['images'][number]

/** Something that happened to a photo: a CloudEvent. */
export type PhotoEvent = {
  specversion: '1.0'
  id: string
  type: 'image.processing' | 'image.retrying' | 'image.uploaded' | 'image.failed' | 'image.deleted'
  source: string
  /** The photo's uuid. */
  subject: string
  time: string
  data: {
    photo_uuid: string
    project_id: number | null
    status: Photo['status']
    state: string
    versions: Record<string, string>
    thumbnails: { uuid: string; name: string; width: number; height: number; url: string }[]
    error: { code: string; message: string } | null
    /** Of `image.retrying`. */
    attempt?: number
    max_attempts?: number
    next_attempt_at?: string
  }
}
