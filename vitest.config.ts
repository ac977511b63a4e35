import { defineConfig } from 'vitest/config'

/** Tests that show what is rare and take long: `npm run test:long`. */
const LONG = ['tests/**/*.long.test.ts']

/** Tests that measure processor time or memory, start processes or keep what they opened: each file has a process to itself. */
const ALONE = [
  'tests/*.test.ts',
  'tests/{bundles,contracts,page,scripts,security}/**/*.test.ts',
  'tests/functions/health/metrics*.test.ts',
  'tests/lib/log.test.ts',
  'tests/lib/{client,download,imaging,lambda}/**/*.test.ts',
  'tests/lib/photos/{broken-installation,sources}.test.ts',
]

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
          include: ['tests/{functions,lib}/**/*.test.ts'],
          exclude: [...ALONE, ...LONG],
          isolate: false,
        },
      },
    ],
  },
})
