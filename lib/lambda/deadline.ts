import type { Context } from 'aws-lambda'

/** What a function keeps of its time to end what it has begun, in ms. */
export const RESERVE_MS = 1_500

/** Milliseconds until Lambda ends the function; without limit where there is no Lambda. */
export const timeLeft = (context: Pick<Context, 'getRemainingTimeInMillis'> | undefined): number =>
  context?.getRemainingTimeInMillis?.() ?? Number.POSITIVE_INFINITY
