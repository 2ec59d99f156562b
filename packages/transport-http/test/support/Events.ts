/** One block of an event stream, as it went over the wire. */
export interface Block {
  readonly id: string | undefined
  readonly event: string | undefined
  readonly data: Record<string, unknown> | undefined
}

const field = (block: string, name: string): string | undefined =>
  block
    .split("\n")
    .find((line) => line.startsWith(`${name}: `))
    ?.slice(name.length + 2)

/** Reads an event stream with nothing but `fetch`, to see what is on the wire. */
export class EventTap {
  readonly status: number
  readonly headers: Headers
  readonly blocks: Array<Block> = []
  readonly ended: Promise<void>
  private readonly controller: AbortController
  private notify: (() => void) | undefined
  over = false

  private constructor(response: Response, controller: AbortController) {
    this.status = response.status
    this.headers = response.headers
    this.controller = controller
    this.ended = this.read(response).catch(() => undefined)
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventTap> {
    const controller = new AbortController()
    return new EventTap(await fetch(url, { headers, signal: controller.signal }), controller)
  }

  private async read(response: Response): Promise<void> {
    let rest = ""
    const decoder = new TextDecoder()
    try {
      for await (const chunk of response.body ?? []) {
        const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n\n")
        rest = parts.pop() ?? ""
        for (const part of parts) {
          const data = field(part, "data")
          this.blocks.push({
            id: field(part, "id"),
            event: field(part, "event"),
            data: data === undefined ? undefined : JSON.parse(data)
          })
        }
        this.notify?.()
      }
    } finally {
      this.over = true
      this.notify?.()
    }
  }

  /** The blocks once they fit; fails when the stream ends before. */
  async until(fits: (blocks: ReadonlyArray<Block>) => boolean): Promise<ReadonlyArray<Block>> {
    while (!fits(this.blocks)) {
      if (this.over) throw new Error(`The stream ended with ${JSON.stringify(this.blocks)}`)
      await new Promise<void>((resolve) => {
        this.notify = resolve
      })
    }
    return this.blocks
  }

  /** The events that have come once there are so many, signs of life left out. */
  async events(count: number): Promise<ReadonlyArray<Block>> {
    const named = (blocks: ReadonlyArray<Block>) => blocks.filter(({ event }) => event !== undefined)
    return named(await this.until((blocks) => named(blocks).length >= count))
  }

  close(): void {
    this.controller.abort()
  }
}
