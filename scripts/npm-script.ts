import { readFileSync } from 'node:fs'

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  scripts: Record<string, string>
}

/** What an npm script gives to Node: flags, a program and its arguments, relative to the root of the project. */
export function argumentsOf(script: string): string[] {
  const [, given] = /^exec node (.+)$/.exec(scripts[script] ?? '') ?? []
  if (!given) throw new Error(`npm run ${script} runs no program of Node`)
  return given.split(' ')
}
