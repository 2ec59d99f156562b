/** One document of the repository that becomes a page. Paths are from the root of the repository, and of the site. */
export interface Source {
  readonly file: string
  readonly path: string
  /** The name in the navigation. Default: the document's heading. */
  readonly label?: string
}

/** Documents that stand together in the navigation. */
export interface Group {
  readonly title: string
  readonly sources: ReadonlyArray<Source>
}

const guide = (name: string): Source => ({ file: `docs/guides/${name}.md`, path: `guides/${name}.html` })
const page = (name: string): Source => ({ file: `docs/${name}.md`, path: `${name}.html` })

/** The packages, lowest first. */
export const packages = ["schema", "mailbox", "core", "store-sql", "transport-http"]

/** Everything but the API reference, in reading order. */
export const contents: ReadonlyArray<Group> = [
  { title: "", sources: [{ file: "README.md", path: "index.html", label: "What this is" }] },
  {
    title: "Guides",
    sources: [
      guide("first-runtime"),
      guide("priorities"),
      guide("failures-and-retries"),
      guide("durability"),
      guide("http"),
      guide("testing"),
      guide("from-a-queue"),
      guide("deployment")
    ]
  },
  {
    title: "How it works",
    sources: [page("architecture"), page("from-send-to-subscriber"), page("failures"), page("layering")]
  },
  {
    title: "Packages",
    sources: [
      ...packages.map((name) => ({ file: `packages/${name}/README.md`, path: `packages/${name}.html`, label: name })),
      { file: "apps/docs-assistant/README.md", path: "docs-assistant.html", label: "docs-assistant (sample)" }
    ]
  },
  {
    title: "Project",
    sources: [
      { file: "CONTRIBUTING.md", path: "contributing.html" },
      { file: "SECURITY.md", path: "security.html" },
      { file: "tooling/bench/README.md", path: "benchmarks.html", label: "Benchmarks" },
      { file: "docs/performance/README.md", path: "missed-targets.html" }
    ]
  }
]
