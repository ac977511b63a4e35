import { type Static, Type } from '@sinclair/typebox'
import { type Caller, ownerFor, uploadLimit } from '../../lib/access/caller.ts'
import type { App } from '../../lib/app.ts'
import { awayCode } from '../../lib/away.ts'
import { AppError } from '../../lib/errors.ts'
import { endpoint, type FormPart } from '../../lib/function.ts'
import { problemOf } from '../../lib/http/problem.ts'
import { readProjectId } from '../../lib/http/project-id.ts'
import { Bytes, problems } from '../../lib/http/schemas/answers.ts'
import { ErrorInfo } from '../../lib/http/schemas/photos.ts'
import { Uuid } from '../../lib/http/schemas/values.ts'
import { setNickname } from '../../lib/photos/nickname.ts'
import { takeFile } from '../../lib/photos/take-file.ts'

const Result = Type.Union(
  [
    Type.Object({ uuid: Uuid, name: Type.String() }, { title: 'UploadedFile' }),
    Type.Object({ name: Type.String(), error: ErrorInfo }, { title: 'RefusedFile' }),
  ],
  { title: 'UploadResult', description: 'What became of a file' },
)

/** Fields that files come in: the page of this service, and that of an earlier one. */
const FIELDS = ['image', 'image_data']

/** Takes files as photos, each with its own result: one that is refused does not keep the others. */
export const upload = endpoint({
  method: 'POST',
  path: '/upload',
  access: 'write',
  summary: 'Upload photos: files in fields named image, and an optional nickname',
  tag: 'page',
  form: Type.Object({
    project_id: Type.Optional(Type.String({ description: 'The project of the files that follow it' })),
    image: Type.Optional(Type.Array(Bytes, { description: 'The files, 1,000 at most' })),
    image_data: Type.Optional(Type.Array(Bytes, { description: 'The same, as an earlier page names it' })),
    nickname: Type.Optional(Type.String({ description: 'A name for all of them' })),
  }),
  replies: {
    202: Type.Object(
      { results: Type.Array(Result) },
      { title: 'UploadResults', description: 'What became of each file, in the order of the form' },
    ),
    ...problems(404, 503, 'invalid-upload'),
  },
  handle: async (request, app, reply) => reply(202, { results: await takeForm(request, app) }),
})

type Form = { form: AsyncIterable<FormPart>; caller: Caller }

/** What became of each file of a form. */
export async function takeForm({ form, caller }: Form, app: App): Promise<Static<typeof Result>[]> {
  const results: Static<typeof Result>[] = []
  let nickname: string | undefined
  let projectId: number | undefined
  try {
    for await (const part of form) {
      if (part.kind === 'file') results.push(await take(app, caller, projectId, part))
      else if (part.name === 'nickname') nickname = part.value
      else if (part.name === 'project_id') projectId = readProjectId(part.value)
    }
  } catch (error) {
    // The answer names what was taken, and that the rest of the form was not read.
    if (!results.some((result) => 'uuid' in result)) throw error
    results.push(refusal(app, '', error))
  }
  if (results.length === 0)
    throw new AppError('invalid-upload', 'The form has no file in a field named image')
  const taken = results.flatMap((result) => ('uuid' in result ? result.uuid : []))
  if (nickname !== undefined)
    await setNickname(app.db, taken, nickname).catch((err: Error) =>
      app.log.warn({ err }, 'nickname not kept'),
    )
  return results
}

async function take(
  app: App,
  caller: Caller,
  projectId: number | undefined,
  { name, filename, content }: FormPart & { kind: 'file' },
) {
  try {
    if (!FIELDS.includes(name)) throw new AppError('invalid-upload', 'Files go into fields named image')
    const owner = ownerFor(caller, projectId)
    return await takeFile(app, filename, content, { owner, maxBytes: uploadLimit(app, caller) })
  } catch (error) {
    // A form whose client has stopped sending ends here.
    if (awayCode(error) || isTooSlow(error)) throw error
    // The next part of the form comes after the rest of this one.
    content.resume()
    return refusal(app, filename, error)
  }
}

const isTooSlow = (error: unknown) => error instanceof AppError && error.code === 'upload-too-slow'

function refusal({ log }: App, name: string, error: unknown) {
  const { status, code, detail } = problemOf(error)
  if (status >= 500) log.error({ err: error }, 'file not taken')
  return { name, error: { code, message: detail } }
}
