import { describe, expect, it } from "vitest"
import { makeResponseCounter } from "../src/http/Client.ts"

const statuses = (chunks: ReadonlyArray<string>): ReadonlyArray<number> => {
  const seen: Array<number> = []
  const feed = makeResponseCounter((status) => seen.push(status))
  for (const chunk of chunks) feed(Buffer.from(chunk))
  return seen
}

const sized = 'HTTP/1.1 202 Accepted\r\nContent-Length: 11\r\n\r\n{"ok":true}'
const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"

describe("the client of the HTTP cases", () => {
  it("counts each response once, by its length or its last chunk, however the bytes are cut", () => {
    const both = sized + chunked + sized
    expect(statuses([both])).toStrictEqual([202, 200, 202])
    expect(statuses([...both])).toStrictEqual([202, 200, 202])
  })

  it("does not count a response before it is whole", () => {
    expect(statuses([sized.slice(0, -1)])).toStrictEqual([])
    expect(statuses([chunked.slice(0, -1)])).toStrictEqual([])
  })
})
