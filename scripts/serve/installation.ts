import { existsSync } from 'node:fs'

const ROOT = new URL('../../', import.meta.url)

const isThere = (file: string) => existsSync(new URL(file, ROOT))

/** What development packages build, or are needed to build, and the roles that cannot do without. */
const PARTS: readonly { name: string; roles: readonly string[]; isInstalled(): boolean }[] = [
  {
    name: 'lib/imaging/wasm/imaging.wasm',
    roles: ['all', 'worker'],
    isInstalled: () => isThere('lib/imaging/wasm/imaging.wasm'),
  },
  {
    name: 'lib/page/main.js, or esbuild to make it,',
    roles: ['all', 'api'],
    isInstalled: () => isThere('lib/page/main.js') || isThere('node_modules/esbuild'),
  },
]

/** Ends the process, with one line that says what to do, where the installation lacks a part that the role needs. */
export function checkInstallation(role: string): void {
  const missing = PARTS.find(({ roles, isInstalled }) => roles.includes(role) && !isInstalled())
  if (!missing) return
  console.error(
    `${missing.name} is missing: run "npm ci --include=dev" (development packages build it), then start again`,
  )
  process.exit(1)
}
