import type { FoundPassage } from "./run";

export const THINKINGS = ["red_team", "first_principles", "council"] as const;
export type Thinking = (typeof THINKINGS)[number];

const FAILURES = ["failed", "unreadable", "withheld", "late", "budget"] as const;
export type VoiceFailure = (typeof FAILURES)[number];
const KINDS = ["known", "assumed", "unknown", "agreed", "dissent"] as const;
export type PointKind = (typeof KINDS)[number];

export interface Title {
  en: string;
  de: string;
}

/** A point of a voice, and whether the passages that it names say it. */
export interface Point {
  says: string;
  passages: number[];
  supported: boolean;
  /** What is wrong with what was proposed. */
  wrong: string | null;
  weight: number | null;
  kind: PointKind | null;
}

/** What one voice said in a turn. */
export interface Said {
  who: string;
  title: Title;
  model: string | null;
  points: Point[];
  failed: VoiceFailure | null;
}

/** What attackers found, and how many of them. */
export interface Finding {
  point: Point;
  by: string[];
}

export interface DebateSource extends FoundPassage {
  number: number;
}

/** A turn in which voices think a question through. */
export interface Debate {
  thinking: Thinking;
  turn: number;
  of: number;
  asked: { who: string; title: Title }[];
  said: Said[];
  findings: Finding[];
  sources: DebateSource[];
}

type Fields = Record<string, unknown>;

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function pointOf(value: unknown): Point {
  const point = fields(value);
  return {
    says: typeof point["says"] === "string" ? point["says"] : "",
    passages: list(point["passages"]).filter((number) => typeof number === "number"),
    supported: point["supported"] === true,
    wrong: typeof point["wrong"] === "string" ? point["wrong"] : null,
    weight: typeof point["weight"] === "number" ? point["weight"] : null,
    kind: KINDS.find((kind) => kind === point["kind"]) ?? null,
  };
}

function titleOf(value: unknown, name: string): Title {
  const { en, de } = fields(value);
  return { en: typeof en === "string" ? en : name, de: typeof de === "string" ? de : name };
}

function saidOf(value: unknown): Said {
  const said = fields(value);
  const who = String(said["who"]);
  return {
    who,
    title: titleOf(said["title"], who),
    model: typeof said["model"] === "string" && said["model"] !== "" ? said["model"] : null,
    points: list(said["points"]).map(pointOf),
    failed: FAILURES.find((why) => why === said["failed"]) ?? null,
  };
}

/** A turn as its events begin it, or as a stored step has it; null for what is none. */
export function debateOf(value: unknown): Debate | null {
  const turn = fields(value);
  const thinking = THINKINGS.find((known) => known === turn["thinking"]);
  if (thinking === undefined || typeof turn["turn"] !== "number") return null;
  const said = list(turn["said"]).map(saidOf);
  const asked = list(turn["asked"]).map((voice) => {
    const who = String(fields(voice)["who"]);
    return { who, title: titleOf(fields(voice)["title"], who) };
  });
  return {
    thinking,
    turn: turn["turn"],
    of: typeof turn["of"] === "number" ? turn["of"] : turn["turn"],
    asked: asked.length > 0 ? asked : said.map(({ who, title }) => ({ who, title })),
    said,
    findings: findingsOf(turn["findings"]),
    sources: list(turn["sources"]) as DebateSource[],
  };
}

/** How many of those who are asked were heard. */
export function heardOf({ said }: Debate): number {
  return said.filter(({ failed }) => failed === null).length;
}

/** What attackers found, as it travels. */
export function findingsOf(value: unknown): Finding[] {
  return list(value).map((finding) => ({ point: pointOf(fields(finding)["point"]), by: list(fields(finding)["by"]).map(String) }));
}

/** The same with what one more voice said. */
export function heard(debate: Debate, value: unknown): Debate {
  const sources = (list(fields(value)["sources"]) as DebateSource[]).filter(({ number }) => !debate.sources.some((known) => known.number === number));
  return { ...debate, said: [...debate.said, saidOf(value)], sources: [...debate.sources, ...sources] };
}
