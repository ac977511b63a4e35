import { createHash } from 'node:crypto'

/** Where the types are, from the root of the project. */
export const TYPES = 'lib/client/types.ts'

const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32)

/** The first line of the types: it names what they were made of, and what was made, so that a test needs no compiler for it. */
export const sealOf = (description: unknown, types: string): string =>
  `// Made by "npm run client:types", not by hand: description ${hash(JSON.stringify(description))}, types ${hash(types)}\n`

/** The types below their first line. */
export const unseal = (file: string): string => file.slice(file.indexOf('\n') + 1)
