/** A worker that dies as one does that runs out of memory. */
export default function work(): never {
  process.exit(9)
}
