/** One line of a comparison. `skipped` stands for unchanged lines that are left out. */
export type DiffLine =
  | { kind: "same"; text: string; before: number; after: number }
  | { kind: "removed"; text: string; before: number }
  | { kind: "added"; text: string; after: number }
  | { kind: "skipped"; count: number };

const CONTEXT = 3;
/** Above this many pairs of changed lines the middle is shown as replaced whole, rather than holding the page up. */
const MOST_PAIRS = 4_000_000;

function linesOf(text: string): string[] {
  if (text === "") return [];
  return text.replace(/\n$/, "").split("\n");
}

/** What has to be removed from and added to `before` so that it becomes `after`, line by line. */
export function diffLines(before: string, after: string): DiffLine[] {
  const a = linesOf(before);
  const b = linesOf(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const lines: DiffLine[] = [];
  for (let i = 0; i < start; i += 1) lines.push({ kind: "same", text: a[i] ?? "", before: i + 1, after: i + 1 });
  lines.push(...middle(a.slice(start, a.length - end), b.slice(start, b.length - end), start));
  for (let i = end; i > 0; i -= 1) {
    lines.push({ kind: "same", text: a[a.length - i] ?? "", before: a.length - i + 1, after: b.length - i + 1 });
  }
  return folded(lines);
}

/** The longest common subsequence, walked from its beginning. */
function middle(a: string[], b: string[], offset: number): DiffLine[] {
  const width = b.length + 1;
  const known = a.length * b.length <= MOST_PAIRS;
  const length = new Uint32Array(known ? (a.length + 1) * width : 0);
  const at = (i: number, j: number) => length[i * width + j] ?? 0;
  if (known) {
    for (let i = a.length - 1; i >= 0; i -= 1) {
      for (let j = b.length - 1; j >= 0; j -= 1) {
        length[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
      }
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (known && i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: "same", text: a[i] ?? "", before: offset + i + 1, after: offset + j + 1 });
      i += 1;
      j += 1;
    } else if (i < a.length && (j >= b.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ kind: "removed", text: a[i] ?? "", before: offset + i + 1 });
      i += 1;
    } else {
      lines.push({ kind: "added", text: b[j] ?? "", after: offset + j + 1 });
      j += 1;
    }
  }
  return lines;
}

/** Leaves out what is far from any change. */
function folded(lines: DiffLine[]): DiffLine[] {
  const near = lines.map((_, at) => lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some((line) => line.kind !== "same"));
  const shown: DiffLine[] = [];
  lines.forEach((line, at) => {
    if (near[at] === true) {
      shown.push(line);
      return;
    }
    const last = shown.at(-1);
    if (last?.kind === "skipped") last.count += 1;
    else shown.push({ kind: "skipped", count: 1 });
  });
  return shown;
}

export interface FileDiff {
  name: string;
  lines: DiffLine[];
}

interface TextFile {
  name: string;
  text: string;
}

/** The files that differ, by name. */
export function diffFiles(before: readonly TextFile[], after: readonly TextFile[]): FileDiff[] {
  const names = [...new Set([...before, ...after].map((file) => file.name))].sort();
  const textOf = (files: readonly TextFile[], name: string) => files.find((file) => file.name === name)?.text ?? "";
  return names
    .filter((name) => textOf(before, name) !== textOf(after, name))
    .map((name) => ({ name, lines: diffLines(textOf(before, name), textOf(after, name)) }));
}
