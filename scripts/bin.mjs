#!/usr/bin/env node
import './node-version.mjs'
import { existsSync } from 'node:fs'

/** The commands of the package: what they do, the program beside this file, and what it is told first. */
const COMMANDS = {
  start: ['the whole service; without a command, too', 'serve/start', 'all'],
  api: ['its endpoints alone', 'serve/start', 'api'],
  worker: ['its workers alone', 'serve/start', 'worker'],
  relay: ['what publishes, delivers and repairs alone', 'serve/start', 'relay'],
  migrate: ['brings the database to this version', 'serve/start', 'migrate'],
  process: ['makes images of files, directories, globs and URLs, without a service', 'process'],
  keys: ['makes, lists and revokes keys', 'keys'],
  dead: ['shows messages that nobody understood, and sends them again', 'dead'],
  doctor: ['compares rows, files and queues', 'doctor/index'],
}

const usage = ['Usage: npx photo-processor [command] [arguments], with a command of:']
  .concat(Object.entries(COMMANDS).map(([name, [means]]) => `  ${name.padEnd(9)}${means}`))
  .concat('npx photo-processor <command> --help says more')
  .join('\n')

const [name = 'start', ...given] = process.argv.slice(2)
if (name === '--help' || name === '-h') {
  console.log(usage)
} else if (!Object.hasOwn(COMMANDS, name)) {
  console.error(`There is no command ${name}\n${usage}`)
  process.exitCode = 2
} else {
  const [, program, ...first] = COMMANDS[name]
  process.argv.splice(2, process.argv.length, ...first, ...given)
  // Compiled in a package, as it was written in a checkout.
  const files = ['js', 'ts'].map((ending) => new URL(`${program}.${ending}`, import.meta.url))
  await import(files.find((file) => existsSync(file)))
}
