import { config as readDotenv } from 'dotenv'
import { uuidv7 } from 'uuidv7'
import { openApp } from '../lib/app.ts'
import { readConfig } from '../lib/config/index.ts'
import { migratePatiently } from '../lib/db/patient.ts'
import { addPhotos } from '../lib/photos/add.ts'
import { originalKey } from '../lib/storage/port.ts'
import { noArguments, readArguments } from './arguments.ts'
import { samplePhotos } from './sample-photos.ts'

readArguments('Usage: npm run seed, which adds sample photos', noArguments)
readDotenv({ quiet: true })
const app = await openApp(readConfig(process.env))
await migratePatiently(app.db, app.config.databaseUrl)
const samples = (await samplePhotos()).map((sample) => ({ ...sample, uuid: uuidv7() }))
for (const { uuid, data } of samples) await app.storage.put(originalKey(uuid), data)
const photos = samples.map(({ uuid, name }) => ({
  uuid,
  name,
  url: originalKey(uuid),
  door: 'photos' as const,
}))
await addPhotos(app, photos)
for (const { uuid, name } of samples) console.log(`${uuid}  ${name}`)
await app.close()
