declare const BUNDLED: boolean

/** Whether this code runs from a function bundle, where the build has defined `BUNDLED`. */
export const isBundled = typeof BUNDLED !== 'undefined' && BUNDLED
