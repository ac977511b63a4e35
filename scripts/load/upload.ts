import { type Answer, type Client, formOf } from './client.ts'

type Link = { image_id: string; upload_link: string; params: Record<string, string> }

/**
 * Uploads one image of a project as a client does: requests a link, posts the form. `created` gets the id as soon as
 * there is one. Throws, with what was answered, where it is not accepted.
 */
export async function uploadImage(
  client: Client,
  url: string,
  projectId: number,
  file: Uint8Array,
  created: (uuid: string) => void = () => {},
): Promise<string> {
  const answer = await client.json('POST', `${url}/images`, { filename: 'load.jpg', project_id: projectId })
  if (answer.status !== 201) throw refusal('POST /images', answer)
  const { image_id, upload_link, params } = JSON.parse(answer.body) as Link
  created(image_id)
  const { type, parts } = formOf(params, file)
  const sent = await client.send('POST', upload_link, type, parts)
  if (sent.status >= 300) throw refusal('the upload', sent)
  // The service confirms what it took itself; a bucket may report to nobody.
  if (new URL(upload_link).pathname.endsWith('/uploads')) return image_id
  const confirmed = await client.send('POST', `${url}/images/${image_id}/uploaded`)
  if (confirmed.status !== 202) throw refusal('the confirmation', confirmed)
  return image_id
}

const refusal = (what: string, { status }: Answer) => new Error(`${what} answered ${status}`)

/** All images of a project; none where the service does not answer. */
export async function listImages(client: Client, url: string, projectId: number): Promise<string[]> {
  const found: string[] = []
  let next: string | null = ''
  while (next !== null) {
    const after: string = next && `&after=${encodeURIComponent(next)}`
    const target = `${url}/projects/${projectId}/images?limit=1000${after}`
    const answer = await client.send('GET', target).catch(() => undefined)
    if (answer?.status !== 200) break
    const page = JSON.parse(answer.body) as { images: { image_id: string }[]; next: string | null }
    found.push(...page.images.map(({ image_id }) => image_id))
    next = page.next
  }
  return found
}

const REMOVALS = 8
const AGAIN_MS = 200

/** Removes photos, waiting up to `patienceMs` for those that are being processed; returns how many are left. */
export async function removePhotos(
  client: Client,
  url: string,
  uuids: readonly string[],
  patienceMs: number,
): Promise<number> {
  const deadline = performance.now() + patienceMs
  const waiting = [...uuids]
  let left = 0
  const remove = async () => {
    for (let uuid = waiting.pop(); uuid !== undefined; uuid = waiting.pop()) {
      for (;;) {
        const status = await client.send('DELETE', `${url}/photos/${uuid}`).then(
          (answer) => answer.status,
          () => 0,
        )
        if (status === 204 || status === 404) break
        if (performance.now() > deadline) {
          left++
          break
        }
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
      }
    }
  }
  await Promise.all(Array.from({ length: REMOVALS }, remove))
  return left
}
