import type { Config } from '../config.ts'
import type { Storage } from './index.ts'

export function openS3(_options: NonNullable<Config['s3']>): Storage {
  throw new Error('in work')
}
