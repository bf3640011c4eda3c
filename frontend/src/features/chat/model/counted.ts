/** What was asked of a table's rows: `sum of Hours · Line = 3 · by Machine`. */
export function countedOf(value: unknown): string | null {
  const asked = value as { aggregates?: unknown; where?: unknown; group_by?: unknown } | null | undefined;
  const list = (items: unknown) => (Array.isArray(items) ? (items as unknown[]) : []);
  const figures = list(asked?.aggregates).map((item) => {
    const { fn, column } = item as { fn?: string; column?: string };
    return column === undefined ? fn : `${fn ?? ""}: ${column}`;
  });
  const conditions = list(asked?.where).map((item) => {
    const { column, op, value: wanted } = item as { column?: string; op?: string; value?: string };
    return [column, op, wanted].join(" ");
  });
  const parts = [...figures, ...conditions, ...list(asked?.group_by)];
  return parts.length === 0 ? null : parts.join(" · ");
}
