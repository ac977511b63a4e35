import type { components, paths } from './types.ts'

type Schemas = components['schemas']

/** A photo as lists show it. */
export type Photo = Schemas['Photo']

/** A photo with all that happened to it. */
export type PhotoWithTimeline = Schemas['PhotoWithTimeline']

/** What a list of photos may be filtered by. */
export type PhotoFilter = NonNullable<paths['/photos']['get']['parameters']['query']>

/** An image of a project, in the words of that door. */
export type ProjectImage = Schemas['ProjectImage']

/** Something that happened to a photo: a CloudEvent. */
export type PhotoEvent = Schemas['Event']
