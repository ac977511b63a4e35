import type { App } from '../../../lib/app.ts'
import type { ProblemBody } from '../../../lib/http/problem.ts'
import type { PhotoStatus } from '../../../lib/photo-status.ts'
import { post } from '../support.ts'

/** Moves a photo as a worker would in the end. */
export const setStatus = ({ db }: App, uuid: string, status: PhotoStatus) =>
  db.updateTable('photos').set({ status }).where('uuid', '=', uuid).execute()

/** How many photos there are. */
export async function countJobs({ db }: App): Promise<number> {
  return (await db.selectFrom('photos').select('uuid').execute()).length
}

export type Job = { id: string; url: string; status: string }

/** A URL of an image. */
export const A = 'https://example.com/a.jpg'

/** Submits one URL and shows the job, or the problem. */
export async function submit(url: string, image: string) {
  const answer = await post(`${url}/v1/images`, { url: image })
  const body = (await answer.json()) as Job & ProblemBody & { job_id?: string }
  return { ...body, status_code: answer.status, location: answer.headers.get('location') }
}
