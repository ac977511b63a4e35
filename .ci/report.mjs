import { readFileSync } from 'node:fs'

/**
 * Reads what a run of tests left behind: its output and Vitest's JSON report.
 *
 *   report.mjs again OUTPUT REPORT        prints the test files to run once more, a line each
 *   report.mjs total REPORT [LATER …]      prints "N passed, N failed, N skipped"; exits with 1 where one failed or none ran
 */
const [, , command, ...files] = process.argv

/** How Vitest says that Node's engine ended the process of a test file. */
const DEATH = /exited unexpectedly with signal (?:SIGTRAP|SIGSEGV) .*while running test file (.+)$/gm

if (command === 'again') again(...files)
else total(...files)

/** Prints nothing where something else went wrong too: a test that failed is never run again. */
function again(output, report) {
  // Without colours.
  const text = readFileSync(output, 'utf8').replaceAll(
    new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, 'g'),
    '',
  )
  const dead = new Set(Array.from(text.matchAll(DEATH), ([, file]) => file))
  const [, errors = '0'] = /Vitest caught (\d+) unhandled error/.exec(text) ?? []
  const others = readResults(report).filter(({ name }) => !dead.has(name))
  const hasFailed = readResults(report).some((result) => count(result, 'failed') > 0)
  const isClean = Number(errors) === dead.size && others.every(({ status }) => status === 'passed')
  if (isClean && !hasFailed) for (const file of dead) console.log(file)
}

/** Each file counts once, as it ended last. */
function total(...reports) {
  const results = [...new Map(reports.flatMap(readResults).map((result) => [result.name, result])).values()]
  const sum = (of) => results.reduce((all, result) => all + of(result), 0)
  const passed = sum((result) => count(result, 'passed'))
  // A file that could not be run to its end counts as one.
  const failed = sum((result) => count(result, 'failed') || (result.status === 'passed' ? 0 : 1))
  const skipped = sum((result) => count(result, 'pending') + count(result, 'skipped') + count(result, 'todo'))
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  if (failed > 0 || passed === 0) process.exitCode = 1
}

/** A report that is missing, or has no tests, counts as a file that failed. */
function readResults(report) {
  const failed = [{ name: report, status: 'failed', assertionResults: [] }]
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
    if (testResults.length > 0) return testResults
    console.error(`${report} has no tests`)
  } catch (error) {
    console.error(`No report: ${error.message}`)
  }
  return failed
}

function count({ assertionResults }, status) {
  return assertionResults.filter((result) => result.status === status).length
}
