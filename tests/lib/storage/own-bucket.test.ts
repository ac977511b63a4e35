import { expect, test } from 'vitest'
import { readConfig } from '../../../lib/config/index.ts'
import { isInBucket } from '../../../lib/storage/own-bucket.ts'

const AMAZON = { S3_BUCKET: 'photos', AWS_REGION: 'eu-west-1' }
const OTHER = { S3_BUCKET: 'photos', AWS_ENDPOINT_URL: 'http://minio:9000' }

test.for([
  ['https://photos.s3.eu-west-1.amazonaws.com/a.jpg', AMAZON, true],
  ['https://photos.s3.amazonaws.com/a.jpg', AMAZON, true],
  ['https://s3.eu-west-1.amazonaws.com/photos/a.jpg', AMAZON, true],
  ['https://s3.eu-west-1.amazonaws.com/photos-of-others/a.jpg', AMAZON, false],
  ['https://others.s3.eu-west-1.amazonaws.com/photos/a.jpg', AMAZON, false],
  ['https://photos.s3.us-east-1.amazonaws.com/a.jpg', AMAZON, false],
  ['http://minio:9000/photos/a.jpg?X-Amz-Signature=1', OTHER, true],
  ['http://photos.minio:9000/a.jpg', OTHER, true],
  ['http://minio:9000/others/a.jpg', OTHER, false],
  ['http://minio:9001/photos/a.jpg', OTHER, false],
  ['http://minio:9000/photos/a.jpg', {}, false],
] as const)('%s with %o points into the bucket of the service: %s', ([url, env, expected]) => {
  expect(isInBucket(new URL(url), readConfig(env))).toBe(expected)
})
