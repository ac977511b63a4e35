/** Memory of WebAssembly never shrinks: instances that have more bytes than this are kept for as long as pictures follow closely. */
export const KEPT_MEMORY = 32 * 2 ** 20
export const MOST_LARGE_MEMORY = 256 * 2 ** 20
const LARGE_KEPT_MS = 10_000

let mostMemory = MOST_LARGE_MEMORY
let forgetting: NodeJS.Timeout | undefined
const keepers: (() => void)[] = []

/** Keeps no instance of more than so many bytes from now on, unless it counts as small. */
export function keepAtMost(bytes: number): void {
  mostMemory = bytes
}

/** Has `forget` called whenever large instances are given up: each file that keeps some says so once. */
export function onForgetLarge(forget: () => void): void {
  keepers.push(forget)
}

/** Gives up the memory of large pictures. */
export function forgetLarge(): void {
  for (const forget of keepers) forget()
}

/** Fresh memory costs a page fault for every 4 kB: as much as all the rest of a large picture. Of large ones in a process one is kept. */
export function mayKeep(bytes: number): boolean {
  if (!isLarge(bytes)) return true
  if (bytes > mostMemory) return false
  forgetLarge()
  forgetting ??= setTimeout(forgetLarge, LARGE_KEPT_MS).unref()
  forgetting.refresh()
  return true
}

export const isLarge = (bytes: number) => bytes > KEPT_MEMORY
