/** A documentation comment, taken apart. */
export interface Comment {
  /** Markdown. */
  readonly description: string
  /** Markdown. */
  readonly examples: ReadonlyArray<string>
  readonly category: string | undefined
  readonly since: string | undefined
}

const toMarkdown = (comment: string): string =>
  comment
    .replace(/^\/\*\*/, "")
    .replace(/\*\/$/, "")
    .replace(/^[ \t]*\* ?/gm, "")
    .trim()

// A tag begins a line, or follows on the same line in a comment of one line.
const tag = /(?:^|[ \t])@(category|since|example|see|deprecated)\b[ \t]*/gm

/** Takes comments on one name apart as if they were one. */
export const parseComment = (comments: ReadonlyArray<string>): Comment => {
  const descriptions: Array<string> = []
  const examples: Array<string> = []
  let category: string | undefined
  let since: string | undefined
  for (const comment of comments) {
    // With one group in the pattern, tags and what follows them alternate after the description.
    const [description = "", ...tags] = toMarkdown(comment).split(tag)
    descriptions.push(description.trim())
    for (let i = 0; i < tags.length; i += 2) {
      const value = tags[i + 1]!.trim()
      if (tags[i] === "category") category ??= value
      else if (tags[i] === "since") since ??= value
      else if (tags[i] === "example") examples.push(value)
    }
  }
  const description = descriptions
    .filter((each) => each !== "")
    .join("\n\n")
    .replaceAll(/\{@link ([^}]+)\}/g, "`$1`")
  return { description, examples, category, since }
}
