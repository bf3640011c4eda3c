import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { BookA, Pencil, Plus, SearchX, Trash2 } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import type { GlossaryEntry } from "@/api/gateway-types";
import { ListState } from "@/features/identity/ListState";
import { usePages } from "@/features/identity/lists";
import { moveRowFocus, useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { Button, IconButton } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { EmptyState } from "@/ui/parts";
import { SearchField } from "@/ui/SearchField";
import { GlossaryDialog } from "./GlossaryDialog";
import { GLOSSARY_KEY, GLOSSARY_PATH, invalidateGlossary } from "./queries";
import "./texts";

const route = getRouteApi("/app/admin/glossary");

/** What the organisation's abbreviations stand for: searches look for both. */
export function GlossaryPage() {
  const { t } = useTranslation();
  const { q } = route.useSearch();
  const navigate = route.useNavigate();
  const mayManage = useMay("configuration:manage");
  const list = useRef<HTMLDivElement>(null);
  const query = usePages<GlossaryEntry>(GLOSSARY_PATH, [...GLOSSARY_KEY, q ?? ""], { q });
  const [edited, setEdited] = useState<GlossaryEntry | "new" | null>(null);
  const [doomed, setDoomed] = useState<GlossaryEntry | null>(null);
  useDocumentTitle(t("glossary.title"));
  useHotkeys({ j: () => moveRowFocus(list.current, 1), k: () => moveRowFocus(list.current, -1) });
  const empty =
    q === undefined ? (
      <EmptyState icon={<BookA size={28} />} title={t("glossary.none")} text={t("glossary.noneText")} />
    ) : (
      <EmptyState icon={<SearchX size={28} />} title={t("glossary.nothingFound")} />
    );
  return (
    <div className="h-full overflow-y-auto">
      <div className="px-4 pt-3 pb-10">
        <header className="mb-4 flex flex-wrap items-start justify-between gap-2">
          <div>
            <h1 className="text-lg font-semibold tracking-tight">{t("glossary.title")}</h1>
            <p className="max-w-[75ch] text-ink-2">{t("glossary.text")}</p>
          </div>
          {mayManage && (
            <Button kind="primary" onClick={() => setEdited("new")}>
              <Plus size={14} aria-hidden="true" />
              {t("glossary.create")}
            </Button>
          )}
          <div className="w-full">
            <SearchField
              label={t("glossary.find")}
              value={q ?? ""}
              onChange={(value) => void navigate({ search: { q: value === "" ? undefined : value }, replace: true })}
              className="sm:max-w-md"
            />
          </div>
        </header>
        <div ref={list} className="@container">
          <ListState query={query} empty={empty}>
            <GlossaryTable entries={query.items} onEdit={mayManage ? setEdited : null} onDelete={mayManage ? setDoomed : null} />
          </ListState>
        </div>
      </div>
      {edited !== null && <GlossaryDialog entry={edited === "new" ? null : edited} onClose={() => setEdited(null)} />}
      {doomed !== null && <DeleteDialog entry={doomed} onClose={() => setDoomed(null)} />}
    </div>
  );
}

function DeleteDialog({ entry, onClose }: { entry: GlossaryEntry; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => send(`${GLOSSARY_PATH}/${entry.id}`, { method: "DELETE" }),
    onSuccess: async () => {
      await invalidateGlossary(client);
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("glossary.deleteTitle")}
      text={t("glossary.deleteText", { term: entry.term })}
      action={t("common.delete")}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    />
  );
}

interface GlossaryTableProps {
  entries: readonly GlossaryEntry[];
  onEdit: ((entry: GlossaryEntry) => void) | null;
  onDelete: ((entry: GlossaryEntry) => void) | null;
}

function GlossaryTable({ entries, onEdit, onDelete }: GlossaryTableProps) {
  const { t } = useTranslation();
  return (
    <table className="w-full table-fixed border-separate border-spacing-0">
      <caption className="sr-only">{t("glossary.title")}</caption>
      <thead>
        <tr>
          <th scope="col" className="cell-head w-36 pl-0 @2xl:w-56">
            {t("glossary.term")}
          </th>
          <th scope="col" className="cell-head">
            {t("glossary.expansions")}
          </th>
          <th scope="col" className="cell-head hidden w-32 @2xl:table-cell">
            {t("glossary.language")}
          </th>
          {onEdit !== null && (
            <th scope="col" className="cell-head w-20 pr-0 pl-0 touch:w-24">
              <span className="sr-only">{t("glossary.edit")}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.id} className="hover:bg-hover" data-testid="glossary-row" data-row="" tabIndex={-1}>
            <td className="cell py-2 pl-0 align-top font-medium [overflow-wrap:anywhere]">{entry.term}</td>
            <td className="cell py-2 align-top">
              <ul>
                {entry.expansions.map((text) => (
                  <li key={text} className="[overflow-wrap:anywhere]">
                    {text}
                  </li>
                ))}
              </ul>
            </td>
            <td className="cell hidden py-2 align-top text-ink-2 @2xl:table-cell">{t(`glossary.languages.${entry.language}`)}</td>
            {onEdit !== null && onDelete !== null && (
              <td className="cell px-0 py-1 text-right align-top whitespace-nowrap">
                <IconButton label={t("glossary.editNamed", { term: entry.term })} onClick={() => onEdit(entry)}>
                  <Pencil size={14} aria-hidden="true" />
                </IconButton>
                <IconButton label={t("glossary.deleteNamed", { term: entry.term })} onClick={() => onDelete(entry)}>
                  <Trash2 size={14} aria-hidden="true" />
                </IconButton>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
