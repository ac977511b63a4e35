import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

/** What each module imports by a relative path; types, too. */
type Graph = Map<string, Set<string>>

const IMPORT = /\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g

function readImports(): Graph {
  const files = globSync('{lib,functions,scripts}/**/*.ts')
  const importsOf = (file: string) =>
    [...readFileSync(file, 'utf8').matchAll(IMPORT)]
      .map(([, target = '']) => path.join(path.dirname(file), target))
      .filter((target) => files.includes(target))
  return new Map(files.map((file) => [file, new Set(importsOf(file))]))
}

/** The same between folders: those of `lib/`, in which a file beside them is one by itself, `functions` and `scripts`. */
function betweenFolders(files: Graph): Graph {
  const folderOf = (file: string) => file.split(path.sep, file.startsWith('lib') ? 2 : 1).join('/')
  const folders: Graph = new Map()
  for (const [file, targets] of files) {
    const folder = folderOf(file)
    const known = folders.get(folder) ?? new Set()
    for (const target of [...targets].map(folderOf)) if (target !== folder) known.add(target)
    folders.set(folder, known)
  }
  return folders
}

/** The imports that are part of a cycle: those whose target imports, by whatever way, the module that it comes from. */
const cyclesIn = (graph: Graph): string[] =>
  [...graph].flatMap(([from, targets]) =>
    [...targets].filter((to) => reachable(graph, to).has(from)).map((to) => `${from} -> ${to}`),
  )

function reachable(graph: Graph, start: string): Set<string> {
  const found = new Set([start])
  for (const module of found) for (const target of graph.get(module) ?? []) found.add(target)
  return found
}

test('no files import one another in a cycle', () => {
  expect(cyclesIn(readImports())).toEqual([])
})

test('no folders import one another in a cycle', () => {
  expect(cyclesIn(betweenFolders(readImports()))).toEqual([])
})

test('each function has its test at the same place below tests/', () => {
  const functions = globSync('functions/*/**/*.ts')
  expect(functions.length).toBeGreaterThan(30)
  const tests = functions.map((file) => path.join('tests', file.replace(/\.ts$/, '.test.ts')))
  expect(tests.filter((file) => !existsSync(file))).toEqual([])
})
