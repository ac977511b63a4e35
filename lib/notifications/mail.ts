import type { Config } from '../config/index.ts'
import { AppError } from '../errors.ts'
import type { CloudEvent } from '../outbox/event.ts'
import type { Delivery, Send } from './index.ts'

/** Longest wait for the server at each step, in ms. */
const TIMEOUT_MS = 10_000

/** Sends failures by mail, several in one. */
export const sendMail: Send = (config, _target, deliveries) => {
  if (deliveries.length === 0) return []
  const sending = mail(config, deliveries).catch((error: Error & { code?: string }) => {
    throw new AppError('mail-not-sent', `The mail was not sent (${error.code})`, {
      cause: error,
    })
  })
  return deliveries.map(() => sending)
}

async function mail(config: Config, deliveries: readonly Delivery[]): Promise<void> {
  const { default: nodemailer } = await import('nodemailer')
  const transport = nodemailer.createTransport({
    url: config.smtpUrl,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  })
  const failed = deliveries.map(({ body }) => JSON.parse(body) as CloudEvent)
  const [first] = failed
  const subject =
    failed.length === 1 ? `A photo failed: ${first?.data.error?.code}` : `${failed.length} photos failed`
  const text = failed.map((event) => describe(event, config.publicUrl)).join('\n\n')
  try {
    await transport.sendMail({ from: config.notifyEmail, to: config.notifyEmail, subject, text })
  } finally {
    transport.close()
  }
}

const describe = ({ time, data }: CloudEvent, publicUrl: string) =>
  `${data.photo_uuid}\n${time}  ${data.error?.code}: ${data.error?.message}\n${publicUrl}/photos/${data.photo_uuid}`
