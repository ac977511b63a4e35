import type { Door } from '../../db/tables/photos.ts'

/** What each door is for, as the README and the description say. */
export const DOORS: Readonly<Record<Door, { for: string; makes: string; begin: string }>> = {
  page: {
    for: 'people, and scripts that send files',
    makes: 'a 320x320 thumbnail',
    begin: 'POST /upload',
  },
  photos: {
    for: 'a backlog that you process on request',
    makes: 'a 320x320 thumbnail',
    begin: 'POST /photos',
  },
  projects: {
    for: 'clients that upload through a link',
    makes: 'five versions',
    begin: 'POST /images',
  },
  jobs: {
    for: 'one image with operations of your own',
    makes: 'one JPEG, PNG or WebP',
    begin: 'POST /api/v1/images/process',
  },
  v1: {
    for: 'many URLs, with rules for duplicates',
    makes: 'a 256x256 thumbnail',
    begin: 'POST /v1/images',
  },
}
