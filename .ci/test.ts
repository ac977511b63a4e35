import { startVitest, type TestModule } from 'vitest/node'

/**
 * How Vitest tells that Node itself ended while a file was tested. V8 does that now and then in the calls between WebAssembly
 * and JavaScript ("Check failed: jit_page.has_value()").
 */
const DEATH = /exited unexpectedly with signal (SIGTRAP|SIGSEGV) .*while running test file (.+)$/

type Run = { modules: readonly TestModule[]; errors: readonly unknown[] }

const first = await run([])
const deaths = first.errors.map(deathOf)
// A test that fails is never run again.
const again = first.modules.filter((module) => isDead(module) && count(module).failed === 0)
const files = again.map(({ moduleId }) => moduleId)
let errors = first.errors.filter((_, i) => !files.includes(deaths[i]?.file ?? ''))
let modules = first.modules.filter((module) => !again.includes(module))
if (files.length > 0) {
  for (const death of deaths)
    if (death && files.includes(death.file))
      console.log(`Run again, as ${death.signal} ended it: ${death.file}`)
  const second = await run(files)
  modules = [...modules, ...second.modules]
  errors = [...errors, ...second.errors]
}

const total = { passed: 0, failed: 0, skipped: 0 }
for (const module of modules) {
  const { passed, failed, skipped } = count(module)
  total.passed += passed
  total.skipped += skipped
  // A file that could not be run to its end counts as one.
  total.failed += failed || (['passed', 'skipped'].includes(module.state()) ? 0 : 1)
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed > 0 || errors.length > 0 || modules.length === 0 ? 1 : 0

async function run(files: string[]): Promise<Run> {
  const vitest = await startVitest('test', files, { watch: false })
  const run = { modules: vitest.state.getTestModules(), errors: vitest.state.getUnhandledErrors() }
  await vitest.close()
  return run
}

function deathOf(error: unknown): { signal: string; file: string } | undefined {
  const { cause } = error as { cause?: { message?: string } }
  const [, signal, file] = DEATH.exec(cause?.message ?? '') ?? []
  return signal && file ? { signal, file } : undefined
}

function isDead({ moduleId }: TestModule): boolean {
  return deaths.some((death) => death?.file === moduleId)
}

/** What became of the tests of a file; one that has not ended counts nowhere. */
function count({ children }: TestModule): { passed: number; failed: number; skipped: number } {
  const of = (state: 'passed' | 'failed' | 'skipped') => [...children.allTests(state)].length
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') }
}
