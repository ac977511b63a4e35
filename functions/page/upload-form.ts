import { endpoint } from '../../lib/function.ts'
import { NoBody } from '../../lib/http/schemas/answers.ts'
import { takeForm, upload } from './upload.ts'

/** The same as `upload`, as a page has it whose form is sent to itself: a browser is led back to the page. For local use only. */
export const uploadForm = endpoint({
  ...upload,
  path: '/',
  anyQuery: true,
  summary: 'Upload photos by the form of a page, to which a browser is led back',
  replies: { ...upload.replies, 303: NoBody },
  async handle(request, app, reply) {
    const results = await takeForm(request, app)
    const isBrowser = /\btext\/html\b/i.test(String(request.headers.accept))
    // What was refused is to be seen.
    const isAllTaken = results.every((result) => 'uuid' in result)
    return isBrowser && isAllTaken ? reply(303, null, { location: '/' }) : reply(202, { results })
  },
})
