/** Every status of a photo, in the order of its way: `completed` and `failed` are left by a new request only. */
export const PHOTO_STATUSES = ['init', 'pending', 'processing', 'completed', 'failed'] as const
export type PhotoStatus = (typeof PHOTO_STATUSES)[number]
