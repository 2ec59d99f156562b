import { useToken } from "../Api.ts"

export const TokenForm = () => (
  <form
    class="card narrow"
    onSubmit={(event) => {
      event.preventDefault()
      const token = new FormData(event.currentTarget).get("token")
      if (typeof token === "string" && token !== "") useToken(token)
    }}
  >
    <h1>This server wants a token</h1>
    <label>
      Token
      <input name="token" type="password" autocomplete="off" required />
    </label>
    <button type="submit" class="primary">
      Go on
    </button>
  </form>
)
