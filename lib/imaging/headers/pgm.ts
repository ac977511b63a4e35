import { corrupt } from '../errors.ts'
import type { CheckSize, Header } from './header.ts'

/** `isPlain`: samples are written as decimal numbers; else they are bytes, or two of them, from 0 for black to `maxval`. */
export type PgmHeader = Header & { isPlain: boolean; maxval: number; pixels: number }

/** Netpbm: the most that a sample may be. */
const MOST = 65_535

/** Bytes in which a header ends, its comments included. */
const MAX_HEADER = 65_536

/** What may stand before a number: blanks, and comments up to the end of their line. */
const NUMBER = /(?:[ \t\n\v\f\r]|#[^\n\r]*[\n\r])+(\d{1,10})(?=[ \t\n\v\f\r#])/y

/** Whether a file begins as a portable graymap does; two letters alone would claim text. */
export const isPgm = (source: Buffer): boolean => /^P[25]\s*(?:#|\s\d)/.test(source.toString('latin1', 0, 8))

/** Reads the header of a portable graymap (PGM), raw (P5) or plain (P2): width, height and the value of white. */
export function readPgmHeader(source: Buffer, checkSize: CheckSize): PgmHeader {
  const text = source.toString('latin1', 0, MAX_HEADER)
  let at = 2
  const next = (): number => {
    NUMBER.lastIndex = at
    const found = NUMBER.exec(text)
    if (!found) throw corrupt('no PGM header')
    at = NUMBER.lastIndex
    return Number(found[1])
  }
  const [width, height] = [next(), next()]
  checkSize(width, height)
  const maxval = next()
  if (maxval < 1 || maxval > MOST) throw corrupt(`a PGM whose white is ${maxval}`)
  // One blank ends the header.
  return { width, height, orientation: 1, isPlain: text[1] === '2', maxval, pixels: at + 1 }
}
