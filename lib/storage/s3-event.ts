/** What is used of an S3 event notification (event version 2.x). */
type S3Event = { Records?: { eventName?: unknown; s3?: { object?: { key?: unknown } } }[]; Event?: unknown }

/** The keys of the objects that an S3 event says were made; undefined where the bytes are no S3 event. */
export function uploadedKeys(body: Uint8Array): string[] | undefined {
  const event = parseJson(Buffer.from(body).toString('utf8')) as S3Event | null
  // What S3 sends when a notification is set up.
  if (event?.Event === 's3:TestEvent') return []
  if (!Array.isArray(event?.Records)) return undefined
  return event.Records.flatMap((record) => {
    const key = record?.s3?.object?.key
    const isCreation = String(record?.eventName ?? '')
      .replace(/^s3:/, '')
      .startsWith('ObjectCreated:')
    return isCreation && typeof key === 'string' ? decodeKey(key) : []
  })
}

/** Keys come as in a form: `+` is a space, the rest percent-encoded. */
function decodeKey(key: string): string[] {
  try {
    return [decodeURIComponent(key.replaceAll('+', ' '))]
  } catch {
    return []
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
