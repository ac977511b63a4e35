import { createInterface } from 'node:readline/promises'

/** Whether somebody at the terminal answers `yes`. Without a terminal the answer is no, and `otherwise` says how to do it. */
export async function confirm(question: string, otherwise: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    console.error(`${question} There is no terminal to answer on; ${otherwise}`)
    return false
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await terminal.question(`${question} (yes/no) `)
  terminal.close()
  return answer.trim() === 'yes'
}
