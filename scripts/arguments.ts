import { parseArgs } from 'node:util'

/**
 * What `read` makes of the arguments of a command. `--help` prints the usage and ends the process with 0; where `read`
 * throws, its message and the usage are printed, and the process ends with 2.
 */
export function readArguments<T>(usage: string, read: (args: string[]) => T): T {
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage)
    process.exit(0)
  }
  try {
    return read(args)
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`)
    process.exit(2)
  }
}

/** Reads the arguments of a command that takes none. */
export function noArguments(args: string[]): void {
  parseArgs({ args, options: {} })
}
