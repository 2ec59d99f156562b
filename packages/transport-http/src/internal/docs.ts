/** The API to read, as one page of HTML without scripts and without network. */
export const renderDocs = (openApi: Record<string, unknown>): string =>
  `<!doctype html><pre>${JSON.stringify(openApi, null, 2).replace(/</g, "&lt;")}</pre>`
