import { loadRender, renderTask } from './render-task.ts'
import { serve } from './serve.ts'

// The program of a renderer.
await serve(renderTask, loadRender)
