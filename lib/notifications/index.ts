import type { Selectable } from 'kysely'
import type { Config } from '../config/index.ts'
import type { DeliveriesTable, EventType } from '../db/tables/events.ts'

/** Who is notified of events: the URL of a webhook, or `mailto:` and an address. */
export type Target = string

/** An event that is to be sent to one target now. */
export type Delivery = Selectable<DeliveriesTable> & { body: string }

/** Sends events to a target: a promise for each, which rejects with an `AppError` if the target did not take it. */
export type Send = (config: Config, target: Target, deliveries: readonly Delivery[]) => Promise<void>[]

const MAIL = 'mailto:'

/** Every target that the configuration names. */
export const targetsOf = ({ webhookUrls, notifyEmail }: Config): readonly Target[] =>
  notifyEmail ? [...webhookUrls, `${MAIL}${notifyEmail}`] : webhookUrls

/** The targets of events of this type: webhooks get all, people get failures. */
export const targetsFor = (config: Config, type: EventType): readonly Target[] =>
  targetsOf(config).filter((target) => !isMail(target) || type === 'image.failed')

export const isMail = (target: Target): boolean => target.startsWith(MAIL)

/** A target as the log shows it: the rest of a URL may be a secret. */
export const nameOf = (target: Target): string => (isMail(target) ? target : new URL(target).host)
