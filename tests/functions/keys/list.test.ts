import { expect, test } from 'vitest'
import { list } from '../../../functions/keys/list.ts'
import { idOf, makeKey } from '../../security/credentials.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { call } from '../support.ts'

test('GET /keys lists the keys of the caller’s projects, without their secrets', () =>
  withApp(SETUPS[0], async (app) => {
    const [one, two, both, all] = [
      await makeKey(app, [1]),
      await makeKey(app, [2]),
      await makeKey(app, [1, 2]),
      await makeKey(app, '*'),
    ]
    const listed = async (projects: '*' | number[]) => {
      const { body } = await call(list, app, { caller: { scopes: ['admin'], projects } })
      expect(JSON.stringify(body)).not.toMatch(/secret|hash/)
      return (body as { items: { id: string }[] }).items.map(({ id }) => id).sort()
    }
    const ids = (...keys: string[]) => keys.map(idOf).sort()
    expect(await listed('*')).toEqual(ids(one, two, both, all))
    expect(await listed([1])).toEqual(ids(one))
    expect(await listed([1, 2])).toEqual(ids(one, two, both))
    expect(await listed([3])).toEqual([])
  }))
