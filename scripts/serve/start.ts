import { onSignals } from './signals.ts'

// What is only being loaded has nothing to finish.
onSignals(() => process.exit(0))
const { serve } = await import('./service.ts')
await serve()
