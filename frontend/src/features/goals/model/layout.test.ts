import { describe, expect, it } from "vitest";
import { STEP_HEIGHT, STEP_WIDTH, layOut, layersOf, neighbour, type Layout, type LayoutStep } from "./layout";

const step = (name: string, ...after: string[]): LayoutStep => ({ name, after });
const place = (layout: Layout, name: string) => layout.steps.find((candidate) => candidate.name === name) ?? expect.fail(name);

/** Two questions at once, one of them in two steps; a gate over both; a last question beside a long way to the report. */
const PLAN = [step("grease"), step("which"), step("often", "which"), step("sure", "grease", "often"), step("lockout", "sure"), step("report", "lockout", "grease")];

/** Plans of every shape, always the same ones. */
function manyPlans(): LayoutStep[][] {
  let seed = 7;
  const below = (most: number) => {
    seed = (seed * 48271) % 2147483647;
    return seed % most;
  };
  return Array.from({ length: 60 }, () =>
    Array.from({ length: 1 + below(24) }, (_, at) => step(`s${at}`, ...new Set(Array.from({ length: at === 0 ? 0 : below(4) }, () => `s${below(at)}`)))),
  );
}

describe("the layout of a plan", () => {
  it("puts each step one column after the last of those that it needs", () => {
    expect([...layersOf(PLAN)]).toEqual([["grease", 0], ["which", 0], ["often", 1], ["sure", 2], ["lockout", 3], ["report", 4]]);
  });

  it("draws a pipeline as a straight line", () => {
    const layout = layOut([step("a"), step("b", "a"), step("c", "b")]);
    expect(layout.steps.map(({ y }) => y)).toEqual([0, 0, 0]);
    expect(layout.height).toBe(STEP_HEIGHT);
    expect(layout.edges.map(({ path }) => path)).toEqual([`M${STEP_WIDTH} 40H256`, "M464 40H512"]);
  });

  it("puts what brings branches together in the middle of them", () => {
    const layout = layOut([step("a"), step("b"), step("c"), step("all", "a", "b", "c")]);
    expect(place(layout, "all").y).toBe(place(layout, "b").y);
    expect(place(layout, "a").y).toBeLessThan(place(layout, "b").y);
    expect(place(layout, "b").y).toBeLessThan(place(layout, "c").y);
  });

  it("crosses no edges where it need not", () => {
    const layout = layOut([step("a"), step("b"), step("after-b", "b"), step("after-a", "a")]);
    expect(Math.sign(place(layout, "after-a").y - place(layout, "after-b").y)).toBe(Math.sign(place(layout, "a").y - place(layout, "b").y));
  });

  it("lets no two steps overlap, keeps all within its size, and leads each edge forward", () => {
    for (const plan of [PLAN, ...manyPlans()]) {
      const layout = layOut(plan);
      expect(layout.steps.map(({ name }) => name)).toEqual(plan.map(({ name }) => name));
      for (const one of layout.steps) {
        expect(one.y).toBeGreaterThanOrEqual(0);
        expect(one.y + STEP_HEIGHT).toBeLessThanOrEqual(layout.height + 1);
        expect(one.x + STEP_WIDTH).toBeLessThanOrEqual(layout.width);
        const below = layout.steps.filter((other) => other !== one && other.layer === one.layer && other.y >= one.y);
        for (const other of below) expect(other.y - one.y).toBeGreaterThanOrEqual(STEP_HEIGHT);
      }
      for (const { from, to, end } of layout.edges) {
        expect(place(layout, from).layer).toBeLessThan(place(layout, to).layer);
        expect(end).toEqual({ x: place(layout, to).x, y: place(layout, to).y + STEP_HEIGHT / 2 });
      }
      expect(layout.edges).toHaveLength(plan.flatMap(({ after }) => after).length);
    }
  });

  it("leads an edge around the steps that it passes", () => {
    for (const plan of [PLAN, ...manyPlans()]) {
      const layout = layOut(plan);
      for (const { path } of layout.edges) {
        for (const [, x, y, end] of path.matchAll(/(?:^M|C.*? .*? .*? .*? )([\d.]+) ([\d.]+)H([\d.]+)/g)) {
          const crossed = layout.steps.filter((other) => other.x >= Number(x) && other.x + STEP_WIDTH <= Number(end) && other.y < Number(y) && other.y + STEP_HEIGHT > Number(y));
          expect(crossed).toEqual([]);
        }
      }
    }
  });

  it("has room for no steps", () => {
    expect(layOut([])).toEqual({ width: 0, height: 0, steps: [], edges: [] });
  });
});

describe("the arrow keys", () => {
  const layout = layOut(PLAN);

  it("lead along the plan and within a column", () => {
    expect(neighbour(layout, "often", "right")).toBe("sure");
    expect(neighbour(layout, "often", "left")).toBe("which");
    expect(neighbour(layout, "grease", "down")).toBe("which");
    expect(neighbour(layout, "which", "up")).toBe("grease");
  });

  it("lead nowhere at the ends", () => {
    expect(neighbour(layout, "grease", "left")).toBeNull();
    expect(neighbour(layout, "report", "right")).toBeNull();
    expect(neighbour(layout, "grease", "up")).toBeNull();
    expect(neighbour(layout, "unknown", "up")).toBeNull();
  });
});
