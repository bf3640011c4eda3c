import { useMemo, useRef, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import type { PlanStep, StepStatus } from "@/api/goal-types";
import { cx } from "@/lib/cx";
import { useMediaQuery } from "@/lib/hooks";
import { STEP_HEIGHT, STEP_WIDTH, layOut, layersOf, neighbour, type Direction, type Edge } from "./model/layout";
import { KIND_ICONS, StepState, useJoinText, useStepText } from "./parts";

/** A step of a plan, and where it stands if the plan is being carried out. */
export type DiagramStep = PlanStep & { status?: StepStatus };

interface PlanDiagramProps {
  label: string;
  steps: readonly DiagramStep[];
  selected?: string | undefined;
  /** Without it the diagram is only to be looked at. */
  onSelect?: ((name: string) => void) | undefined;
}

/** A plan as its steps and what each needs: columns from left to right, or a list below each other where there is no room for these. */
export function PlanDiagram(props: PlanDiagramProps) {
  const roomy = useMediaQuery("(min-width: 40rem)");
  return roomy ? <Columns {...props} /> : <List {...props} />;
}

const ARROWS: Record<string, Direction> = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

function Columns({ label, steps, selected, onSelect }: PlanDiagramProps) {
  const layout = useMemo(() => layOut(steps), [steps]);
  const list = useRef<HTMLOListElement>(null);
  const states = new Map(steps.map(({ name, status }) => [name, status]));
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const direction = ARROWS[event.key];
    const from = event.target instanceof HTMLElement ? event.target.dataset["step"] : undefined;
    const to = direction === undefined || from === undefined ? null : neighbour(layout, from, direction);
    if (to === null) return;
    event.preventDefault();
    [...(list.current?.querySelectorAll<HTMLElement>("[data-step]") ?? [])].find((element) => element.dataset["step"] === to)?.focus();
  };
  return (
    // The scrolling region takes the focus where nothing in it does, so that it can be scrolled from the keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div
      role="region"
      aria-label={label}
      tabIndex={onSelect === undefined ? 0 : undefined}
      onKeyDown={onKeyDown}
      className="overflow-auto rounded-lg border border-line bg-sunken p-4"
      data-testid="plan-diagram"
    >
      <div className="relative" style={{ width: layout.width, height: layout.height }}>
        <svg aria-hidden="true" width={layout.width} height={layout.height} className="absolute inset-0 overflow-visible">
          {layout.edges.map((edge) => (
            <Arrow key={`${edge.from} ${edge.to}`} edge={edge} from={states.get(edge.from)} />
          ))}
        </svg>
        <ol ref={list} aria-label={label}>
          {layout.steps.map(({ name, x, y }, at) => {
            const step = steps[at];
            return (
              step !== undefined && (
                <li key={name} className="absolute" style={{ left: x, top: y, width: STEP_WIDTH, height: STEP_HEIGHT }}>
                  <Card step={step} selected={name === selected} onSelect={onSelect} />
                </li>
              )
            );
          })}
        </ol>
      </div>
    </div>
  );
}

const TIP = 7;

function Arrow({ edge: { path, end }, from }: { edge: Edge; from: StepStatus | undefined }) {
  const lost = from === "failed" || from === "skipped" || from === "stopped";
  return (
    <g className={from === "done" ? "text-accent" : "text-line-strong"}>
      <path d={path} fill="none" stroke="currentColor" strokeWidth={from === "done" ? 2 : 1.5} strokeDasharray={lost ? "3 4" : undefined} />
      <path d={`M${end.x} ${end.y}l${-TIP} ${-TIP / 2}v${TIP}z`} fill="currentColor" />
    </g>
  );
}

const INDENT_REM = 0.75;
const MOST_INDENT = 4;

function List({ label, steps, selected, onSelect }: PlanDiagramProps) {
  const layers = useMemo(() => layersOf(steps), [steps]);
  return (
    <ol aria-label={label} className="space-y-2 rounded-lg border border-line bg-sunken p-2" data-testid="plan-diagram">
      {steps.map((step) => (
        <li key={step.name} className="relative" style={{ paddingLeft: `${Math.min(layers.get(step.name) ?? 0, MOST_INDENT) * INDENT_REM}rem` }}>
          <Card step={step} selected={step.name === selected} onSelect={onSelect} inList />
        </li>
      ))}
    </ol>
  );
}

interface CardProps {
  step: DiagramStep;
  selected: boolean;
  onSelect: ((name: string) => void) | undefined;
  inList?: boolean;
}

/** Lines at the left that tell the states apart at a glance; the word stands beside. */
const SIDES: Record<StepStatus, string> = {
  pending: "border-l-line-strong",
  ready: "border-l-ink-2",
  running: "border-l-accent",
  waiting: "border-l-class-confidential",
  done: "border-l-accent",
  failed: "border-l-danger",
  skipped: "border-l-line-strong",
  stopped: "border-l-line-strong",
};

function Card({ step, selected, onSelect, inList = false }: CardProps) {
  const { t } = useTranslation();
  const stepText = useStepText();
  const joinText = useJoinText();
  const { name, kind, status, after, agent } = step;
  const Icon = KIND_ICONS[kind];
  const joined = joinText(step);
  const content = (
    <>
      {joined !== null && !inList && (
        <span className="absolute -top-3.5 left-2 rounded-sm border border-line-strong bg-ground px-1 text-2xs font-medium text-ink-2">{joined}</span>
      )}
      <span className="flex items-center gap-1.5">
        <Icon size={14} aria-hidden="true" className="shrink-0 text-ink-3" />
        <span className="sr-only">{t(`goals.kind.${kind}`)} </span>
        <span className="min-w-0 flex-1 truncate font-mono text-xs font-medium">{name}</span>
        {status !== undefined && <StepState status={status} className="shrink-0 text-xs" />}
      </span>
      <span className={cx("mt-1 line-clamp-2 text-sm leading-[1.125rem]", status === "skipped" || status === "stopped" ? "text-ink-3" : "text-ink-2")}>{stepText(step)}</span>
      {agent !== null && (
        <span className={inList ? "mt-1 block text-xs text-ink-3" : "sr-only"}>
          {t("goals.agent")} <span className="font-mono">{agent}</span>
        </span>
      )}
      {after.length > 0 && (
        <span className={inList ? "mt-1 block text-xs text-ink-3" : "sr-only"}>
          {t("goals.needs")} <span className="font-mono">{after.join(", ")}</span>
          {joined !== null && <span> · {joined}</span>}
        </span>
      )}
    </>
  );
  const look = cx(
    "relative block size-full rounded-md border border-l-4 px-2 py-1.5 text-left",
    status === undefined ? "border-l-line-strong" : SIDES[status],
    selected ? "border-y-accent border-r-accent bg-accent-soft" : "border-y-line-strong border-r-line-strong bg-ground",
  );
  if (onSelect === undefined) return <div className={look}>{content}</div>;
  return (
    <button type="button" aria-pressed={selected} data-step={name} data-status={status} onClick={() => onSelect(name)} className={cx(look, !selected && "hover:bg-hover")}>
      {content}
    </button>
  );
}
