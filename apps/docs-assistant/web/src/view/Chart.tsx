import { useEffect, useRef } from "preact/hooks"
import type uPlot from "uplot"

export interface Series {
  readonly label: string
  /** The name of a CSS variable. */
  readonly color: string
}

interface Props {
  readonly title: string
  readonly unit: string
  readonly series: ReadonlyArray<Series>
  readonly times: ReadonlyArray<number>
  /** One list of values for each series. */
  readonly values: ReadonlyArray<ReadonlyArray<number | null>>
}

const height = 140

/** On a machine without a locale Chromium's language is none, and `uPlot` would not load. */
const nameLanguage = (): void => {
  try {
    Intl.getCanonicalLocales(navigator.language)
  } catch {
    Object.defineProperty(navigator, "language", { value: "en" })
  }
}

/** Loaded with the first chart: a conversation needs none. */
const load = async () => {
  nameLanguage()
  const [module] = await Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")])
  return module.default
}

const options = (element: HTMLElement, series: ReadonlyArray<Series>): uPlot.Options => {
  const style = getComputedStyle(element)
  const color = (name: string) => style.getPropertyValue(name).trim()
  const axis = { stroke: color("--quiet-ink"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } }
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: (_, min) => [Math.min(min, -60), 0] },
      y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] }
    },
    axes: [
      { ...axis, size: 24, incrs: [10, 20, 60, 120], values: (_, splits) => splits.map(ago) },
      { ...axis, size: 44 }
    ],
    series: [
      {},
      ...series.map(({ color: name, label }) => ({
        label,
        stroke: color(name),
        width: 2,
        spanGaps: true,
        points: { size: 4 }
      }))
    ]
  }
}

const ago = (at: number): string => (at > -1 ? "now" : at % 60 === 0 ? `−${-at / 60} min` : `−${-at} s`)

const latest = (values: ReadonlyArray<number | null>): string => {
  const value = values.findLast((value) => value !== null)
  return value === undefined || value === null ? "–" : value.toFixed(value < 10 && value % 1 !== 0 ? 1 : 0)
}

export const Chart = ({ series, times, title, unit, values }: Props) => {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const now = times.at(-1) ?? 0
  const data = [times.map((at) => at - now), ...values] as uPlot.AlignedData
  const current = useRef(data)
  current.current = data

  useEffect(() => {
    const element = box.current
    if (element === null) return
    let isGone = false
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }))
    void load().then((Plot) => {
      if (isGone) return
      plot.current = new Plot(options(element, series), current.current, element)
      observer.observe(element)
    })
    return () => {
      isGone = true
      observer.disconnect()
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [])

  useEffect(() => plot.current?.setData(data), [times])

  return (
    <figure>
      <div ref={box} class="plot" role="img" aria-label={`${title} over the last minutes`} />
      <figcaption>
        {series.map(({ color, label }, index) => (
          <span key={label} class="legend">
            <i class={`swatch ${color.slice(2)}`} /> {label} <strong>{latest(values[index] ?? [])}</strong> {unit}
          </span>
        ))}
      </figcaption>
    </figure>
  )
}
