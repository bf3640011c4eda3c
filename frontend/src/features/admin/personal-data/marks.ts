import type { PiiFinding } from "@/api/policy-types";

export interface Piece {
  text: string;
  finding: PiiFinding | null;
}

/** The text in pieces, marked where something was found. Places are counted in code points; what overlaps an earlier finding is not
 *  marked a second time. */
export function pieces(text: string, findings: readonly PiiFinding[]): Piece[] {
  const points = Array.from(text);
  const out: Piece[] = [];
  let at = 0;
  for (const finding of [...findings].sort((a, b) => a.start - b.start || b.end - a.end)) {
    if (finding.start < at || finding.end <= finding.start) continue;
    if (finding.start > at) out.push({ text: points.slice(at, finding.start).join(""), finding: null });
    out.push({ text: points.slice(finding.start, finding.end).join(""), finding });
    at = finding.end;
  }
  if (at < points.length) out.push({ text: points.slice(at).join(""), finding: null });
  return out;
}
