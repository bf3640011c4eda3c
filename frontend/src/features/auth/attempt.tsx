import { useState } from "react";
import { useTranslation } from "react-i18next";
import { asProblem, type Problem } from "@/api/problem";
import { formatCountdown } from "@/lib/format";
import { useSecondsUntil } from "@/lib/hooks";
import { ProblemNotice } from "@/ui/ProblemNotice";

export interface Attempt {
  problem: Problem | null;
  pending: boolean;
  /** Seconds until another attempt is allowed. */
  wait: number;
  run: (work: () => Promise<void>) => Promise<void>;
}

/** One try at a password or a code: it is pending, refused, or refused for a while. */
export function useAttempt(): Attempt {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [pending, setPending] = useState(false);
  const [until, setUntil] = useState(0);
  const wait = useSecondsUntil(until);
  const run = async (work: () => Promise<void>) => {
    setPending(true);
    setProblem(null);
    try {
      await work();
      setPending(false);
    } catch (error) {
      const found = asProblem(error);
      setProblem(found);
      setUntil(found.retryAfter === null ? 0 : Date.now() + found.retryAfter * 1000);
      setPending(false);
    }
  };
  return { problem, pending, wait, run };
}

/** Why the last attempt failed. `wrong` is what a 401 means here; `fields` are those that show their errors themselves. */
export function AttemptNotice({ attempt, wrong, fields = [] }: { attempt: Attempt; wrong: string; fields?: readonly string[] }) {
  const { t } = useTranslation();
  const { problem, wait } = attempt;
  if (problem === null) return null;
  // The time is over: what was said of it no longer holds.
  if (problem.retryAfter !== null && wait === 0) return null;
  if (problem.fields.length > 0 && problem.fields.every(({ field }) => fields.includes(field))) return null;
  if (problem.status !== 401 && problem.status !== 429) return <ProblemNotice problem={problem} className="mb-4" />;
  return (
    <p role="alert" data-testid="sign-in-error" className="mb-4 rounded-md border border-danger/40 bg-danger-soft p-2 text-ink">
      {problem.status === 401 ? wrong : `${t("problems.rate_limited")}.`}
      {wait > 0 && (
        // Read aloud once, not every second.
        <span aria-live="off" className="tabular-nums">
          {" "}
          {t("signIn.wait", { time: formatCountdown(wait) })}.
        </span>
      )}
    </p>
  );
}
