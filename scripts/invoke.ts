import { readFile } from 'node:fs/promises'
import { config as readDotenv } from 'dotenv'
import { openApp } from '../lib/app.ts'
import { readConfig } from '../lib/config/index.ts'
import { migrate } from '../lib/db/migrate.ts'
import { findFunctions } from './build/functions.ts'

/** Time that Lambda would give, in ms. */
const TIME_MS = 120_000

const [name, eventFile] = process.argv.slice(2)
const functions = await findFunctions()
const found = functions.find((each) => each.name === name?.replaceAll('/', '-'))
if (!found || !eventFile) {
  console.error('Usage: npm run invoke -- <function> <event.json>, with a function of:')
  for (const each of functions) console.error(`  ${each.name}`)
  process.exit(2)
}
readDotenv({ quiet: true })
const app = await openApp(readConfig(process.env))
await migrate(app.db)
await app.close()
const { handler } = await import(new URL(`../${found.file}`, import.meta.url).href)
const deadline = Date.now() + TIME_MS
const context = { awsRequestId: 'invoke', getRemainingTimeInMillis: () => deadline - Date.now() }
const answer: unknown = await handler(JSON.parse(await readFile(eventFile, 'utf8')), context)
console.log(JSON.stringify(answer ?? null, null, 2))
// A function keeps its connections for the next event.
process.exit()
