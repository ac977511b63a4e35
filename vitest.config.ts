import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** Tests that show what is rare and take long: `npm run test:long`. */
const LONG = ['tests/**/*.long.test.ts']

/** Tests that measure memory or the whole process, start processes or keep what they opened: each file has a process to itself. */
const ALONE = [
  'tests/*.test.ts',
  'tests/{bundles,clients,page,scripts}/**/*.test.ts',
  'tests/functions/health/metrics*.test.ts',
  'tests/lib/lambda/**/*.test.ts',
  'tests/lib/log.test.ts',
  'tests/lib/{client,download}/**/*.test.ts',
  'tests/lib/imaging/{codec-memory,cost,gate,jpeg-work,pool,renderers}.test.ts',
  'tests/lib/photos/{broken-installation,sources}.test.ts',
  'tests/security/cost.test.ts',
]

// What is compiled is kept for the processes that follow: a fifth of their processor time.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('node_modules/.cache/node', import.meta.url))

export default defineConfig({
  test: {
    globalSetup: 'tests/setup.ts',
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // What is polled for comes late on a busy machine.
    expect: { poll: { timeout: 60_000 } },
    pool: 'forks',
    // After 1,000 calls of a function that WebAssembly imports, V8 compiles a wrapper for it, and now and then ends the process.
    execArgv: ['--wasm-wrapper-tiering-budget=1000000000'],
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'alone', include: ALONE, exclude: LONG } },
      { extends: true, test: { name: 'long', include: LONG } },
      // Outages take minutes: `npm run test:faults`.
      { extends: true, test: { name: 'faults', include: ['tests/faults/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['tests/{contracts,functions,lib,security}/**/*.test.ts'],
          exclude: [...ALONE, ...LONG],
          isolate: false,
        },
      },
    ],
  },
})
