import { Link, useNavigate } from "@tanstack/react-router";
import { ArrowLeft, NotebookPen, PencilLine, type LucideIcon } from "lucide-react";
import { useId, useState, type SubmitEvent } from "react";
import { flushSync } from "react-dom";
import { useTranslation } from "react-i18next";
import { asProblem } from "@/api/problem";
import { ProcedureChoice } from "@/features/memory/ProcedureChoice";
import { cx } from "@/lib/cx";
import { useDocumentTitle } from "@/lib/hooks";
import { Button } from "@/ui/Button";
import { Checkbox, Field } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { MoreOptions } from "./MoreOptions";
import { NO_OPTIONS, optionsOf } from "./model/options";
import { PlanEditor } from "./PlanEditor";
import { NO_MODEL, useCreateGoal, useHasModel, usePlanCheck } from "./queries";
import "./texts";

const MAX_GOAL_CHARS = 16_000;

type Author = "model" | "self";

export function NewGoalPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const hasModel = useHasModel();
  const [goal, setGoal] = useState("");
  const [missing, setMissing] = useState(false);
  const [chosen, setChosen] = useState<Author | null>(null);
  const [plan, setPlan] = useState("");
  const [procedure, setProcedure] = useState("");
  const [review, setReview] = useState<boolean | null>(null);
  const [options, setOptions] = useState(NO_OPTIONS);
  useDocumentTitle(t("goals.new"));
  const create = useCreateGoal((created) => void navigate({ to: "/goals/$goalId", params: { goalId: created.id } }));
  const problem = create.error === null ? null : asProblem(create.error);
  const noModel = hasModel === false;
  const author: Author = noModel ? "self" : (chosen ?? (hasModel === true ? "model" : "self"));
  const own = author === "self";
  // What the server said of the goal holds for the words that it was given.
  const refused = create.variables?.goal === goal.trim() ? problem?.field("goal") : undefined;
  const check = usePlanCheck(own ? plan : "");
  const starter = t("goals.editor.starter");
  const written = plan.trim() !== "" && plan !== procedure && plan !== starter;
  // What a model wrote is looked at before it begins, unless the person says otherwise.
  const reviewed = review ?? !own;
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    // At once, so that the field that is missing is known by it.
    flushSync(() => setMissing(goal.trim() === ""));
    if (showWrong(form)) return;
    create.mutate({ goal: goal.trim(), review: reviewed, ...(own ? { plan } : {}), ...optionsOf(options) });
  };
  return (
    <div className="h-full overflow-y-auto">
      <form noValidate onSubmit={submit} className="mx-auto max-w-6xl px-4 pt-3 pb-10">
        <Link to="/goals" className="control -ml-1 gap-1 rounded-md px-1 text-sm text-ink-2 hover:text-ink">
          <ArrowLeft size={14} aria-hidden="true" />
          {t("goals.back")}
        </Link>
        <h1 className="text-lg font-semibold tracking-tight">{t("goals.new")}</h1>
        <Field label={t("goals.form.goal")} hint={t("goals.form.goalHint")} error={missing && goal.trim() === "" ? t("goals.form.goalMissing") : refused} className="mt-3 max-w-3xl">
          {(control) => (
            <textarea
              {...control}
              value={goal}
              rows={3}
              maxLength={MAX_GOAL_CHARS}
              onChange={(event) => setGoal(event.target.value)}
              className="field-sizing-content block max-h-64 min-h-20 w-full rounded-md border border-line-strong bg-ground p-2 text-md"
            />
          )}
        </Field>
        <ProcedureChoice
          className="mt-4 max-w-3xl"
          replaces={written}
          onChoose={(text) => {
            setPlan(text);
            setProcedure(text);
            setChosen("self");
          }}
        />
        <AuthorChoice value={author} noModel={noModel} onChange={setChosen} />
        {own && (
          <div className="mt-3">
            <PlanEditor value={plan} onChange={setPlan} check={check} example={starter} />
          </div>
        )}
        <div className="mt-3 max-w-3xl">
          <Checkbox label={t("goals.form.review")} text={t("goals.form.reviewText")} checked={reviewed} onChange={setReview} />
          <MoreOptions options={options} onChange={setOptions} />
        </div>
        {problem !== null && (
          <ProblemNotice
            problem={problem}
            {...(problem.code === NO_MODEL ? { title: t("goals.form.noModel") } : {})}
            className="mt-4 max-w-3xl"
          />
        )}
        <div className="mt-4 flex gap-2">
          <Button kind="primary" type="submit" disabled={create.isPending || (own && (check.error !== null || plan.trim() === ""))}>
            {t(create.isPending ? "goals.form.beginning" : "goals.form.begin")}
          </Button>
          <Button kind="quiet" onClick={() => void navigate({ to: "/goals" })}>
            {t("common.cancel")}
          </Button>
        </div>
      </form>
    </div>
  );
}

/** Goes to the first field that is wrong and opens what it is folded away in. Whether there is one. */
function showWrong(form: HTMLFormElement): boolean {
  const field = form.querySelector<HTMLElement>("input:invalid, [aria-invalid=true]");
  if (field === null) return false;
  field.closest("details")?.setAttribute("open", "");
  field.focus();
  // What is no number at all leaves its value empty: only the browser can say so.
  if (field instanceof HTMLInputElement) field.reportValidity();
  return true;
}

function AuthorChoice({ value, noModel, onChange }: { value: Author; noModel: boolean; onChange: (author: Author) => void }) {
  const { t } = useTranslation();
  const name = useId();
  const choice = (author: Author, Icon: LucideIcon, label: string, text: string, disabled: boolean) => (
    <label
      className={cx(
        "grid min-w-0 flex-1 basis-64 grid-cols-[auto_1fr] content-start items-center gap-x-2 rounded-md border p-3",
        author === value ? "border-accent bg-accent-soft" : "border-line-strong",
        disabled ? "cursor-default bg-sunken" : author !== value && "hover:bg-hover",
      )}
    >
      <input
        type="radio"
        name={name}
        value={author}
        checked={author === value}
        disabled={disabled}
        onChange={() => onChange(author)}
        aria-describedby={`${name}${author}`}
        className="size-4 accent-(--accent)"
      />
      <span className="flex min-w-0 items-center gap-1.5 font-medium">
        <Icon size={14} aria-hidden="true" className="shrink-0 text-ink-3" />
        {label}
      </span>
      <span id={`${name}${author}`} className="col-start-2 mt-0.5 text-sm text-ink-2">
        {text}
      </span>
    </label>
  );
  return (
    <fieldset className="mt-4 max-w-3xl">
      <legend className="mb-1 text-sm font-medium">{t("goals.form.planBy")}</legend>
      <div className="flex flex-wrap gap-2" data-testid="plan-author">
        {choice("model", NotebookPen, t("goals.form.byModel"), t(noModel ? "goals.form.byModelNone" : "goals.form.byModelText"), noModel)}
        {choice("self", PencilLine, t("goals.form.bySelf"), t("goals.form.bySelfText"), false)}
      </div>
    </fieldset>
  );
}
