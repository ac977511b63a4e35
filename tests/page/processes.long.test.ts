import { inject, test } from 'vitest'
import { isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { type Service, startScript } from '../support/service.ts'
import { drop, seeConnection, seeThumbnail, useBrowser, withPage } from './support.ts'

const browser = useBrowser()

const on = test.skipIf(inject('chromium') === undefined || !isAvailable(SETUPS[1]))

on('each of two web processes shows what the other took and a worker apart made', () =>
  withEnvironment(SETUPS[1], async (own) => {
    const redis = inject('redisUrl')
    const env = { ...own, ...(redis && { REDIS_URL: redis }) }
    const started: Service[] = []
    const start = async (script: string, ready: RegExp) => {
      const service = await startScript(script, env, ready)
      started.push(service)
      return service
    }
    try {
      const one = await start('api', /Photo processor on/)
      const two = await start('api', /Photo processor on/)
      await start('worker', /worker ready/)
      await withPage(browser(), one.url, (here) =>
        withPage(browser(), two.url, async (there) => {
          await seeConnection(here, 'live')
          await seeConnection(there, 'live')
          const content = await jpeg(sample(640, 480))
          await drop(here, [{ name: 'here.jpg', type: 'image/jpeg', content }])
          await drop(there, [{ name: 'there.jpg', type: 'image/jpeg', content }])
          for (const page of [here, there])
            for (const name of ['here.jpg', 'there.jpg']) await seeThumbnail(page, name)
        }),
      )
    } finally {
      await Promise.all(started.map((service) => service.kill('SIGKILL')))
    }
  }),
)
