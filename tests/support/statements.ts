import type { CompiledQuery } from 'kysely'
import type { App } from '../../lib/app.ts'

/** The same app, and the statements that it executes, but for the beginnings and ends of transactions. */
export function watch(app: App): { watched: App; statements: CompiledQuery[] } {
  const prepared = new Map<string, CompiledQuery>()
  const statements: CompiledQuery[] = []
  const db = app.db.withPlugin({
    transformQuery({ node, queryId }) {
      prepared.set(queryId.queryId, app.db.getExecutor().compileQuery(node, queryId))
      return node
    },
    // Subqueries are prepared too, but only whole statements have a result.
    async transformResult({ result, queryId }) {
      const statement = prepared.get(queryId.queryId)
      if (statement) statements.push(statement)
      return result
    },
  })
  return { watched: { ...app, db }, statements }
}
