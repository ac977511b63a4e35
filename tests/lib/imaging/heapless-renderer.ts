import { serve } from '../../../lib/imaging/renderers/serve.ts'
import { faults } from './faults.ts'

// A renderer that uses up its heap with each picture.
await serve(faults.heap, async () => {})
