export type Environment = Record<string, string>

/** The variables as a shell takes them. */
export const written = (environment: Environment) =>
  Object.entries(environment)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')

/** What webhooks need besides their addresses. */
export const NOTIFIED = { WEBHOOK_SECRET: `whsec_${Buffer.alloc(24, 'x').toString('base64')}` }
