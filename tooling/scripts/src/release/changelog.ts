// How `changeset version` words a changelog: for the person who upgrades, so without commits and authors.

interface Changeset {
  readonly summary: string
}

interface Release {
  readonly name: string
  readonly newVersion: string
}

const getReleaseLine = ({ summary }: Changeset) => {
  const [first, ...others] = summary.trim().split("\n")
  return [`- ${first}`, ...others.map((line) => (line.trim() === "" ? "" : `  ${line}`))].join("\n")
}

const getDependencyReleaseLine = (_: ReadonlyArray<Changeset>, updated: ReadonlyArray<Release>) =>
  updated.map(({ name, newVersion }) => `- Comes with \`${name}\` ${newVersion}.`).join("\n")

export default { getReleaseLine, getDependencyReleaseLine }
