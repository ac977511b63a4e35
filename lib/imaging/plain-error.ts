/** An error as plain data, which crosses from a renderer whatever its class, with what caused it. */
export type PlainError = { name: string; message: string; stack: string | undefined; cause?: PlainError }

/** Undefined for what is no error. */
export function toPlainError(error: unknown): PlainError | undefined {
  if (!(error instanceof Error)) return undefined
  const { name, message, stack } = error
  const cause = toPlainError(error.cause)
  return { name, message, stack, ...(cause && { cause }) }
}

/** The error again, with the stack that it had in its process. */
export function fromPlainError({ name, message, stack, cause }: PlainError): Error {
  const error = new Error(message, cause && { cause: fromPlainError(cause) })
  return Object.assign(error, { name, stack })
}
