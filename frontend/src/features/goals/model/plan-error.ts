/** Where the server says that a plan is wrong, and what. */
export interface PlanError {
  /** From 1; null where no line is meant. */
  line: number | null;
  message: string;
}

const LINE = /^line (\d+): /;
const STEP = /^step `([^`]+)`: /;

/** Takes the server's word on a plan apart: it names a line, or a step, whose line is looked for. */
export function planError(said: string, text: string): PlanError {
  const line = LINE.exec(said);
  if (line !== null) return { line: Number(line[1]), message: said.slice(line[0].length) };
  const step = STEP.exec(said);
  return { line: step === null ? null : lineOfStep(step[1] ?? "", text), message: said };
}

/** The line that names a step; null where it has its name from its place alone. */
function lineOfStep(name: string, text: string): number | null {
  const at = text.split("\n").findIndex((line) => /^[\s-]*["']?name["']?\s*:\s*["']?([^"'\s#]*)/.exec(line)?.[1] === name);
  return at === -1 ? null : at + 1;
}
