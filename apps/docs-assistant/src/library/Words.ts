/**
 * What counts as a word when documents about software are searched: names are taken apart at their capitals, endings are
 * cut so that "bounded" finds "bound", and words that every text has are left out.
 */

const stopWords = new Set(
  (
    "a about all also an and any are as at be been but by can could did do does doing done else for from get gets give " +
    "had has have how i if in into is isn it its just let like make makes many may me might more most much must my need " +
    "needs no not of on one only or other our should show so some such tell than that the their them then there these " +
    "they this to too use used using uses want was way we were what when where which while who why will with without " +
    "would you your"
  ).split(" ")
)

/**
 * The stem of a lower-case English word: plural, past, progressive and "-ion" endings are cut.
 */
const stem = (word: string): string => {
  if (word.length < 4) return word
  let w = word
  if (w.endsWith("ies") || w.endsWith("ied")) return w.slice(0, -3) + "y"
  if (w.endsWith("sses")) w = w.slice(0, -2)
  else if (w.endsWith("s") && !/[sui]s$/.test(w)) w = w.slice(0, -1)
  if (w.endsWith("ing") && w.length >= 6) w = w.slice(0, -3)
  else if (w.endsWith("ed") && w.length >= 5) w = w.slice(0, -2)
  else if (/[st]ion$/.test(w) && w.length >= 8) w = w.slice(0, -3)
  if (w.length >= 4 && w.endsWith("e")) w = w.slice(0, -1)
  return w.length >= 4 && /([bdgmnprt])\1$/.test(w) ? w.slice(0, -1) : w
}

const humps = /\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}]+|\p{N}+|\p{L}+/gu

const expand = (token: string): Array<string> => {
  const whole = token.toLowerCase()
  const parts = token.match(humps) ?? []
  if (parts.length < 2) return stopWords.has(whole) || whole.length < 2 ? [] : [stem(whole)]
  const words = new Set([stem(whole)])
  for (const part of parts) {
    const word = part.toLowerCase()
    if (word.length > 1 && !stopWords.has(word)) words.add(stem(word))
  }
  return [...words]
}

const known = new Map<string, Array<string>>()

/**
 * The words of one token: none for a stop word, several for a `camelCase` name (itself and its parts).
 */
const ofToken = (token: string): Array<string> => {
  const found = known.get(token)
  if (found !== undefined) return found
  const words = expand(token)
  // Bounded, so that a folder of random text cannot fill the memory.
  if (known.size >= 50_000) known.clear()
  known.set(token, words)
  return words
}

/**
 * The words of a text, in order, as often as they stand in it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ofText = (text: string): Array<string> => {
  const words: Array<string> = []
  for (const token of text.match(/[\p{L}\p{N}]+/gu) ?? []) {
    // Endless runs of letters and digits are keys and hashes: nobody asks for them.
    if (token.length <= 64) words.push(...ofToken(token))
  }
  return words
}
