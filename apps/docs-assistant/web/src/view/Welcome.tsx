import { startConversation } from "./RuntimeList.tsx"

export const Welcome = () => (
  <div class="welcome">
    <h1>Ask about your documents</h1>
    <p>
      Each conversation and each folder is an agent runtime of its own: choose one to talk to it, or to watch how it
      works.
    </p>
    <button type="button" class="primary" onClick={() => void startConversation()}>
      Start a conversation
    </button>
    <p>
      The API behind this page: <a href="/docs">/docs</a>. Metrics: <a href="/metrics">/metrics</a>.
    </p>
  </div>
)
