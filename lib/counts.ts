/** Counts what is open by name, such as the connections of an address. */
export function openCounts() {
  const counts = new Map<string, number>()
  return {
    /** One more; returns how many there are now. */
    add(name: string): number {
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      return count
    },
    remove(name: string) {
      const count = (counts.get(name) ?? 0) - 1
      if (count > 0) counts.set(name, count)
      else counts.delete(name)
    },
  }
}
