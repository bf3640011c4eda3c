/** Lays a plan out in columns: each step stands to the right of all that it needs. Lengths are pixels. */

export interface LayoutStep {
  name: string;
  after: readonly string[];
}

export interface PlacedStep {
  name: string;
  /** Its column, from 0. */
  layer: number;
  x: number;
  y: number;
}

export interface Edge {
  from: string;
  to: string;
  /** An SVG path from the right side of the one to the left side of the other, around all steps between. */
  path: string;
  /** Where it ends: the tip of its arrow, which points right. */
  end: { x: number; y: number };
}

export interface Layout {
  width: number;
  height: number;
  /** In the order in which they were given. */
  steps: PlacedStep[];
  edges: Edge[];
}

export const STEP_WIDTH = 208;
export const STEP_HEIGHT = 80;
const COLUMN_GAP = 48;
const ROW_GAP = 16;
/** The room that an edge takes where it passes a column. */
const LANE = 8;
const SWEEPS = 8;

/** A step, or the place where an edge passes a column between its ends. */
interface Node {
  layer: number;
  height: number;
  /** Of its middle. */
  y: number;
  before: Node[];
  behind: Node[];
}

/** The column of each step: one more than the last of those that it needs. Steps stand after all that they need. */
export function layersOf(steps: readonly LayoutStep[]): Map<string, number> {
  const layers = new Map<string, number>();
  for (const { name, after } of steps) layers.set(name, Math.max(-1, ...after.map((other) => layers.get(other) ?? -1)) + 1);
  return layers;
}

export function layOut(steps: readonly LayoutStep[]): Layout {
  if (steps.length === 0) return { width: 0, height: 0, steps: [], edges: [] };
  const layers = layersOf(steps);
  const columns: Node[][] = Array.from({ length: Math.max(0, ...layers.values()) + 1 }, () => []);
  const add = (layer: number, height: number): Node => {
    const node: Node = { layer, height, y: 0, before: [], behind: [] };
    columns[layer]?.push(node);
    return node;
  };
  const join = (left: Node, right: Node) => {
    left.behind.push(right);
    right.before.push(left);
  };
  const nodes = new Map<string, Node>();
  const ways: { from: string; to: string; nodes: Node[] }[] = [];
  for (const { name, after } of steps) {
    const layer = layers.get(name) ?? 0;
    const way = after.flatMap((from) => {
      const start = nodes.get(from);
      if (start === undefined) return [];
      const passed = [start];
      for (let at = start.layer + 1; at < layer; at += 1) passed.push(add(at, LANE));
      return [{ from, to: name, nodes: passed }];
    });
    const node = add(layer, STEP_HEIGHT);
    nodes.set(name, node);
    for (const { nodes: passed } of way) {
      passed.push(node);
      passed.slice(1).forEach((next, at) => join(passed[at] ?? next, next));
    }
    ways.push(...way);
  }
  settle(columns);
  const all = columns.flat();
  const top = Math.min(...all.map(({ y, height }) => y - height / 2));
  for (const node of all) node.y -= top;
  const xOf = (layer: number) => layer * (STEP_WIDTH + COLUMN_GAP);
  return {
    width: columns.length * (STEP_WIDTH + COLUMN_GAP) - COLUMN_GAP,
    height: Math.max(...all.map(({ y, height }) => y + height / 2)),
    steps: steps.map(({ name }) => {
      const node = nodes.get(name);
      return { name, layer: node?.layer ?? 0, x: xOf(node?.layer ?? 0), y: Math.round((node?.y ?? 0) - STEP_HEIGHT / 2) };
    }),
    edges: ways.map(({ from, to, nodes: passed }) => ({ from, to, ...pathOf(passed, xOf) })),
  };
}

/** Orders each column so that edges cross little, and moves each step near the middle of those that it is joined to. */
function settle(columns: Node[][]): void {
  for (const column of columns) place(column, column.map((_, at) => at * (STEP_HEIGHT + ROW_GAP)));
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forward = sweep % 2 === 0;
    for (const column of forward ? columns : columns.toReversed()) {
      const wanted = new Map(column.map((node) => [node, middleOf(forward ? node.before : node.behind) ?? node.y]));
      const at = (node: Node) => wanted.get(node) ?? 0;
      // Steps without a reason to stand elsewhere keep the order in which they were written.
      column.sort((a, b) => at(a) - at(b));
      place(column, column.map(at));
    }
  }
}

function middleOf(nodes: readonly Node[]): number | null {
  return nodes.length === 0 ? null : nodes.reduce((sum, node) => sum + node.y, 0) / nodes.length;
}

/** Puts a column's nodes as near as they can be to where they would stand, in their order and without overlap: those that would
 *  overlap stand together around the mean of what they want. */
function place(column: readonly Node[], wanted: readonly number[]): void {
  const offsets: number[] = [];
  column.forEach((node, at) => {
    const above = column[at - 1];
    offsets.push(above === undefined ? 0 : (offsets[at - 1] ?? 0) + (above.height + node.height) / 2 + ROW_GAP);
  });
  const groups: { sum: number; count: number }[] = [];
  wanted.forEach((y, at) => {
    let group = { sum: y - (offsets[at] ?? 0), count: 1 };
    for (let last = groups.at(-1); last !== undefined && last.sum / last.count > group.sum / group.count; last = groups.at(-1)) {
      groups.pop();
      group = { sum: last.sum + group.sum, count: last.count + group.count };
    }
    groups.push(group);
  });
  const starts = groups.flatMap(({ sum, count }) => Array.from({ length: count }, () => sum / count));
  column.forEach((node, at) => (node.y = (starts[at] ?? 0) + (offsets[at] ?? 0)));
}

function pathOf(nodes: readonly Node[], xOf: (layer: number) => number): Pick<Edge, "path" | "end"> {
  const [first, ...rest] = nodes;
  let x = xOf(first?.layer ?? 0) + STEP_WIDTH;
  let y = Math.round(first?.y ?? 0);
  let path = `M${x} ${y}`;
  for (const node of rest) {
    const [nextX, nextY] = [xOf(node.layer), Math.round(node.y)];
    path += nextY === y ? `H${nextX}` : `C${x + COLUMN_GAP / 2} ${y} ${nextX - COLUMN_GAP / 2} ${nextY} ${nextX} ${nextY}`;
    [x, y] = [nextX, nextY];
    if (node !== nodes.at(-1)) {
      x += STEP_WIDTH;
      path += `H${x}`;
    }
  }
  return { path, end: { x, y } };
}

export type Direction = "left" | "right" | "up" | "down";

/** The step that an arrow key leads to from another: up and down in its column, left and right to the nearest of the next one. */
export function neighbour(layout: Layout, name: string, direction: Direction): string | null {
  const from = layout.steps.find((step) => step.name === name);
  if (from === undefined) return null;
  const sign = direction === "left" || direction === "up" ? -1 : 1;
  const across = direction === "left" || direction === "right";
  const candidates = layout.steps.filter((step) =>
    across ? step.layer === from.layer + sign : step.layer === from.layer && Math.sign(step.y - from.y) === sign,
  );
  const distance = (step: PlacedStep) => Math.abs(step.y - from.y);
  return candidates.reduce<PlacedStep | null>((best, step) => (best === null || distance(step) < distance(best) ? step : best), null)?.name ?? null;
}
