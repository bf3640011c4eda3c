import type { ReactNode } from "react";

/** A line of a list of facts: its name and what is so. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="whitespace-nowrap text-ink-3">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}
