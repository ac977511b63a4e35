import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { loadRender, renderTask } from '../../../lib/imaging/renderers/render-task.ts'
import { serve } from '../../../lib/imaging/renderers/serve.ts'
import { type Fault, faults } from './faults.ts'

const [, program = ''] = process.argv

// A renderer that has the fault of `fault-<width of the picture>` beside its program, once.
await serve((source, task) => {
  const fault = take(path.join(path.dirname(program), `fault-${task.probed.info.width}`))
  if (fault) faults[fault]()
  return renderTask(source, task)
}, loadRender)

function take(file: string): Fault | undefined {
  try {
    const fault = readFileSync(file, 'utf8')
    rmSync(file)
    return fault as Fault
  } catch {
    return undefined
  }
}
