import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: 'tests/setup.ts',
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: 'forks',
    // After 1,000 calls of a function that WebAssembly imports, V8 compiles a wrapper for it, and now and then ends the process.
    execArgv: ['--wasm-wrapper-tiering-budget=1000000000'],
    maxWorkers: 2,
  },
})
