import { randomInt } from 'node:crypto'

const numberOf = (name: string, otherwise: number): number => {
  const text = process.env[name] || String(otherwise)
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${name} must be a number above 0, not ${text}`)
  return value
}

/** Of each fault. */
export const REPETITIONS = numberOf('TEST_REPETITIONS', 20)

/** What times are drawn from. */
export const SEED = process.env.TEST_SEED || String(randomInt(1, 1_000_000))

export const SOAK_MINUTES = numberOf('TEST_SOAK_MINUTES', 10)
