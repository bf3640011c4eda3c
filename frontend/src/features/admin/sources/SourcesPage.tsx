import { useMutation, useQueryClient } from "@tanstack/react-query";
import { FolderSync, Plus } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import type { Source } from "@/api/source-types";
import { ListState } from "@/features/identity/ListState";
import { moveRowFocus, useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle } from "@/lib/hooks";
import { Button } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { Copyable } from "@/ui/Copyable";
import { EmptyState } from "@/ui/parts";
import { SourceDialog } from "./SourceDialog";
import { SourceTable } from "./SourceTable";
import { SOURCES_PATH, invalidateSources, useSources } from "./queries";
import "./texts";

/** Folders whose files are documents, and how fresh what is known of them is. */
export function SourcesPage() {
  const { t } = useTranslation();
  const list = useRef<HTMLDivElement>(null);
  const query = useSources();
  const [edited, setEdited] = useState<Source | "new" | null>(null);
  const [doomed, setDoomed] = useState<Source | null>(null);
  useDocumentTitle(t("sources.title"));
  useHotkeys({ j: () => moveRowFocus(list.current, 1), k: () => moveRowFocus(list.current, -1) });
  const folder = query.data?.folder ?? null;
  const off = query.isSuccess && folder === null;
  const items = query.data?.items ?? [];
  return (
    <div className="h-full overflow-y-auto">
      <div className="px-4 pt-3 pb-10">
        <header className="mb-4 flex flex-wrap items-start justify-between gap-2">
          <div>
            <h1 className="text-lg font-semibold tracking-tight">{t("sources.title")}</h1>
            <p className="max-w-[75ch] text-ink-2">{t("sources.text")}</p>
            {folder !== null && (
              <p className="mt-1 flex flex-wrap items-center gap-1 text-sm text-ink-2">
                {t("sources.folder")} <Copyable text={folder} label={t("sources.folder")} />
              </p>
            )}
          </div>
          {folder !== null && (
            <Button kind="primary" onClick={() => setEdited("new")}>
              <Plus size={14} aria-hidden="true" />
              {t("sources.create")}
            </Button>
          )}
        </header>
        {off && items.length > 0 && (
          <p className="mb-3 rounded-md border border-line-strong bg-sunken p-2" role="status">
            {t("sources.offText")}
          </p>
        )}
        <div ref={list} className="@container">
          <ListState
            query={{ ...query, items, hasNextPage: false, isFetchingNextPage: false, fetchNextPage: () => undefined }}
            empty={
              off ? (
                <EmptyState icon={<FolderSync size={28} />} title={t("sources.off")} text={t("sources.offText")} />
              ) : (
                <EmptyState icon={<FolderSync size={28} />} title={t("sources.none")} text={t("sources.noneText")} />
              )
            }
          >
            <SourceTable sources={items} on={!off} onEdit={setEdited} onDelete={setDoomed} />
          </ListState>
        </div>
      </div>
      {edited !== null && <SourceDialog source={edited === "new" ? null : edited} folder={folder ?? ""} onClose={() => setEdited(null)} />}
      {doomed !== null && <DeleteDialog source={doomed} onClose={() => setDoomed(null)} />}
    </div>
  );
}

function DeleteDialog({ source, onClose }: { source: Source; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => send(`${SOURCES_PATH}/${source.id}`, { method: "DELETE" }),
    onSuccess: async () => {
      await invalidateSources(client);
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("sources.deleteTitle")}
      text={t("sources.deleteText", { name: source.name })}
      action={t("sources.deleteAction")}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    />
  );
}
