import { fileURLToPath } from "node:url"
import { defineConfig } from "vite"

// The server in a handful of files: finding and reading its modules one by one took most of the start.
export default defineConfig({
  root: import.meta.dirname,
  publicDir: false,
  ssr: { noExternal: true },
  build: {
    ssr: true,
    target: "node22",
    emptyOutDir: true,
    rolldownOptions: {
      input: {
        main: "src/main.ts",
        // The thread of the database is started by its file, which is beside whatever starts it.
        SqliteWorker: fileURLToPath(
          new URL("internal/SqliteWorker.js", import.meta.resolve("@agent-runtime/store-sql"))
        )
      },
      output: { entryFileNames: "[name].js", chunkFileNames: "[name].js" }
    }
  }
})
