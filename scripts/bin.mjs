#!/usr/bin/env node
import './node-version.mjs'
import { existsSync } from 'node:fs'

/** The commands of the package: what they do, the program beside this file, and its first arguments. */
const COMMANDS = {
  start: ['runs the whole service (default)', 'serve/start', 'all'],
  api: ['runs only the endpoints', 'serve/start', 'api'],
  worker: ['runs only the workers', 'serve/start', 'worker'],
  relay: ['runs only the relay: publishes events, delivers webhooks, repairs', 'serve/start', 'relay'],
  migrate: ['migrates the database to this version', 'serve/start', 'migrate'],
  process: ['makes images of files, directories, globs and URLs, without a service', 'process'],
  keys: ['makes, lists and revokes keys', 'keys'],
  dead: ['lists messages that could not be understood, and replays them', 'dead'],
  doctor: ['compares rows, files and queues', 'doctor/index'],
}

const usage = ['Usage: npx photo-processor [command] [arguments], with a command of:']
  .concat(Object.entries(COMMANDS).map(([name, [means]]) => `  ${name.padEnd(9)}${means}`))
  .concat('npx photo-processor <command> --help shows the options of a command')
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
