export type Environment = Record<string, string>

/** The variables as a shell takes them. */
export const written = (environment: Environment) =>
  Object.entries(environment)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
