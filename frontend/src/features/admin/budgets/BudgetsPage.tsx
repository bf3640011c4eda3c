import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus, Trash2, Wallet } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import type { Budget } from "@/api/gateway-types";
import { BudgetMeter, LevelStatus, Resets, useSubjectText } from "@/features/budgets/BudgetMeter";
import { ListState } from "@/features/identity/ListState";
import { usePages } from "@/features/identity/lists";
import { useOwnBudgets } from "@/features/usage/queries";
import { moveRowFocus, useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { Button, IconButton } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { EmptyState } from "@/ui/parts";
import { BudgetDialog } from "./BudgetDialog";
import { BUDGETS_KEY, BUDGETS_PATH, invalidateBudgets, useNames } from "./queries";
import "@/features/usage/texts";

/** What may be spent on models, with how much of it is used. */
export function BudgetsPage() {
  const { t } = useTranslation();
  const mayManage = useMay("budgets:manage");
  const list = useRef<HTMLDivElement>(null);
  const query = usePages<Budget>(BUDGETS_PATH, BUDGETS_KEY);
  const currency = useOwnBudgets().data?.currency ?? "";
  const [edited, setEdited] = useState<Budget | "new" | null>(null);
  const [doomed, setDoomed] = useState<Budget | null>(null);
  useDocumentTitle(t("budgets.title"));
  useHotkeys({ j: () => moveRowFocus(list.current, 1), k: () => moveRowFocus(list.current, -1) });
  return (
    <div className="h-full overflow-y-auto">
      <div className="px-4 pt-3 pb-10">
        <header className="mb-4 flex flex-wrap items-start justify-between gap-2">
          <div>
            <h1 className="text-lg font-semibold tracking-tight">{t("budgets.title")}</h1>
            <p className="max-w-[75ch] text-ink-2">{t("budgets.text")}</p>
          </div>
          {mayManage && (
            <Button kind="primary" onClick={() => setEdited("new")}>
              <Plus size={14} aria-hidden="true" />
              {t("budgets.create")}
            </Button>
          )}
        </header>
        <div ref={list} className="@container">
          <ListState query={query} empty={<EmptyState icon={<Wallet size={28} />} title={t("budgets.none")} text={t("budgets.noneText")} />}>
            <BudgetTable budgets={query.items} currency={currency} onEdit={mayManage ? setEdited : null} onDelete={mayManage ? setDoomed : null} />
          </ListState>
        </div>
        <Levels />
      </div>
      {edited !== null && <BudgetDialog budget={edited === "new" ? null : edited} currency={currency} onClose={() => setEdited(null)} />}
      {doomed !== null && <DeleteDialog budget={doomed} onClose={() => setDoomed(null)} />}
    </div>
  );
}

function DeleteDialog({ budget, onClose }: { budget: Budget; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => send(`${BUDGETS_PATH}/${budget.id}`, { method: "DELETE" }),
    onSuccess: async () => {
      await invalidateBudgets(client);
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("budgets.deleteTitle")}
      text={t("budgets.deleteText", { name: budget.name })}
      action={t("common.delete")}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    />
  );
}

interface BudgetTableProps {
  budgets: readonly Budget[];
  currency: string;
  onEdit: ((budget: Budget) => void) | null;
  onDelete: ((budget: Budget) => void) | null;
}

function BudgetTable({ budgets, currency, onEdit, onDelete }: BudgetTableProps) {
  const { t } = useTranslation();
  const names = useNames(budgets, useMay("users:read"));
  return (
    <table className="w-full table-fixed border-separate border-spacing-0">
      <caption className="sr-only">{t("budgets.title")}</caption>
      <thead>
        <tr>
          <th scope="col" className="cell-head pl-0">
            {t("budgets.name")}
          </th>
          <th scope="col" className="cell-head hidden @xl:table-cell @xl:w-[38%]">
            {t("budgets.used")}
          </th>
          <th scope="col" className="cell-head hidden w-28 @2xl:table-cell">
            {t("budgets.state")}
          </th>
          <th scope="col" className="cell-head hidden w-52 @5xl:table-cell">
            {t("budgets.resetsColumn")}
          </th>
          {onEdit !== null && (
            <th scope="col" className="cell-head w-20 pr-0 pl-0 touch:w-24">
              <span className="sr-only">{t("budgets.edit")}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {budgets.map((budget) => (
          <Row key={budget.id} budget={budget} currency={currency} names={names} onEdit={onEdit} onDelete={onDelete} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ budget, currency, names, onEdit, onDelete }: Omit<BudgetTableProps, "budgets"> & { budget: Budget; names: ReadonlyMap<string, string> }) {
  const { t } = useTranslation();
  const subject = useSubjectText();
  const nameOf = (id: string | null) => (id === null ? undefined : names.get(id));
  const most = subject.most(budget, nameOf(budget.current.subject));
  return (
    <tr className="hover:bg-hover" data-testid="budget-row" data-row="" tabIndex={-1}>
      <td className="cell py-2 pl-0 align-top">
        <p className="truncate font-medium" title={budget.name}>
          {budget.name}
        </p>
        <p className="text-sm [overflow-wrap:anywhere] text-ink-2">
          {subject.of(budget, nameOf(budget.subject_id))}, {t(`budgets.perPeriod.${budget.period}`)}
        </p>
        {most !== null && <p className="text-xs [overflow-wrap:anywhere] text-ink-3">{most}</p>}
        <div className="mt-1.5 @xl:hidden">
          <BudgetMeter budget={budget} currency={currency} />
        </div>
        <div className="mt-1 flex flex-wrap gap-x-3 text-sm text-ink-2 @5xl:hidden">
          <span className="@2xl:hidden">
            <LevelStatus level={budget.current.level} />
          </span>
          <Resets at={budget.current.resets_at} />
        </div>
      </td>
      <td className="cell hidden py-2 align-top @xl:table-cell">
        <BudgetMeter budget={budget} currency={currency} className="pt-1.5" />
      </td>
      <td className="cell hidden py-2 align-top @2xl:table-cell">
        <LevelStatus level={budget.current.level} />
      </td>
      <td className="cell hidden py-2 align-top text-ink-2 @5xl:table-cell">
        <Resets short at={budget.current.resets_at} />
      </td>
      {onEdit !== null && onDelete !== null && (
        <td className="cell px-0 py-1 text-right align-top whitespace-nowrap">
          <IconButton label={t("budgets.editNamed", { name: budget.name })} onClick={() => onEdit(budget)}>
            <Pencil size={14} aria-hidden="true" />
          </IconButton>
          <IconButton label={t("budgets.deleteNamed", { name: budget.name })} onClick={() => onDelete(budget)}>
            <Trash2 size={14} aria-hidden="true" />
          </IconButton>
        </td>
      )}
    </tr>
  );
}

/** What happens at which share. */
function Levels() {
  const { t } = useTranslation();
  const levels = [
    { key: "80", name: t("budgets.at80"), text: t("budgets.at80Text") },
    { key: "95", name: t("budgets.at95"), text: t("budgets.at95Text") },
    { key: "100", name: t("budgets.at100"), text: t("budgets.at100Text") },
  ];
  return (
    <section aria-labelledby="levels" className="mt-8 max-w-[75ch]">
      <h2 id="levels" className="mb-1 text-md font-semibold">
        {t("budgets.whatHappens")}
      </h2>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm text-ink-2">
        {levels.map(({ key, name, text }) => (
          <div key={key} className="col-span-2 grid grid-cols-subgrid">
            <dt className="text-right font-medium text-ink tabular-nums">{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
