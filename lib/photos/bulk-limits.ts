/** So many photos a request for all that fit a filter may take without saying how many they may be. */
export const UNCONFIRMED = 1_000

/** Photos that such a request may take, and up to which they are counted. */
export const MOST = 10_000_000
