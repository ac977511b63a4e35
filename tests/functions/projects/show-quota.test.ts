import { expect, test } from 'vitest'
import { showQuota } from '../../../functions/projects/show-quota.ts'
import { setQuota } from '../../../lib/access/usage.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { call, insertPhoto } from '../support.ts'

test('a project that nobody knows has what is configured, and used nothing', () =>
  withApp(
    SETUPS[0],
    async (app) => {
      await setQuota(app.db, app.access.quotas, 8, { waiting: 3 })
      await insertPhoto(app, { project_id: 8 })
      const answer = await call(showQuota, app, { params: { id: 7 } })
      const quota = (limit: number | null) => ({ own: null, limit, used: 0 })
      expect(answer.body).toEqual({
        project_id: 7,
        photos_per_day: quota(null),
        bytes_per_day: quota(1000),
        waiting: quota(null),
      })
    },
    { QUOTA_BYTES_PER_DAY: '1000' },
  ))
