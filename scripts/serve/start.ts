import { setImmediate } from 'node:timers/promises'
import { onSignals } from './signals.ts'

// What is only being loaded has nothing to finish.
onSignals(() => process.exit(0))
const { serve } = await import('./service.ts')
// Signals that came meanwhile are handled now.
await setImmediate()
await serve()
