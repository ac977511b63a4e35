import { totalmem } from 'node:os'

/** The bytes that this process may use: those of the machine, or of its cgroup (version 1 or 2) where these are less. */
export function processMemory(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}
