import chromium from "@sparticuz/chromium"
import { build } from "esbuild"
import { join } from "node:path"
import { chromium as playwright } from "playwright-core"
import type { Project } from "./Project.ts"

/** What a page has written to its console, and the errors that it ended with. */
export interface Visit {
  readonly printed: ReadonlyArray<string>
  readonly errors: ReadonlyArray<string>
}

/** Bundles a file of a project and runs it in Chromium until it has printed `lines` lines. */
export const visit = async (project: Project, file: string, lines: number): Promise<Visit> => {
  const { outputFiles } = await build({
    absWorkingDir: project.folder,
    entryPoints: [join(project.folder, file)],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2023"
  })
  const browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: [
      ...chromium.args,
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run"
    ]
  })
  try {
    const page = await browser.newPage()
    const printed: Array<string> = []
    const errors: Array<string> = []
    page.on("pageerror", (error) => errors.push(String(error)))
    const enough = new Promise<void>((resolve) => {
      page.on("console", (message) => {
        if (message.type() === "error") errors.push(message.text())
        else if (printed.push(message.text()) >= lines) resolve()
      })
    })
    await page.addScriptTag({ type: "module", content: outputFiles[0]?.text ?? "" })
    await Promise.race([enough, page.waitForTimeout(lines === 0 ? 1_000 : 10_000)])
    return { printed, errors }
  } finally {
    await browser.close()
  }
}
