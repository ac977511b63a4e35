import { expect, test } from 'vitest'
import { SETUPS } from '../../support/app.ts'
import { post } from '../support.ts'
import { withUploads } from './support.ts'

test.each([
  [{ filename: '', project_id: 1 }, '/filename'],
  [{ filename: '   ', project_id: 1 }, '/filename'],
  [{ filename: 'a\u0000b', project_id: 1 }, '/filename'],
  [{ filename: 'a\nb', project_id: 1 }, '/filename'],
  [{ filename: 'x'.repeat(256), project_id: 1 }, '/filename'],
  [{ filename: 'x'.repeat(10_000), project_id: 1 }, '/filename'],
  [{ filename: 'a', project_id: 0 }, '/project_id'],
  [{ filename: 'a', project_id: -1 }, '/project_id'],
  [{ filename: 'a', project_id: 1.5 }, '/project_id'],
  [{ filename: 'a', project_id: '' }, '/project_id'],
  [{ filename: 'a', project_id: '0' }, '/project_id'],
  [{ filename: 'a', project_id: '1.0' }, '/project_id'],
  [{ filename: 'a', project_id: '9007199254740992' }, '/project_id'],
  [{ filename: 'a', project_id: 2 ** 53 }, '/project_id'],
  [{ filename: 'a' }, '/project_id'],
])('refuses %j, naming %s', (body, pointer) =>
  withUploads(SETUPS[0], async (app, url) => {
    const answer = await post(`${url}/images`, body)
    expect(answer.status).toBe(422)
    expect(((await answer.json()) as { errors: { pointer: string }[] }).errors[0]?.pointer).toBe(pointer)
    expect(await app.db.selectFrom('photos').select('uuid').execute()).toEqual([])
  }),
)
