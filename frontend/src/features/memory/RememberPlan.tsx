import { BookmarkCheck, BookmarkPlus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { useRemember } from "./queries";
import "./texts";

/** Keeps the plan of a goal that is finished, for the next one. */
export function RememberPlan({ goalId }: { goalId: string }) {
  const { t } = useTranslation();
  const remember = useRemember();
  const done = remember.isSuccess;
  return (
    <>
      <Button aria-disabled={remember.isPending || done} onClick={() => !remember.isPending && !done && remember.mutate({ goal_id: goalId })}>
        {done ? <BookmarkCheck size={14} aria-hidden="true" className="text-accent" /> : <BookmarkPlus size={14} aria-hidden="true" />}
        <span aria-live="polite">{t(done ? "memory.remembered" : "memory.rememberPlan")}</span>
      </Button>
      {remember.error !== null && <ProblemNotice problem={asProblem(remember.error)} className="w-full" />}
    </>
  );
}
