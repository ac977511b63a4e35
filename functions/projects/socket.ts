import { live } from '../../lib/function.ts'

/** A WebSocket whose client subscribes to projects, photos, or all. */
export const socket = live({
  path: '/ws',
  access: 'read',
  summary: 'Open a WebSocket: subscribe to projects, photos, or all',
  tag: 'projects',
})
