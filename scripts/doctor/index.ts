import { parseArgs } from 'node:util'
import { config as readDotenv } from 'dotenv'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { readArguments } from '../arguments.ts'
import { checkFiles } from './files.ts'
import type { DoctorApp, Finding } from './finding.ts'
import { checkOwner } from './owner.ts'
import { checkQueues } from './queues.ts'
import { checkRows } from './rows.ts'

const USAGE = `Usage: npm run doctor -- [--repair] [--sure]
Compares rows, files and queues. Exits with 1 if something differs and was not repaired.
  --repair  repairs what can be repaired
  --sure    confirms that the files belong to this database, even if many have no row`

/** Names printed of each kind. */
const SHOWN = 10

const { repair, sure } = readArguments(
  USAGE,
  (args) =>
    parseArgs({
      args,
      options: {
        repair: { type: 'boolean', default: false },
        sure: { type: 'boolean', default: false },
      },
    }).values,
)
readDotenv({ quiet: true })
const config = readConfig(process.env)
const app = await openApp({ ...config, rabbitmqUrl: undefined, redisUrl: undefined })
try {
  const left = await examine({
    ...app,
    config,
    queue: { ...app.queue, publish: async () => new Set<string>() },
  })
  if (left > 0) process.exitCode = 1
} finally {
  await app.close()
}

/** Prints what differs, mends it where that is wanted, and returns how much still differs. */
async function examine(doctor: DoctorApp): Promise<number> {
  const found = new Map<string, { count: number; mended: number }>()
  const checks = [checkOwner(doctor, sure), checkRows(doctor), checkFiles(doctor, sure), checkQueues(doctor)]
  for (const check of checks)
    for await (const finding of check) {
      const kind = found.get(finding.kind) ?? { count: 0, mended: 0 }
      found.set(finding.kind, kind)
      if (kind.count++ < SHOWN) console.log(`${finding.kind}: ${finding.name}`)
      if (await isMended(finding)) kind.mended++
    }
  for (const [kind, { count, mended }] of found)
    console.log(`${count} ${kind}${repair ? `, ${mended} mended` : ''}`)
  if (found.size === 0) console.log('nothing differs')
  return [...found.values()].reduce((sum, { count, mended }) => sum + count - mended, 0)
}

async function isMended({ kind, name, mend }: Finding): Promise<boolean> {
  if (!repair || !mend) return false
  try {
    await mend()
    return true
  } catch (error) {
    console.error(`${kind}: ${name} could not be mended: ${(error as Error).message}`)
    return false
  }
}
