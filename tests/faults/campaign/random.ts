import { createHash } from 'node:crypto'

/** Draws numbers from 0 to 1, 1 excluded; the same ones for the same text. */
export function randomFrom(text: string): () => number {
  let drawn = 0
  return () => createHash('sha256').update(`${text} ${drawn++}`).digest().readUInt32BE() / 2 ** 32
}

/** A number between two others. */
export const between = (random: () => number, least: number, most: number): number =>
  least + random() * (most - least)
