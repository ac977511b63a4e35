import { expect } from 'vitest'
import { metrics } from '../../../functions/health/metrics.ts'
import type { App } from '../../../lib/app.ts'
import { call } from '../support.ts'

/** A sample as Prometheus's text format has it: name, labels, value. */
const SAMPLE = /^([a-z_][a-z0-9_]*(?:\{(?:[a-z_]+="[^"\\\n]*",?)+\})?) (-?[\d.]+(?:e[+-]?\d+)?|NaN|[+-]Inf)$/
const COMMENT = /^# (?:HELP [a-z0-9_]+ .+|TYPE [a-z0-9_]+ (?:counter|gauge|histogram|summary))$/

/** The values by name and labels of a text that is held to Prometheus's format. */
export function parse(text: string): Record<string, number> {
  const values: Record<string, number> = {}
  for (const line of text.trim().split('\n').filter(Boolean)) {
    if (line.startsWith('#')) {
      expect(line).toMatch(COMMENT)
      continue
    }
    const [, name = '', value] = SAMPLE.exec(line) ?? expect.fail(line)
    expect(values, line).not.toHaveProperty([name])
    values[name] = Number(value)
  }
  return values
}

/** What the endpoint answers on an app. */
export const measure = async (app: App) => parse(String((await call(metrics, app)).body))

/** What a service answers. */
export async function scrape(url: string): Promise<Record<string, number>> {
  const answer = await fetch(`${url}/metrics`)
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(answer.status).toBe(200)
  return parse(await answer.text())
}
