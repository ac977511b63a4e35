import { loadRender, renderTask } from '../../../lib/imaging/renderers/render-task.ts'
import { serve } from '../../../lib/imaging/renderers/serve.ts'
import { type Fault, faults } from './faults.ts'

// A renderer with the fault that the first rendition is named after; without one of that name it renders.
await serve((source, task) => {
  const [rendition] = task.recipe.renditions
  faults[rendition?.name as Fault]?.()
  return renderTask(source, task)
}, loadRender)
