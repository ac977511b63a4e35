import type { Cost, Costs } from './rounds.ts'

/** A table in Markdown: jobs as rows, contenders as columns. */
export function markdownTable(
  title: string,
  names: readonly string[],
  costs: Costs,
  show: (cost: Cost, sharp?: Cost) => string,
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rows = Object.entries(costs).map(([job, made]) =>
    line([job, ...names.map((name) => (made[name] ? show(made[name], made.sharp) : ''))]),
  )
  return [line([title, ...names]), line(['---', ...names.map(() => '---:')]), ...rows].join('\n')
}
