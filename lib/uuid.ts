const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The uuid in lower case, as it is stored, or undefined where the text is none. */
export const parseUuid = (text: string) => (UUID.test(text) ? text.toLowerCase() : undefined)
