import { endpoint } from '../../lib/function.ts'
import { answerWith, loadAssets } from '../../lib/http/page-assets.ts'
import { NoBody, Page } from '../../lib/http/schemas/answers.ts'
import { FIRST_PAGE } from '../../lib/page/api.ts'

/** The first list that the page requests, fetched while the page's script is still on its way. */
const PRELOAD = `</photos?limit=${FIRST_PAGE}>; rel=preload; as=fetch; crossorigin`

/** The web page. For local use only. */
export const showPage = endpoint({
  method: 'GET',
  path: '/',
  access: 'public',
  summary: 'The web page',
  tag: 'page',
  anyQuery: true,
  replies: { 200: Page, 304: NoBody },
  async handle({ query, headers }) {
    const { page } = await loadAssets()
    return answerWith(page, headers, {
      'cache-control': 'no-cache',
      'content-security-policy': policy(headers.host),
      'referrer-policy': 'no-referrer',
      // With filters in its address the page requests another list.
      ...(Object.keys(query).length === 0 && { link: PRELOAD }),
    })
  },
})

/** Nothing but what this service serves; `data:` is for placeholders made of ThumbHashes. */
function policy(host: string | string[] | undefined): string {
  // Browsers before 2023 do not take 'self' for sockets.
  const sockets = /^[\w.:[\]-]+$/.test(String(host)) ? ` ws://${host} wss://${host}` : ''
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    `connect-src 'self'${sockets}`,
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
