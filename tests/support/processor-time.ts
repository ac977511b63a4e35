/** Runs `work` and returns the time that processors spent on this process meanwhile, in ms: other processes do not change it. */
export async function processorTime(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
