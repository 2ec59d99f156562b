/**
 * A real browser with one page, as a person has it.
 */
import chromium from "@sparticuz/chromium"
import axe from "axe-core"
import { join } from "node:path"
import { type Locator, type Page, chromium as playwright } from "playwright-core"

export interface Visitor {
  readonly page: Page
  /** A page that knows nothing of the first. */
  readonly anew: () => Promise<Page>
  /** What the page has written to its console as errors, and the errors it has thrown. */
  readonly errors: ReadonlyArray<string>
  /** Takes pictures of what is seen: on a desktop and on a phone, in light and in dark. */
  readonly look: (step: string) => Promise<void>
  readonly close: () => Promise<void>
}

const desktop = { width: 1280, height: 800 }
const phone = { width: 390, height: 844 }

/** Everything may take long on a machine that does other things too. */
export const patience = 60_000

const folder = join(import.meta.dirname, "../screenshots")

export const visit = async (): Promise<Visitor> => {
  const browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: [
      ...chromium.args,
      "--no-sandbox",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run"
    ]
  })
  const anew = async () => {
    const page = await browser.newPage({
      viewport: desktop,
      colorScheme: "light",
      reducedMotion: "reduce"
    })
    page.setDefaultTimeout(patience)
    return page
  }
  const page = await anew()
  const errors: Array<string> = []
  page.on("pageerror", (error) => errors.push(String(error)))
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") errors.push(message.text())
  })
  page.on("dialog", (dialog) => void dialog.accept())
  return {
    page,
    anew,
    errors,
    look: async (step) => {
      for (const [device, viewport] of Object.entries({ desktop, phone })) {
        await page.setViewportSize(viewport)
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme })
          await page.screenshot({ path: join(folder, `${step}-${device}-${colorScheme}.png`) })
        }
      }
      await page.setViewportSize(desktop)
      await page.emulateMedia({ colorScheme: "light" })
    },
    close: () => browser.close()
  }
}

/** What `axe` finds that keeps people out, each with the places where. */
export const findBarriers = async (page: Page): Promise<ReadonlyArray<string>> => {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<axe.AxeResults>("axe.run()")
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ help, id, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`)
}

/** Waits until an element says something. */
export const seen = (locator: Locator, text: string | RegExp): Promise<void> =>
  locator.filter({ hasText: text }).first().waitFor()
