import { type Block, type Inline, parse } from "../Markdown.ts"

/** What opens the passage that is cited by a number, if there is one. */
type Cited = (number: number) => (() => void) | undefined

interface InlinesProps {
  readonly inlines: ReadonlyArray<Inline>
  readonly cited: Cited
}

const Inlines = ({ cited, inlines }: InlinesProps) => (
  <>
    {inlines.map((inline) => {
      switch (inline.type) {
        case "text":
          return inline.text
        case "code":
          return <code>{inline.text}</code>
        case "strong":
          return <strong>{inline.text}</strong>
        case "em":
          return <em>{inline.text}</em>
        case "citation": {
          const open = cited(inline.number)
          return open === undefined ? (
            `[${inline.number}]`
          ) : (
            <button type="button" class="cite" aria-label={`Passage ${inline.number}`} onClick={open}>
              {inline.number}
            </button>
          )
        }
        case "link":
          return (
            <a href={inline.href} target="_blank" rel="noreferrer">
              {inline.text}
            </a>
          )
      }
    })}
  </>
)

interface BlockProps {
  readonly block: Block
  readonly cited: Cited
}

const BlockView = ({ block, cited }: BlockProps) => {
  switch (block.type) {
    case "paragraph":
      return (
        <p>
          <Inlines inlines={block.inlines} cited={cited} />
        </p>
      )
    case "heading":
      return (
        <p class="heading">
          <Inlines inlines={block.inlines} cited={cited} />
        </p>
      )
    case "list": {
      const items = block.items.map((inlines) => (
        <li>
          <Inlines inlines={inlines} cited={cited} />
        </li>
      ))
      return block.isOrdered ? <ol>{items}</ol> : <ul>{items}</ul>
    }
    case "quote":
      return (
        <blockquote>
          <Blocks blocks={block.blocks} cited={cited} />
        </blockquote>
      )
    case "code":
      return (
        <pre tabIndex={0} aria-label="Example">
          <code>{block.text}</code>
        </pre>
      )
    case "table":
      return (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table">
          <table>
            {block.rows.map((cells) => (
              <tr>
                {cells.map((cell) => (
                  <td>
                    <Inlines inlines={cell} cited={cited} />
                  </td>
                ))}
              </tr>
            ))}
          </table>
        </div>
      )
  }
}

interface BlocksProps {
  readonly blocks: ReadonlyArray<Block>
  readonly cited: Cited
}

const Blocks = ({ blocks, cited }: BlocksProps) => (
  <>
    {blocks.map((block) => (
      <BlockView block={block} cited={cited} />
    ))}
  </>
)

interface Props {
  readonly text: string
  readonly cited?: Cited
}

/** Markdown, shown. Headings are only bold: they belong to a document, not to this page. */
export const Markdown = ({ cited = () => undefined, text }: Props) => (
  <div class="markdown">
    <Blocks blocks={parse(text)} cited={cited} />
  </div>
)
