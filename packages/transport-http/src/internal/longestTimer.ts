/** The longest that a timer of Node runs, in milliseconds. */
export const longestTimer = 2 ** 31 - 1
