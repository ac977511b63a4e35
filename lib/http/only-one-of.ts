import { AppError } from '../errors.ts'

/** Which one of these parts a body has; throws `invalid` where it has none of them, or several. */
export function onlyOneOf<Name extends string>(
  body: { [name in Name]?: unknown },
  names: readonly Name[],
): Name {
  const [name, ...more] = names.filter((name) => body[name] !== undefined)
  if (name !== undefined && more.length === 0) return name
  const detail = `must have one of ${names.map((name) => `"${name}"`).join(', ')}, and only one`
  throw new AppError('invalid', `The body ${detail}`, { errors: [{ pointer: '', detail }] })
}
