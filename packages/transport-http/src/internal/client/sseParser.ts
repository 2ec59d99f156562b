/** One event of a stream. An id without an event tells how far a reader has come; data without one is a comment. */
export interface Frame {
  readonly id: string | undefined
  readonly event: string | undefined
  readonly data: string | undefined
}

/** Reads the text of an event stream, however it is cut to pieces. */
export class SseParser {
  private rest = ""
  private id: string | undefined = undefined
  private event: string | undefined = undefined
  private data: string | undefined = undefined

  feed(text: string): Array<Frame> {
    const frames: Array<Frame> = []
    const lines = (this.rest + text).split("\n")
    this.rest = lines.pop() ?? ""
    for (const raw of lines) {
      const line = raw.replace(/\r$/, "")
      if (line === "") {
        if (this.id !== undefined || this.data !== undefined) {
          frames.push({ id: this.id, event: this.event, data: this.data })
        }
        this.id = this.event = this.data = undefined
        continue
      }
      const colon = `${line}:`.indexOf(":")
      const field = line.slice(0, colon)
      const value = line.slice(colon + 1).replace(/^ /, "")
      if (field === "id") this.id = value
      else if (field === "event") this.event = value
      else if (field === "data" || field === "") this.data = this.data === undefined ? value : `${this.data}\n${value}`
    }
    return frames
  }
}
