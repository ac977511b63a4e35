import { isBundled } from '../bundled.ts'
import { type Config, readConfig } from '../config/index.ts'

/**
 * The configuration of a function: it renders inline, since a bundle has no other file for a renderer to run.
 * A bundle shares database and queue with other functions, so it refuses to start on embedded ones.
 */
export function readFunctionConfig(environment: NodeJS.ProcessEnv): Config {
  const config = readConfig({ ...environment, WORKER_THREADS: '0' })
  if (!isBundled) return config
  if (config.databaseUrl.startsWith('sqlite:'))
    throw new Error('DATABASE_URL must be set to postgres://…: a function has no disk that others see')
  if (!config.rabbitmqUrl)
    throw new Error('RABBITMQ_URL must be set to amqp://…: a function has no queue that others see')
  return config
}
