import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { config as readDotenv } from 'dotenv'
import { openApp } from '../lib/app.ts'
import { readConfig } from '../lib/config/index.ts'
import { migratePatiently } from '../lib/db/patient.ts'
import { readArguments } from './arguments.ts'
import { findFunctions } from './build/functions.ts'

/** Time that Lambda would give, in ms. */
const TIME_MS = 120_000

const functions = await findFunctions()
const USAGE = [
  'Usage: npm run invoke -- <function> <event.json>, with a function of:',
  ...functions.map(({ name }) => `  ${name}`),
].join('\n')

const { file, eventFile } = readArguments(USAGE, (args) => {
  const [name = '', eventFile, more] = parseArgs({ args, allowPositionals: true, options: {} }).positionals
  const found = functions.find((each) => each.name === name.replaceAll('/', '-'))
  if (!found) throw new Error(`There is no function ${name}`)
  if (eventFile === undefined || more !== undefined) throw new Error('Name one file with an event')
  return { file: found.file, eventFile }
})
readDotenv({ quiet: true })
const app = await openApp(readConfig(process.env))
await migratePatiently(app.db, app.config.databaseUrl)
await app.close()
const { handler } = await import(new URL(`../${file}`, import.meta.url).href)
const deadline = Date.now() + TIME_MS
const context = { awsRequestId: 'invoke', getRemainingTimeInMillis: () => deadline - Date.now() }
const answer: unknown = await handler(JSON.parse(await readFile(eventFile, 'utf8')), context)
console.log(JSON.stringify(answer ?? null, null, 2))
// A function keeps its connections for the next event.
process.exit()
