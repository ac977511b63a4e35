import { AppError, notFound } from '../errors.ts'

/** What a credential lets its bearer do: `read` shows, `write` makes and removes photos, `admin` does everything. */
export const SCOPES = ['read', 'write', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** What an endpoint needs: a scope, or nothing. */
export type Access = 'public' | Scope

/** The projects whose photos a caller may see: `*` is all of them, and photos of no project. */
export type Projects = '*' | readonly number[]

/** Who calls, and what they may do. */
export type Caller = {
  scopes: readonly Scope[]
  projects: Projects
  /** The key that was sent, or from which the token or session was made; undefined: access is open, or a link. */
  keyId?: string
  /** The beginning of the hash of the key's secret: what was made from a key ends with its secret. */
  print?: string
  /** What the credential is called: a key, or one of its tokens and sessions; undefined where there is none. */
  credential?: string
  /** Requests a minute of the key, where it has a limit of its own. */
  rateLimit?: number
  /** Largest upload in bytes, where a token says so. */
  maxBytes?: number
  /** When the credential ends, in ms since 1970. */
  until?: number
}

/** Whoever calls where `AUTH` is `none`. */
export const EVERYBODY: Caller = { scopes: ['admin'], projects: '*' }

/** Whoever calls an endpoint that needs no credential, and has none: sees no photo. */
export const NOBODY: Caller = { scopes: [], projects: [] }

export const mayDo = ({ scopes }: Caller, access: Access): boolean =>
  access === 'public' || scopes.includes('admin') || scopes.includes(access)

/** Whether a caller sees what belongs to a project, or to none (null). */
export const maySee = (projects: Projects, project: number | null): boolean =>
  projects === '*' || (project !== null && projects.includes(project))

/** Whether a caller may give others access to some projects. */
export const mayGrant = ({ projects: own }: Caller, projects: Projects): boolean =>
  own === '*' || (projects !== '*' && projects.every((project) => own.includes(project)))

/** Whose a photo is: its project, and the key that made it. */
export type Owner = { projectId: number | null; keyId: string | null }

/** Whose what a caller makes is; see `projectFor`. */
export const ownerFor = (caller: Caller, named: number | undefined): Owner => ({
  projectId: projectFor(caller, named),
  keyId: caller.keyId ?? null,
})

/** Bytes that a caller may upload at once. */
export const uploadLimit = (
  { config }: { config: { maxSourceBytes: number } },
  { maxBytes = Number.POSITIVE_INFINITY }: Caller,
): number => Math.min(config.maxSourceBytes, maxBytes)

/** The owner of what the program itself adds. */
export const NO_OWNER: Owner = { projectId: null, keyId: null }

/**
 * The project of what a caller makes: the one that it names, else its only one; null: none. Throws `not-found` for one that is
 * not the caller's, and `invalid` where the caller has several and names none.
 */
export function projectFor({ projects }: Caller, named: number | undefined): number | null {
  if (named !== undefined) {
    if (!maySee(projects, named)) throw notFound('Project')
    return named
  }
  if (projects === '*') return null
  const [only] = projects
  if (only !== undefined && projects.length === 1) return only
  throw new AppError('invalid', 'The key has several projects: name one', {
    errors: [{ pointer: '/project_id', detail: 'must name a project of the key' }],
  })
}
