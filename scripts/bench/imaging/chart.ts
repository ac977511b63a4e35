import type { Costs } from './rounds.ts'

const WIDTH = 760
const LABEL_WIDTH = 200
const BAR = 16
const GAP = 5
const HEADING = 34
const VALUE_WIDTH = 60

/** Bars of images per second of processor time, by job, as SVG that is readable on light and on dark pages. */
export function drawChart(costs: Costs): string {
  const parts: string[] = []
  let y = 0
  for (const [job, made] of Object.entries(costs)) {
    const rates = Object.entries(made).map(([name, { cpu }]) => [name, 1000 / cpu] as const)
    const best = Math.max(...rates.map(([, rate]) => rate))
    parts.push(text(0, y + 22, escapeXml(`${job}, a second per core`), 'heading'))
    y += HEADING
    for (const [name, rate] of rates.toSorted(([, one], [, other]) => other - one)) {
      const width = Math.max(1, (rate / best) * (WIDTH - LABEL_WIDTH - VALUE_WIDTH))
      const kind = name === 'ours' ? 'ours' : 'other'
      parts.push(
        text(LABEL_WIDTH - 8, y + BAR - 4, escapeXml(name === 'ours' ? 'this project' : name), 'label'),
        `<rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>`,
        text(LABEL_WIDTH + width + 6, y + BAR - 4, rate.toFixed(rate < 10 ? 1 : 0), 'value'),
      )
      y += BAR + GAP
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="Images per second and core by contender">
<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.heading { font-weight: 600 }
.label { text-anchor: end }
.ours { fill: #0b7a4b }
.other { fill: #9aa4af }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .ours { fill: #3fb950 }
  .other { fill: #6e7681 }
}
</style>
${parts.join('\n')}
</svg>
`
}

const text = (x: number, y: number, content: string, kind: string) =>
  `<text class="${kind}" x="${x.toFixed(1)}" y="${y}">${content}</text>`

const escapeXml = (plain: string) => plain.replace(/&/g, '&amp;').replace(/</g, '&lt;')
