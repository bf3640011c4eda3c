import { AxisBottom, AxisLeft } from "@visx/axis";
import { useParentSize } from "@visx/responsive";
import { scaleLinear, scalePoint } from "@visx/scale";
import { Line, LinePath } from "@visx/shape";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Evaluation } from "@/api/evaluation-types";
import { formatDateTime, formatShort } from "@/lib/format";
import { AXIS_TEXT, AxisLabel, labelled } from "@/ui/axis";
import { formatShare, shareOf, useAgentName, type Measure } from "./parts";

/** Of these a line each; by its dashes too, for whoever does not tell the colours. */
const LINES: readonly { measure: Measure; stroke: string; fill: string; dash?: string }[] = [
  { measure: "right", stroke: "stroke-accent", fill: "fill-accent" },
  { measure: "groundedness", stroke: "stroke-chart-1", fill: "fill-chart-1", dash: "6 3" },
  { measure: "citation_recall", stroke: "stroke-chart-2", fill: "fill-chart-2", dash: "2 3" },
  { measure: "abstention_recall", stroke: "stroke-ink-3", fill: "fill-ink-3", dash: "8 3 2 3" },
];

const HEIGHT = 220;
const TOP = 10;
const BOTTOM = 26;
const LEFT = 48;
const RIGHT = 28;

/** The main measures of evaluations, the oldest on the left. What it shows also stands in a table below. */
export function TrendChart({ evaluations }: { evaluations: readonly Evaluation[] }) {
  const { t } = useTranslation();
  const agentName = useAgentName();
  const { parentRef, width } = useParentSize({ debounceTime: 50 });
  const [at, setAt] = useState<number | null>(null);
  const ids = evaluations.map(({ id }) => id);
  const x = scalePoint({ domain: ids, range: [LEFT, Math.max(LEFT, width - RIGHT)], padding: 0.3 });
  const y = scaleLinear({ domain: [0, 1], range: [HEIGHT - BOTTOM, TOP] });
  const shown = evaluations[at ?? evaluations.length - 1];
  return (
    <figure className="min-w-0">
      <figcaption className="mb-1 text-sm">
        <Legend evaluation={shown} />
        {shown !== undefined && (
          <p className="min-h-5 text-ink-2" aria-hidden="true">
            {formatDateTime(shown.created_at)} · {agentName(shown.agent)} · {shown.models.join(", ")}
          </p>
        )}
      </figcaption>
      <div ref={parentRef} className="w-full" style={{ height: HEIGHT }}>
        {width > 0 && (
          <svg width={width} height={HEIGHT} role="img" aria-label={t("evaluations.chartLabel", { count: evaluations.length })} onPointerLeave={() => setAt(null)} className="block touch-pan-y">
            {y.ticks(4).map((tick) => (
              <Line key={tick} from={{ x: LEFT, y: y(tick) }} to={{ x: width, y: y(tick) }} className="stroke-line" />
            ))}
            {at !== null && <Line from={{ x: x(ids[at] ?? "") ?? 0, y: TOP }} to={{ x: x(ids[at] ?? "") ?? 0, y: HEIGHT - BOTTOM }} className="stroke-line-strong" />}
            {LINES.map(({ measure, stroke, fill, dash }) => {
              const points = evaluations.flatMap((evaluation) => {
                const share = shareOf(evaluation.totals, measure)?.share ?? null;
                return share === null ? [] : [{ id: evaluation.id, share }];
              });
              return (
                <g key={measure} data-line={measure}>
                  <LinePath data={points} x={({ id }) => x(id) ?? 0} y={({ share }) => y(share)} className={stroke} strokeWidth={2} strokeDasharray={dash} fill="none" />
                  {points.map(({ id, share }) => (
                    <circle key={id} cx={x(id) ?? 0} cy={y(share)} r={3} className={fill} />
                  ))}
                </g>
              );
            })}
            {ids.map((id, index) => (
              // The whole column answers to the pointer.
              <rect key={id} x={(x(id) ?? 0) - Math.max(x.step(), 24) / 2} y={0} width={Math.max(x.step(), 24)} height={HEIGHT} fill="transparent" onPointerMove={() => setAt(index)} onPointerDown={() => setAt(index)} />
            ))}
            <AxisLeft scale={y} left={LEFT} numTicks={4} hideAxisLine hideTicks tickFormat={(value) => formatShare(Number(value))} tickLabelProps={{ ...AXIS_TEXT, textAnchor: "end", dx: -4, dy: 4 }} tickComponent={AxisLabel} />
            <AxisBottom
              scale={x}
              top={HEIGHT - BOTTOM}
              tickValues={labelled(ids, width - LEFT - RIGHT, 72)}
              hideTicks
              axisLineClassName="stroke-line-strong"
              stroke="currentColor"
              tickFormat={(id) => formatShort(evaluations.find((evaluation) => evaluation.id === id)?.created_at ?? "")}
              tickLabelProps={{ ...AXIS_TEXT, textAnchor: "middle" }}
              tickLength={4}
              tickComponent={AxisLabel}
            />
          </svg>
        )}
      </div>
    </figure>
  );
}

/** What each line is, with its figure of one evaluation. */
function Legend({ evaluation }: { evaluation: Evaluation | undefined }) {
  const { t } = useTranslation();
  return (
    <p className="flex flex-wrap gap-x-4 gap-y-1">
      {LINES.map(({ measure, stroke, dash }) => (
        <span key={measure} className="flex items-center gap-1.5">
          <svg className="h-2.5 w-6" viewBox="0 0 24 10" aria-hidden="true">
            <line x1="0" y1="5" x2="24" y2="5" className={stroke} strokeWidth={2} strokeDasharray={dash} />
          </svg>
          {t(`evaluations.measures.${measure}`)}
          <span className="text-ink-2 tabular-nums" aria-hidden="true">
            {formatShare(shareOf(evaluation?.totals ?? null, measure)?.share ?? null)}
          </span>
        </span>
      ))}
    </p>
  );
}
