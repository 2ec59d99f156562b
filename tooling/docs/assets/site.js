// The search, the theme and the copy buttons. Everything else works without.
import MiniSearch from "./minisearch.js"

const root = new URL("..", import.meta.url)

// Theme: of the system unless chosen.
const themes = ["light dark", "light", "dark"]
const names = { "light dark": "Auto", light: "Light", dark: "Dark" }
const themeButton = document.querySelector("#theme")
const setTheme = (theme) => {
  document.documentElement.style.colorScheme = theme
  themeButton.textContent = names[theme]
  themeButton.setAttribute("aria-label", `Theme: ${names[theme]}`)
}
const chosen = () => (themes.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : themes[0])
setTheme(chosen())
themeButton.hidden = false
themeButton.addEventListener("click", () => {
  const next = themes[(themes.indexOf(chosen()) + 1) % themes.length]
  localStorage.setItem("theme", next)
  setTheme(next)
})

// Search: the index is fetched when it is first needed.
const dialog = document.querySelector("#search")
const input = dialog.querySelector("input")
const list = dialog.querySelector("ul")
let index
const load = async () => {
  const json = await (await fetch(new URL("assets/search.json", root))).text()
  return MiniSearch.loadJSON(json, { fields: ["title", "text"], storeFields: ["title", "page"] })
}
const open = () => {
  index ??= load()
  dialog.showModal()
  input.select()
}
const show = async () => {
  const found = (await index).search(input.value, {
    prefix: true,
    fuzzy: 0.15,
    boost: { title: 4 },
    combineWith: "AND"
  })
  list.replaceChildren(
    ...found.slice(0, 12).map(({ id, page, title }) => {
      const link = document.createElement("a")
      link.href = new URL(id, root)
      const name = document.createElement("strong")
      name.textContent = title
      link.append(name, page === title ? "" : ` ${page}`)
      link.addEventListener("click", () => dialog.close())
      const item = document.createElement("li")
      item.append(link)
      return item
    })
  )
}
input.addEventListener("input", () => void show())
dialog.addEventListener("keydown", (event) => {
  const links = Array.from(list.querySelectorAll("a"))
  const at = links.indexOf(document.activeElement)
  if (event.key === "Enter" && at < 0) links[0]?.click()
  else if (event.key === "ArrowDown") links[Math.min(at + 1, links.length - 1)]?.focus()
  else if (event.key === "ArrowUp") (links[at - 1] ?? input).focus()
  else return
  event.preventDefault()
})
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close()
})
const searchButton = document.querySelector("#search-open")
searchButton.hidden = false
searchButton.addEventListener("click", open)
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.matches("input, textarea")
  if (typing || event.altKey || dialog.open) return
  if (event.key === "/" || (event.key === "k" && (event.metaKey || event.ctrlKey))) {
    event.preventDefault()
    open()
  }
})

for (const code of document.querySelectorAll(".code")) {
  const button = document.createElement("button")
  button.type = "button"
  button.textContent = "Copy"
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.querySelector("pre").textContent)
    button.textContent = "Copied"
    setTimeout(() => (button.textContent = "Copy"), 1500)
  })
  code.append(button)
}
