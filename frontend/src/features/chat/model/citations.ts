import type { Citation } from "@/api/types";

export type TextPart = { kind: "text"; text: string } | { kind: "citation"; number: number };

const MARKER = /\[(\d{1,3})\]/g;

/** Splits a piece of an answer at its `[n]` markers. */
export function splitCitations(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of text.matchAll(MARKER)) {
    if (match.index > from) parts.push({ kind: "text", text: text.slice(from, match.index) });
    parts.push({ kind: "citation", number: Number(match[1]) });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ kind: "text", text: text.slice(from) });
  return parts;
}

/** Holds back a marker that has only half arrived, so that `[1` does not flash up before it becomes a chip. */
export function withoutHalfMarker(text: string): string {
  return text.replace(/\[\d{0,3}$/, "");
}

/** Pairs of citations whose documents give other figures for the same, each once. */
export function disputes(citations: readonly Citation[]): [Citation, Citation][] {
  return citations.flatMap((one) =>
    citations.filter((other) => other.number > one.number && one.disputed_by?.includes(other.number) === true).map((other): [Citation, Citation] => [one, other]),
  );
}

/** The text for the clipboard: markers stay, and the sources they mean follow. */
export function withSources(text: string, citations: readonly Citation[], describe: (citation: Citation) => string): string {
  const used = new Set([...text.matchAll(MARKER)].map((match) => Number(match[1])));
  const lines = citations.filter((citation) => used.has(citation.number)).map((citation) => `[${citation.number}] ${describe(citation)}`);
  return lines.length === 0 ? text : `${text}\n\n${lines.join("\n")}`;
}

/** Names a citation in the address: `<message id>.<number>`. */
export function sourceKey(messageId: string, number: number): string {
  return `${messageId}.${number}`;
}

export function parseSourceKey(key: string): { messageId: string; number: number } | null {
  const dot = key.lastIndexOf(".");
  const number = Number(key.slice(dot + 1));
  return dot > 0 && Number.isInteger(number) ? { messageId: key.slice(0, dot), number } : null;
}
