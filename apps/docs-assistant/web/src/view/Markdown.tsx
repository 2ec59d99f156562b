import { type Block, type Inline, parse } from "../Markdown.ts"

const Inlines = ({ inlines }: { readonly inlines: ReadonlyArray<Inline> }) => (
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

const BlockView = ({ block }: { readonly block: Block }) => {
  switch (block.type) {
    case "paragraph":
      return (
        <p>
          <Inlines inlines={block.inlines} />
        </p>
      )
    case "heading":
      return (
        <p class="heading">
          <Inlines inlines={block.inlines} />
        </p>
      )
    case "list": {
      const items = block.items.map((inlines) => (
        <li>
          <Inlines inlines={inlines} />
        </li>
      ))
      return block.isOrdered ? <ol>{items}</ol> : <ul>{items}</ul>
    }
    case "quote":
      return (
        <blockquote>
          <Blocks blocks={block.blocks} />
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
                    <Inlines inlines={cell} />
                  </td>
                ))}
              </tr>
            ))}
          </table>
        </div>
      )
  }
}

const Blocks = ({ blocks }: { readonly blocks: ReadonlyArray<Block> }) => (
  <>
    {blocks.map((block) => (
      <BlockView block={block} />
    ))}
  </>
)

/** Markdown, shown. Headings are only bold: they belong to a document, not to this page. */
export const Markdown = ({ text }: { readonly text: string }) => (
  <div class="markdown">
    <Blocks blocks={parse(text)} />
  </div>
)
