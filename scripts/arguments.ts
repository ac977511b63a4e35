import { parseArgs } from 'node:util'

/** A text that names commands, as they are called where this runs: an installed package has no npm scripts. */
export const asCalled = (text: string, isPackage = import.meta.filename.endsWith('.js')): string =>
  isPackage
    ? text
        .replaceAll('npm start', 'npx photo-processor')
        .replaceAll(/npm run ([\w:]+)(?: --)?/g, 'npx photo-processor $1')
    : text

/**
 * What `read` makes of the arguments of a command. `--help` prints the usage and ends the process with 0; where `read`
 * throws, its message and the usage are printed, and the process ends with 2.
 */
export function readArguments<T>(usage: string, read: (args: string[]) => T): T {
  const args = process.argv.slice(2)
  const called = asCalled(usage)
  if (args.includes('--help') || args.includes('-h')) {
    console.log(called)
    process.exit(0)
  }
  try {
    return read(args)
  } catch (error) {
    console.error(`${(error as Error).message}\n${called}`)
    process.exit(2)
  }
}

/** Reads the arguments of a command that takes none. */
export function noArguments(args: string[]): void {
  parseArgs({ args, options: {} })
}
