type Handler = (signal: NodeJS.Signals) => void

let handler: Handler = () => {}

/** Has `handle` alone called at SIGTERM and SIGINT from now on. */
export function onSignals(handle: Handler): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.off(signal, handler)
    process.on(signal, handle)
  }
  handler = handle
}
