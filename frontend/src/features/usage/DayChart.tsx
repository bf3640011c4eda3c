import { AxisBottom, AxisLeft } from "@visx/axis";
import { useParentSize } from "@visx/responsive";
import { scaleBand, scaleLinear } from "@visx/scale";
import { Bar, BarStack, Line } from "@visx/shape";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { formatDay } from "@/lib/format";
import { AXIS_TEXT, AxisLabel, labelled } from "@/ui/axis";

export interface Series {
  key: string;
  label: string;
  /** A class that fills. */
  fill: string;
  /** One figure a day. */
  values: readonly number[];
}

interface DayChartProps {
  title: string;
  days: readonly string[];
  series: readonly Series[];
  format: (value: number) => string;
  formatAxis: (value: number) => string;
}

const HEIGHT = 180;
const TOP = 8;
const BOTTOM = 24;
const LEFT = 56;
/** Half of the last label. */
const RIGHT = 18;

/** Bars by day, stacked where there are several series. What it shows also stands in a table beside it. */
export function DayChart({ title, days, series, format, formatAxis }: DayChartProps) {
  const { t } = useTranslation();
  const { parentRef, width } = useParentSize({ debounceTime: 50 });
  const [at, setAt] = useState<number | null>(null);
  const rows = days.map((day, index) => ({ day, ...Object.fromEntries(series.map(({ key, values }) => [key, values[index] ?? 0])) }) as Record<string, number> & { day: never });
  const sums = days.map((_, index) => series.reduce((sum, { values }) => sum + (values[index] ?? 0), 0));
  const x = scaleBand({ domain: [...days], range: [LEFT, Math.max(LEFT, width - RIGHT)], padding: days.length > 60 ? 0.1 : 0.25 });
  const y = scaleLinear({ domain: [0, Math.max(...sums, 1e-6)], range: [HEIGHT - BOTTOM, TOP], nice: 4 });
  const fills = new Map(series.map(({ key, fill }) => [key, fill]));
  const labels = labelled(days, width - LEFT - RIGHT, 64);
  return (
    <figure className="min-w-0">
      <figcaption className="mb-1 flex min-h-6 flex-wrap items-baseline justify-between gap-x-4 text-sm">
        <span className="font-medium">{title}</span>
        <span className="text-ink-2 tabular-nums" aria-hidden="true">
          {at === null
            ? series.length > 1 && <Legend series={series} />
            : `${formatDay(days[at] ?? "", true)}: ${series.map(({ label, values }) => `${format(values[at] ?? 0)}${series.length > 1 ? ` ${label}` : ""}`).join(" · ")}`}
        </span>
      </figcaption>
      <div ref={parentRef} className="w-full" style={{ height: HEIGHT }}>
        {width > 0 && (
          <svg
            width={width}
            height={HEIGHT}
            role="img"
            aria-label={t("usage.chartOf", { title, from: formatDay(days[0] ?? "", true), to: formatDay(days.at(-1) ?? "", true) })}
            onPointerLeave={() => setAt(null)}
            className="block touch-pan-y"
          >
            {y.ticks(4).map((tick) => (
              <Line key={tick} from={{ x: LEFT, y: y(tick) }} to={{ x: width, y: y(tick) }} className="stroke-line" />
            ))}
            {at !== null && <Bar x={x(days[at] ?? "") ?? 0} y={TOP} width={x.bandwidth()} height={HEIGHT - TOP - BOTTOM} className="fill-hover" />}
            <BarStack data={rows} keys={series.map(({ key }) => key)} x={(row) => row.day} xScale={x} yScale={y} color={() => "currentColor"} value={(row, key) => row[key] ?? 0}>
              {(stacks) =>
                stacks.map((stack) =>
                  stack.bars.map((bar) => (
                    <rect key={`${stack.key} ${bar.index}`} x={bar.x} y={bar.y} width={Math.max(bar.width, 1)} height={Math.max(bar.height, 0)} className={fills.get(stack.key)} data-bar={bar.height > 0 ? "" : undefined} />
                  )),
                )
              }
            </BarStack>
            {days.map((day, index) => (
              // The whole column answers to the pointer, also where the bar is low.
              <rect key={day} x={(x(day) ?? 0) - (x.step() - x.bandwidth()) / 2} y={0} width={x.step()} height={HEIGHT} fill="transparent" onPointerMove={() => setAt(index)} onPointerDown={() => setAt(index)} />
            ))}
            <AxisLeft scale={y} left={LEFT} numTicks={4} hideAxisLine hideTicks tickFormat={(value) => formatAxis(Number(value))} tickLabelProps={{ ...AXIS_TEXT, textAnchor: "end", dx: -4, dy: 4, verticalAnchor: "start" }} tickComponent={AxisLabel} />
            <AxisBottom scale={x} top={HEIGHT - BOTTOM} tickValues={labels} hideTicks axisLineClassName="stroke-line-strong" stroke="currentColor" tickFormat={(day) => formatDay(day)} tickLabelProps={{ ...AXIS_TEXT, textAnchor: "middle" }} tickLength={4} tickComponent={AxisLabel} />
          </svg>
        )}
      </div>
    </figure>
  );
}

function Legend({ series }: { series: readonly Series[] }) {
  return (
    <span className="flex gap-3">
      {series.map(({ key, label, fill }) => (
        <span key={key} className="flex items-center gap-1.5">
          <svg className="size-2.5" viewBox="0 0 10 10">
            <rect width="10" height="10" rx="2" className={fill} />
          </svg>
          {label}
        </span>
      ))}
    </span>
  );
}
