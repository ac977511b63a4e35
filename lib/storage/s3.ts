import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { Config } from '../config/index.ts'
import { contentTypeOf } from '../imaging/formats.ts'
import { checkKey, limitBytes, sourceChanged, tooManyBytes } from './limits.ts'
import { isKey, type ObjectInfo, OWNER, ROOTS, type Storage } from './port.ts'
import { findOpenUploads } from './s3-unfinished.ts'

type Options = NonNullable<Config['s3']>

/** How long a link to read is good, in s. */
const READ_LINK_S = 15 * 60

/** No key of an object: what is stored to see whether anything can be. */
const CHECK_KEY = 'thumbs/.check'

/** No keys of objects, either: to which database those beside them belong. */
const OWNERS = ROOTS.map((root) => `${root}/${OWNER}`)

/** A connection that is silent for so long is given up, in ms. */
const SILENCE_MS = 15_000

/** Bytes of an upload that are held in memory at once. */
const PART_BYTES = 8 * 1024 * 1024

/** Stores in a bucket of any S3-compatible server. */
export function openS3(options: Options): Storage {
  const client = openClient(options)
  const Bucket = options.bucket
  const at = (key: string) => ({ Bucket, Key: checkKey(key) })
  const head = async (key: string): Promise<ObjectInfo | undefined> => {
    const found = await orMissing(client.send(new HeadObjectCommand(at(key))))
    // The answer is the same where the bucket is gone.
    if (!found) await findBucket(client, Bucket)
    return found && infoOf(found.ContentLength, found.ETag, found.LastModified)
  }
  return {
    async put(key, data) {
      await client.send(new PutObjectCommand({ ...at(key), Body: data, ContentType: typeOf(key) }))
    },
    async putStream(key, source, maxBytes) {
      await uploadParts(client, at(key), source, maxBytes)
      const info = await head(key)
      if (!info) throw new Error('The stored object is gone')
      return info
    },
    async read(key, maxBytes, etag) {
      const found = await orMissing(client.send(new GetObjectCommand({ ...at(key), IfMatch: etag }))).catch(
        (error: { name?: string }) => {
          throw error.name === 'PreconditionFailed' ? sourceChanged() : error
        },
      )
      if (!found?.Body) return undefined
      const body = found.Body as Readable
      if ((found.ContentLength ?? 0) > maxBytes) {
        body.destroy()
        throw tooManyBytes(maxBytes)
      }
      return found.Body.transformToByteArray()
    },
    head,
    stream(key, range) {
      const out = new PassThrough()
      const Range = range && `bytes=${range.start}-${range.end}`
      client
        .send(new GetObjectCommand({ ...at(key), Range }))
        .then(({ Body }) => pipeline(Body as Readable, out))
        .catch((error) => out.destroy(error as Error))
      return out
    },
    async remove(key) {
      await client.send(new DeleteObjectCommand(at(key)))
    },
    async *list(Prefix, StartAfter) {
      for await (const { Contents = [] } of paginateListObjectsV2(
        { client },
        { Bucket, Prefix, StartAfter },
      )) {
        for (const { Key = '', Size, ETag, LastModified } of Contents)
          if (isKey(Key)) yield { key: Key, ...infoOf(Size, ETag, LastModified) }
      }
    },
    unfinished: () => findOpenUploads(client, Bucket),
    owners: () =>
      Promise.all(
        OWNERS.map(async (Key) => {
          const found = await orMissing(client.send(new GetObjectCommand({ Bucket, Key })))
          return found?.Body?.transformToString()
        }),
      ),
    async setOwner(id) {
      for (const Key of OWNERS) await client.send(new PutObjectCommand({ Bucket, Key, Body: id }))
    },
    async signUpload(key, { maxBytes, expiresAt }) {
      const { url, fields } = await createPresignedPost(client, {
        ...at(key),
        Conditions: [['content-length-range', 1, maxBytes]],
        Expires: Math.max(1, Math.round((expiresAt.getTime() - Date.now()) / 1000)),
      })
      return { url, fields }
    },
    signRead(key, { type, disposition }, until = Number.POSITIVE_INFINITY) {
      const leftS = Math.floor((until - Date.now()) / 1000)
      const expiresIn = Math.max(1, Math.min(READ_LINK_S, leftS))
      const headers = { ResponseContentType: type, ResponseContentDisposition: disposition }
      return getSignedUrl(client, new GetObjectCommand({ ...at(key), ...headers }), { expiresIn })
    },
    verifyUpload: undefined,
    async check() {
      const at = { Bucket, Key: CHECK_KEY }
      await client.send(new PutObjectCommand({ ...at, Body: '1' }))
      await client.send(new DeleteObjectCommand(at))
    },
  }
}

/** A client of the bucket; its checksums stay off, else presigned links would carry that of an empty body. */
export function openClient({
  endpoint,
  region,
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: Options): S3Client {
  return new S3Client({
    region,
    endpoint,
    forcePathStyle: endpoint !== undefined,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Without the last the SDK only warns, and waits for ever.
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: 60_000,
      socketTimeout: SILENCE_MS,
      throwOnRequestTimeout: true,
    },
    credentials: accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey, sessionToken } : undefined,
  })
}

type Place = { Bucket: string; Key: string }

/** Uploads a stream in parts, of which one is in memory; what fails half-way is aborted and leaves nothing. */
async function uploadParts(
  client: S3Client,
  place: Place,
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(place))
  const upload = { ...place, UploadId }
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = []
    for await (const Body of inParts(limitBytes(source, maxBytes))) {
      const PartNumber = Parts.length + 1
      const { ETag } = await client.send(new UploadPartCommand({ ...upload, PartNumber, Body }))
      Parts.push({ PartNumber, ETag })
    }
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }))
  } catch (error) {
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {})
    throw error
  }
}

async function* inParts(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of source) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes < PART_BYTES) continue
    yield Buffer.concat(chunks)
    chunks = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(chunks)
}

const infoOf = (bytes = 0, etag = '', modified = new Date(0)): ObjectInfo => ({ bytes, etag, modified })

/** Originals stay bytes: a stranger chose their content. */
const typeOf = (key: string) =>
  (key.startsWith('thumbs/') && contentTypeOf(key)) || 'application/octet-stream'

/** Throws where there is no such bucket. */
async function findBucket(client: S3Client, Bucket: string): Promise<void> {
  if (!(await orMissing(client.send(new HeadBucketCommand({ Bucket })))))
    throw Object.assign(new Error('The bucket is gone'), { name: 'NoSuchBucket' })
}

async function orMissing<T>(sending: Promise<T>): Promise<T | undefined> {
  try {
    return await sending
  } catch (error) {
    const { name = '' } = error as { name?: string }
    if (name === 'NotFound' || name === 'NoSuchKey') return undefined
    throw error
  }
}
