import type { ActivityId } from "@agent-runtime/schema"
import type { WorkflowContext } from "../Workflow.ts"

/**
 * The ids of activities whose senders gave none: a serial number behind a prefix that no other process has. They are
 * spelled out only when somebody reads them.
 */
export class Ids {
  private readonly prefix: string
  private last = 0

  constructor(nonce: string) {
    this.prefix = `${nonce}-`
  }

  next(): number {
    return ++this.last
  }

  format(serial: number): ActivityId.ActivityId {
    return (this.prefix + serial.toString(36)) as ActivityId.ActivityId
  }

  /** The serial number of an id that was made here, else 0. */
  parse(id: string): number {
    if (!id.startsWith(this.prefix)) return 0
    const serial = Number.parseInt(id.slice(this.prefix.length), 36)
    return this.format(serial) === id ? serial : 0
  }
}

/** The longest id of an activity. */
const longest = 128

/**
 * The id of the nth activity that another one sends, the same whenever that runs again. An activity's id is its own within its
 * runtime and epoch only. An id that would be too long is folded, not cut: along a chain of sends, such as a workflow that
 * schedules itself, no id may ever come back.
 */
export const derived = (
  { activityId, epoch, runtimeId }: Pick<WorkflowContext, "activityId" | "epoch" | "runtimeId">,
  index: number
): ActivityId.ActivityId => {
  const id = `${runtimeId}:${epoch}:${activityId}`
  const whole = `${id}:${index}`
  return (whole.length <= longest ? whole : `${folded(id)}:${index}`) as ActivityId.ActivityId
}

/** 128 bits that depend on every character (cyrb128). */
const folded = (text: string): string => {
  let [a, b, c, d] = [1779033703, 3144134277, 1013904242, 2773480762]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = b ^ Math.imul(a ^ code, 597399067)
    b = c ^ Math.imul(b ^ code, 2869860233)
    c = d ^ Math.imul(c ^ code, 951274213)
    d = a ^ Math.imul(d ^ code, 2716044179)
  }
  return [a, b, c, d].map((part) => (part >>> 0).toString(36)).join(".")
}
