import { parseArgs } from 'node:util'
import { config as readDotenv } from 'dotenv'
import { consumers } from '../functions/index.ts'
import { type App, openApp } from '../lib/app.ts'
import { type Config, readConfig } from '../lib/config/index.ts'
import { openDeadRows } from '../lib/outbox/dead-rows.ts'
import { parseWorkMessage } from '../lib/outbox/message.ts'
import { queueNamed } from '../lib/photos/request.ts'
import { type DeadMessage, type DeadMessages, openDeadQueue } from '../lib/queue/dead-queue.ts'
import type { ReceivedMessage } from '../lib/queue/port.ts'
import { readArguments } from './arguments.ts'

const USAGE = `Usage: npm run dead -- list|replay|drop [ID…] [--all] [--limit 100]
  list      shows the messages that could not be understood, oldest first
  replay    sends those with these ids to where they came from, as they came
  drop      removes those with these ids
  --all     replays or drops all of them
  --limit   how many to list (default: 100)`

/** Characters that the list shows of a message. */
const SHOWN = 80

const args = readArguments(USAGE, readCommand)
readDotenv({ quiet: true })
const dead = await open(readConfig(process.env))
try {
  if (args.command === 'list') await list(dead)
  else await settle(dead, args.command)
} finally {
  await dead.close()
}

function readCommand(given: string[]) {
  const { positionals, values } = parseArgs({
    args: given,
    allowPositionals: true,
    options: { all: { type: 'boolean', default: false }, limit: { type: 'string', default: '100' } },
  })
  const [command, ...ids] = positionals
  if (command !== 'list' && command !== 'replay' && command !== 'drop')
    throw new Error('The first argument must be list, replay or drop')
  if (command !== 'list' && values.all === ids.length > 0)
    throw new Error(`Name what to ${command}, or --all`)
  if (!/^[1-9]\d{0,6}$/.test(values.limit)) throw new Error('--limit must be a whole number')
  return { command, ids: new Set(ids), limit: Number(values.limit) } as const
}

/** The dead queue of the broker, or without one the rows that a service with a queue in its process keeps. */
async function open(config: Config): Promise<DeadMessages> {
  const { rabbitmqUrl: url, queueName } = config
  if (url) return openDeadQueue({ url, queueName })
  const opened = await openApp(config)
  // Its queue is in another process: what is queued here stays in the outbox for the relay there.
  const app = { ...opened, queue: { ...opened.queue, publish: async () => new Set<string>() } }
  const rows = openDeadRows(app.db, (from, message) => handle(app, from, message))
  return { ...rows, close: opened.close }
}

/** Handles a message as its consumer does, but leaves the photos that it names to a worker. */
async function handle(app: App, from: string, message: ReceivedMessage): Promise<boolean> {
  if (from === 'work') {
    const { uuids, isWhole } = parseWorkMessage(message.body)
    const unknown = await queueNamed(app, uuids)
    return isWhole && unknown.length === 0
  }
  await consumers.find((consumer) => consumer.from === from)?.handle(message, app as never)
  return true
}

async function list(messages: DeadMessages): Promise<void> {
  await messages.each(args.limit, ({ id, from, reason, body, bytes }) => {
    const text = JSON.stringify(Buffer.from(body).toString('utf8').slice(0, SHOWN))
    console.log(`${id ?? '(no id)'}  ${from}  ${reason}  ${bytes} bytes  ${text}`)
    return 'keep'
  })
}

async function settle(messages: DeadMessages, fate: 'replay' | 'drop'): Promise<void> {
  let chosen = 0
  const isChosen = ({ id }: DeadMessage) => args.ids.size === 0 || (id !== undefined && args.ids.has(id))
  const done = await messages.each(Number.POSITIVE_INFINITY, (message) => {
    if (!isChosen(message)) return 'keep'
    chosen++
    return fate
  })
  console.log(`${done} ${fate === 'drop' ? 'dropped' : 'replayed'}`)
  if (chosen > done) console.log(`${chosen - done} stay: they are not whole, or nobody takes them`)
}
