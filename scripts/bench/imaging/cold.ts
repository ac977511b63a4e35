import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { bundle } from '../../build/bundle.ts'
import { median } from '../load.ts'

const STARTS = 15

const STEPS = ['code loaded', 'module compiled and ready', 'first thumbnail made']

/** What the first photo of a new process waits for, from a bundle as functions have it; a table, medians of 15 starts. */
export async function measureColdStart(file: string): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'photo-processor-cold-'))
  try {
    const child = await bundle('scripts/bench/imaging/cold-child.ts', 'cold', directory)
    const starts: number[][] = []
    for (let i = 0; i < STARTS; i++) {
      const { stdout } = await promisify(execFile)(process.execPath, [child.file, file])
      starts.push(stdout.trim().split(' ').map(Number))
    }
    const rows = STEPS.map(
      (step, i) => `| ${step} | ${median(starts.map((start) => start[i] ?? 0)).toFixed(1)} |`,
    )
    return ['| cold start, wall time in ms | |', '| --- | ---: |', ...rows].join('\n')
  } finally {
    await rm(directory, { recursive: true })
  }
}
