import { problem, wantsToken } from "../Api.ts"
import { connection } from "../Connection.ts"
import { route } from "../Route.ts"
import * as Theme from "../Theme.ts"
import { PassageDialog } from "./PassageDialog.tsx"
import { RuntimeList } from "./RuntimeList.tsx"
import { RuntimeView } from "./RuntimeView.tsx"
import { TokenForm } from "./TokenForm.tsx"
import { Welcome } from "./Welcome.tsx"

const connectionTexts = { connecting: "Connecting…", live: "Live", reconnecting: "Reconnecting…" }

const Header = () => (
  <header class="top">
    <a class="brand" href="#/">
      <img src="./icon.svg" alt="" width="24" height="24" />
      Docs assistant
    </a>
    <span class={`connection ${connection.value}`} role="status" data-testid="connection">
      {connectionTexts[connection.value]}
    </span>
    <button type="button" class="quiet" onClick={Theme.toggle} data-testid="theme">
      {Theme.theme.value === "dark" ? "Light" : "Dark"}
      <span class="hidden"> theme</span>
    </button>
  </header>
)

const Problem = () => (
  <div role="alert" class="problems">
    {problem.value !== undefined && (
      <p class="problem" data-testid="problem">
        {problem.value}
        <button type="button" class="quiet" onClick={() => (problem.value = undefined)}>
          Dismiss
        </button>
      </p>
    )}
  </div>
)

export const App = () => (
  <>
    <a class="skip" href="#main">
      Skip to content
    </a>
    <Header />
    <Problem />
    {wantsToken.value ? (
      <main id="main" tabIndex={-1}>
        <TokenForm />
      </main>
    ) : (
      <div class={`columns ${route.value.id === undefined ? "at-list" : "at-runtime"}`}>
        <RuntimeList />
        <main id="main" tabIndex={-1}>
          {route.value.id === undefined ? <Welcome /> : <RuntimeView id={route.value.id} />}
        </main>
      </div>
    )}
    <PassageDialog />
  </>
)
