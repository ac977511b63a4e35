import type { App } from '../../lib/app.ts'

/** Something that differs: `kind` is what, in the plural; `name` is which one; `mend` makes it right, where that can be done. */
export type Finding = { kind: string; name: string; mend?: () => Promise<unknown> }

/** What a check may use. It publishes nothing: a relay that runs, or the next, publishes what a repair records. */
export type DoctorApp = Pick<
  App,
  'access' | 'config' | 'db' | 'queue' | 'storage' | 'contents' | 'log' | 'metrics'
>

/** Younger rows and files may still be worked on, in ms. */
export const YOUNG_MS = 3_600_000

/** Rows or files looked at together. */
export const BATCH = 500
