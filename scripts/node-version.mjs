// Plain JavaScript, so that an old Node can read it and say what to do instead of failing on the first type.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Node ${process.versions.node} is too old: start with "npm start" after "npm ci", or where the package is installed with "npx photo-processor" (both bring Node 24 on x64 Linux, unless optional packages are omitted), or install Node 22.18 or newer.`,
  )
  process.exit(1)
}
