import { render } from "preact"
import * as Api from "./Api.ts"
import * as Runtimes from "./Runtimes.ts"
import * as Selection from "./Selection.ts"
import "./style.css"
import { App } from "./view/App.tsx"

Api.fork(Runtimes.watch)
Selection.start()

const root = document.getElementById("app")
if (root !== null) render(<App />, root)
