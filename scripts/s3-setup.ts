import { CreateBucketCommand, HeadBucketCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3'
import { config as readDotenv } from 'dotenv'
import { readConfig } from '../lib/config/index.ts'
import { openClient } from '../lib/storage/s3.ts'
import { noArguments, readArguments } from './arguments.ts'

readArguments('Usage: npm run s3:setup, which makes the bucket of S3_BUCKET and its CORS rule', noArguments)
readDotenv({ quiet: true })
const { s3, corsOrigins } = readConfig(process.env)
if (!s3) {
  console.error('S3_BUCKET must be set: it names the bucket')
  process.exit(1)
}
const client = openClient(s3)
const Bucket = s3.bucket
const found = await client.send(new HeadBucketCommand({ Bucket })).then(
  () => true,
  (error: { name?: string }) => {
    if (error.name === 'NotFound') return false
    throw error
  },
)
if (!found) await client.send(new CreateBucketCommand({ Bucket }))
await client.send(
  new PutBucketCorsCommand({
    Bucket,
    CORSConfiguration: {
      CORSRules: [
        {
          AllowedOrigins: corsOrigins.length > 0 ? [...corsOrigins] : ['*'],
          AllowedMethods: ['POST', 'GET', 'HEAD'],
          AllowedHeaders: ['*'],
          ExposeHeaders: ['ETag'],
        },
      ],
    },
  }),
)
console.log(`${found ? 'found' : 'made'} bucket ${Bucket}, set its CORS rule`)
client.destroy()
