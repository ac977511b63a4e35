import { type BuildOptions, build } from 'esbuild'

const OPTIONS = {
  entryPoints: ['lib/client/index.ts'],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  // Nothing of Node: what openapi-fetch does on Node alone is not needed.
  define: { process: 'undefined' },
  logLevel: 'warning',
} satisfies BuildOptions

/** The client as one module that runs in browsers, Node, Deno, Bun and Workers. */
export async function bundleClient(): Promise<string> {
  const { outputFiles } = await build({ ...OPTIONS, write: false })
  return outputFiles.map(({ text }) => text).join('')
}
