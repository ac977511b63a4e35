import { Type } from '@sinclair/typebox'
import { notFound } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { answerWith, loadAssets } from '../../lib/http/page-assets.ts'
import { Bytes, NoBody, problems } from '../../lib/http/schemas/answers.ts'

/** What the web page consists of; the version is that of its content. For local use only. */
export const showAsset = endpoint({
  method: 'GET',
  path: '/assets/:version/:name',
  access: 'public',
  summary: 'A file of the web page',
  tag: 'page',
  params: Type.Object({
    version: Type.String({ description: 'That of the content of all files of the page' }),
    name: Type.String({ description: 'Name of the file' }),
  }),
  anyQuery: true,
  replies: { 200: Bytes, 304: NoBody, ...problems(404) },
  async handle({ params, headers }) {
    const { version, byName } = await loadAssets()
    const asset = params.version === version ? byName.get(params.name) : undefined
    if (!asset) throw notFound('File')
    return answerWith(asset, headers, { 'cache-control': 'public, max-age=31536000, immutable' })
  },
})
