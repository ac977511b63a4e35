import { build } from 'esbuild'
import { consumers, endpoints, schedules } from '../../functions/index.ts'
import type { AnyEndpoint, QueueConsumer, Schedule } from '../../lib/function.ts'

/** A function that can be deployed: its file, and what of `functions/index.ts` it is. */
export type FunctionFile = {
  /** `<door>-<function>`. */
  name: string
  /** Path from the root of the project. */
  file: string
} & (
  | { kind: 'endpoint'; definition: AnyEndpoint }
  | { kind: 'consumer'; definition: QueueConsumer<never> }
  | { kind: 'schedule'; definition: Schedule }
)

const ROOT = new URL('../../', import.meta.url)

/** Every file that `functions/index.ts` imports and that exports a `handler`; what is for local use only has none. */
export async function findFunctions(): Promise<FunctionFile[]> {
  const found: FunctionFile[] = []
  for (const file of await importsOf('functions/index.ts')) {
    const module: Record<string, unknown> = await import(new URL(file, ROOT).href)
    if (typeof module.handler !== 'function') continue
    const name = file.replace(/^functions\/|\.ts$/g, '').replaceAll('/', '-')
    found.push({ name, file, ...kindOf(Object.values(module), file) })
  }
  return found
}

function kindOf(exported: unknown[], file: string) {
  const definition = <T>(list: readonly T[]) => list.find((candidate) => exported.includes(candidate))
  const endpoint = definition(endpoints)
  if (endpoint) return { kind: 'endpoint', definition: endpoint } as const
  const consumer = definition(consumers)
  if (consumer) return { kind: 'consumer', definition: consumer as QueueConsumer<never> } as const
  const schedule = definition(schedules)
  if (schedule) return { kind: 'schedule', definition: schedule } as const
  throw new Error(`${file} exports nothing that functions/index.ts lists`)
}

/** The modules below `functions/` that a module imports itself. */
async function importsOf(entry: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: new URL('.', ROOT).pathname,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  })
  const imports = metafile.inputs[entry]?.imports ?? []
  return imports.map(({ path }) => path).filter((path) => path.startsWith('functions/'))
}
