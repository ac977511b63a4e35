import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3'
import type { Unfinished } from './port.ts'

/** The multipart uploads of originals that were neither completed nor aborted: their parts cost, and no list shows them. */
export async function* findOpenUploads(client: S3Client, Bucket: string): AsyncGenerator<Unfinished> {
  let after: { KeyMarker?: string; UploadIdMarker?: string } = {}
  for (;;) {
    const page: ListMultipartUploadsCommandOutput = await client.send(
      new ListMultipartUploadsCommand({ Bucket, Prefix: 'originals/', ...after }),
    )
    for (const { Key, UploadId, Initiated = new Date() } of page.Uploads ?? [])
      yield {
        key: Key,
        modified: Initiated,
        async remove() {
          await client
            .send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
            .catch((error: { name?: string }) => {
              // It has ended meanwhile.
              if (error.name !== 'NoSuchUpload') throw error
            })
        },
      }
    if (!page.IsTruncated || page.NextKeyMarker === undefined) return
    after = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
  }
}
