import { hasKeys } from '../../lib/access/keys.ts'
import type { App } from '../../lib/app.ts'
import { isLoopbackHost } from '../../lib/loopback.ts'
import { asCalled } from '../arguments.ts'

/** Prints where the service listens and what to do first, and warns where everybody may do everything. */
export async function greet({ config, db, log }: App, url: string): Promise<void> {
  const { auth, isAuthSet, adminKey, host, databaseUrl, rabbitmqUrl, storageDir } = config
  const database = databaseUrl.startsWith('sqlite:') ? databaseUrl : 'PostgreSQL'
  console.log(
    `Photo processor on ${url}  (${database}, ${rabbitmqUrl ? 'RabbitMQ' : 'in-process queue'}, ${storageDir})`,
  )
  if (auth === 'none' && isAuthSet && !isLoopbackHost(host))
    log.warn('AUTH=none: whoever reaches this address reads, makes and deletes everything')
  // A database that is away has no first key to make.
  const isClosed = auth === 'keys' && !adminKey && !(await hasKeys(db).catch(() => true))
  if (isClosed)
    console.log(asCalled('There is no key yet. Make one: npm run keys -- create first --scopes admin'))
  else if (auth === 'none') console.log(`Try: curl -s ${url}/photos/pending`)
}
