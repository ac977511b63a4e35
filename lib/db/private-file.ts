import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import path from 'node:path'

/** What SQLite puts beside a file, with the mode of that file. */
const BESIDE = ['', '-wal', '-shm']

/** Makes a database file, and its directory, that nobody but this user can read; a directory that is there stays as it is. */
export function makePrivate(file: string): void {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true, mode: 0o700 })
  try {
    closeSync(openSync(file, 'a', 0o600))
    for (const end of BESIDE) if (existsSync(file + end)) chmodSync(file + end, 0o600)
  } catch {
    // It is another user's, or cannot be written: who opens it says so.
  }
}
