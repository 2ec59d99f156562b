import { token, useToken } from "../Api.ts"

export const TokenForm = () => (
  <form
    class="card narrow"
    onSubmit={(event) => {
      event.preventDefault()
      const given = new FormData(event.currentTarget).get("token")
      if (typeof given === "string" && given !== "") useToken(given)
    }}
  >
    <h1>This server wants a token</h1>
    {token !== undefined && (
      <p role="alert" class="bad">
        The token was not accepted.
      </p>
    )}
    <label>
      Token
      <input name="token" type="password" autocomplete="off" required />
    </label>
    <button type="submit" class="primary">
      Go on
    </button>
  </form>
)
