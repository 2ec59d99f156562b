import { type Sample, samplesOf, version } from "../Samples.ts"
import { theme } from "../Theme.ts"
import { Chart, type Series } from "./Chart.tsx"

interface Panel {
  readonly title: string
  readonly unit: string
  readonly series: ReadonlyArray<Series & { readonly of: (sample: Sample) => number | null }>
}

const panels: ReadonlyArray<Panel> = [
  {
    title: "Throughput",
    unit: "/s",
    series: [
      { label: "processed", color: "--good", of: (sample) => sample.processed },
      { label: "failed", color: "--bad", of: (sample) => sample.failed }
    ]
  },
  {
    title: "Latency",
    unit: "ms",
    series: [
      { label: "waiting", color: "--background", of: (sample) => sample.wait },
      { label: "running", color: "--accent", of: (sample) => sample.run }
    ]
  },
  {
    title: "Depth",
    unit: "",
    series: [
      { label: "urgent", color: "--urgent", of: (sample) => sample.depth.urgent },
      { label: "standard", color: "--standard", of: (sample) => sample.depth.standard },
      { label: "background", color: "--background", of: (sample) => sample.depth.background }
    ]
  }
]

/** How the runtime has fared while the page was open. */
export const Charts = ({ id }: { readonly id: string }) => {
  const samples = version.value >= 0 ? samplesOf(id) : []
  return (
    <>
      {panels.map(({ series, title, unit }) => (
        <section class="card" key={title} data-testid={`chart-${title.toLowerCase()}`}>
          <h2>
            {title} <span class="unit">{unit}</span>
          </h2>
          <Chart
            // The colours are drawn: another theme is another chart.
            key={theme.value}
            title={title}
            unit={unit}
            series={series}
            times={samples.map((sample) => sample.at)}
            values={series.map(({ of }) => samples.map(of))}
          />
        </section>
      ))}
    </>
  )
}
