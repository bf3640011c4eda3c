import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import { BUDGET_PERIODS, BUDGET_UNITS, SUBJECT_KINDS, type Budget } from "@/api/gateway-types";
import { asProblem, type Problem } from "@/api/problem";
import { useAmount } from "@/features/budgets/BudgetMeter";
import { amountOf } from "@/lib/money";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { SelectField, TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { BLANK, draftOf, missing, requestOf, type BudgetDraft } from "./draft";
import { BUDGETS_PATH, invalidateBudgets } from "./queries";
import { SubjectPicker } from "./SubjectPicker";

interface BudgetDialogProps {
  /** The budget that is changed; null for another one. */
  budget: Budget | null;
  currency: string;
  onClose: () => void;
}

/** Creates a budget, or gives one another name or limit. Mount it to show it. */
export function BudgetDialog({ budget, currency, onClose }: BudgetDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const form = useId();
  const [draft, setDraft] = useState(() => (budget === null ? BLANK : draftOf(budget)));
  const [tried, setTried] = useState(false);
  const save = useMutation({
    mutationFn: () => {
      const { name, limit, ...rest } = requestOf(draft);
      return budget === null ? sendJson<Budget>("POST", BUDGETS_PATH, { name, limit, ...rest }) : sendJson<Budget>("PATCH", `${BUDGETS_PATH}/${budget.id}`, { name, limit });
    },
    onSuccess: async () => {
      await invalidateBudgets(client);
      onClose();
    },
  });
  const lacks = missing(draft);
  const problem = save.error === null ? null : asProblem(save.error);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    if (!lacks.subject && !lacks.limit) save.mutate();
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t(budget === null ? "budgets.create" : "budgets.editTitle")}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" form={form} disabled={save.isPending}>
            {t(budget === null ? "budgets.create" : "common.save")}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} noValidate={false} className="space-y-4">
        {problem !== null && !isBesideField(problem) && <ProblemNotice problem={problem} />}
        <TextField label={t("budgets.name")} hint={t("budgets.nameHint")} value={draft.name} onChange={(event) => setDraft({ ...draft, name: event.target.value })} required maxLength={120} autoComplete="off" error={problem?.field("name")} />
        {budget === null ? (
          <Whom draft={draft} onDraft={setDraft} error={problem?.field("subject_id") ?? (tried && lacks.subject ? t("budgets.chooseOne") : undefined)} />
        ) : (
          <p className="text-sm text-ink-2">{t("budgets.fixedText")}</p>
        )}
        <Limit draft={draft} onDraft={setDraft} currency={currency} error={problem?.field("limit") ?? (tried && lacks.limit ? t("budgets.limitWrong") : undefined)} />
      </form>
    </Dialog>
  );
}

/** Whether what is wrong stands beside its field. */
function isBesideField(problem: Problem): boolean {
  return problem.fields.length > 0 && problem.fields.every(({ field }) => ["name", "subject_id", "limit"].includes(field));
}

interface PartProps {
  draft: BudgetDraft;
  onDraft: (draft: BudgetDraft) => void;
  error: string | undefined;
}

/** Whom it is for, what it counts and in which time. */
function Whom({ draft, onDraft, error }: PartProps) {
  const { t } = useTranslation();
  const { kind } = draft;
  return (
    <>
      <SelectField label={t("budgets.subject")} value={kind} options={SUBJECT_KINDS.map((value) => ({ value, label: t(`budgets.subjectKinds.${value}`) }))} onChange={(value) => onDraft({ ...draft, kind: value, each: true, subject: "" })} />
      {kind !== "tenant" && (
        <fieldset>
          <legend className="text-sm font-medium">{t("budgets.scope")}</legend>
          {[true, false].map((each) => (
            <label key={String(each)} className="flex min-h-8 items-center gap-2 touch:min-h-11">
              <input type="radio" name="each" checked={draft.each === each} onChange={() => onDraft({ ...draft, each, subject: "" })} className="size-4 accent-(--accent)" />
              <span>
                {t(each ? `budgets.each.${kind}` : `budgets.one.${kind}`)}
                {each && <span className="text-ink-2">, {t("budgets.eachText")}</span>}
              </span>
            </label>
          ))}
          {!draft.each && (
            <div className="mt-1 border-l border-line pl-3">
              <SubjectPicker key={kind} kind={kind} value={draft.subject} onChange={(subject) => onDraft({ ...draft, subject })} error={error} />
            </div>
          )}
        </fieldset>
      )}
      <div className="grid grid-cols-2 gap-4">
        <SelectField label={t("budgets.period")} value={draft.period} options={BUDGET_PERIODS.map((value) => ({ value, label: t(`budgets.periods.${value}`) }))} onChange={(period) => onDraft({ ...draft, period })} />
        <SelectField label={t("budgets.unit")} value={draft.unit} options={BUDGET_UNITS.map((value) => ({ value, label: t(`budgets.units.${value}`) }))} onChange={(unit) => onDraft({ ...draft, unit, limit: "" })} />
      </div>
    </>
  );
}

/** The limit in the currency or in tokens, and the same once more as it will be read. */
function Limit({ draft, onDraft, currency, error }: PartProps & { currency: string }) {
  const { t } = useTranslation();
  const show = useAmount(currency);
  const amount = amountOf(draft.limit, draft.unit);
  const hint = amount === null ? undefined : amount === 0 ? t("budgets.zeroText") : t("budgets.limitIs", { amount: show(amount, draft.unit), period: t(`budgets.perPeriod.${draft.period}`) });
  return (
    <TextField
      type="number"
      inputMode={draft.unit === "money" ? "decimal" : "numeric"}
      min={0}
      step="any"
      label={draft.unit === "money" ? t("budgets.limitMoney", { currency }) : t("budgets.limitTokens")}
      hint={hint}
      value={draft.limit}
      onChange={(event) => onDraft({ ...draft, limit: event.target.value })}
      required
      error={error}
      className="max-w-64"
    />
  );
}
