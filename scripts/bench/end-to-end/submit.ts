/** Adds photos by their URLs and requests their processing, 1,000 a request. */
export async function submit(service: string, urls: readonly string[]): Promise<void> {
  for (let at = 0; at < urls.length; at += 1000) {
    const photos = (await post(`${service}/photos`, { urls: urls.slice(at, at + 1000) })) as {
      uuid: string
    }[]
    await post(
      `${service}/photos/process`,
      photos.map(({ uuid }) => uuid),
    )
  }
}

async function post(url: string, body: unknown): Promise<unknown> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
  return answer.json()
}
