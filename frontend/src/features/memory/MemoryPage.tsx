import { getRouteApi } from "@tanstack/react-router";
import { Brain, Plus, SearchX } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { MEMORY_KINDS, type Memory, type MemoryKind } from "@/api/memory-types";
import { ListState } from "@/features/identity/ListState";
import { usePages } from "@/features/identity/lists";
import { cx } from "@/lib/cx";
import { moveRowFocus, useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle } from "@/lib/hooks";
import { Button } from "@/ui/Button";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { EmptyState } from "@/ui/parts";
import { SearchField } from "@/ui/SearchField";
import { MemoryDialog } from "./MemoryDialog";
import { MemoryItem } from "./MemoryItem";
import { MEMORIES_KEY, MEMORIES_PATH, useForget } from "./queries";
import "./texts";

const route = getRouteApi("/app/memory");

/** What the person has had remembered: theirs to read, to change and to have forgotten. */
export function MemoryPage() {
  const { t } = useTranslation();
  const { kind, q } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useRef<HTMLUListElement>(null);
  const query = usePages<Memory>(MEMORIES_PATH, [...MEMORIES_KEY, kind ?? "", q ?? ""], { kind, q });
  const [edited, setEdited] = useState<Memory | "new" | null>(null);
  const [doomed, setDoomed] = useState<Memory | "all" | null>(null);
  useDocumentTitle(t("memory.title"));
  useHotkeys({ n: () => setEdited("new"), j: () => moveRowFocus(list.current, 1), k: () => moveRowFocus(list.current, -1) });
  const narrowed = kind !== undefined || q !== undefined;
  return (
    <div className="h-full overflow-y-auto">
      <div className="mx-auto max-w-4xl px-4 pt-3 pb-10">
        <header className="mb-4 flex flex-wrap items-start justify-between gap-2">
          <div className="min-w-0 flex-1 basis-72">
            <h1 className="text-lg font-semibold tracking-tight">{t("memory.title")}</h1>
            <p className="max-w-[75ch] text-ink-2">{t("memory.text")}</p>
          </div>
          <Button kind="primary" onClick={() => setEdited("new")}>
            <Plus size={14} aria-hidden="true" />
            {t("memory.add")}
          </Button>
          <div className="flex w-full flex-wrap items-center gap-2">
            <SearchField
              label={t("memory.find")}
              value={q ?? ""}
              onChange={(value) => void navigate({ search: (old) => ({ ...old, q: value === "" ? undefined : value }), replace: true })}
              className="min-w-0 flex-1 basis-48 sm:max-w-xs"
            />
            <KindFilter value={kind} onChange={(next) => void navigate({ search: (old) => ({ ...old, kind: next }), replace: true })} />
          </div>
        </header>
        <ListState query={query} empty={narrowed ? <EmptyState icon={<SearchX size={28} />} title={t("memory.nothingFound")} /> : <Nothing />}>
          <ul ref={list} className="divide-y divide-line border-y border-line" aria-label={t("memory.title")}>
            {query.items.map((memory) => (
              <MemoryItem key={memory.id} memory={memory} onEdit={() => setEdited(memory)} onForget={() => setDoomed(memory)} />
            ))}
          </ul>
        </ListState>
        {query.items.length > 0 && !narrowed && (
          <Button kind="caution" className="mt-6" onClick={() => setDoomed("all")}>
            {t("memory.forgetAll")}
          </Button>
        )}
      </div>
      {edited !== null && <MemoryDialog memory={edited === "new" ? null : edited} onClose={() => setEdited(null)} />}
      {doomed !== null && <ForgetDialog memory={doomed === "all" ? null : doomed} onClose={() => setDoomed(null)} />}
    </div>
  );
}

function KindFilter({ value, onChange }: { value: MemoryKind | undefined; onChange: (kind: MemoryKind | undefined) => void }) {
  const { t } = useTranslation();
  return (
    <div role="group" aria-label={t("memory.kindFilter")} className="flex max-w-full flex-wrap gap-1">
      {[undefined, ...MEMORY_KINDS].map((kind) => (
        <button
          key={kind ?? "all"}
          type="button"
          aria-pressed={kind === value}
          onClick={() => onChange(kind)}
          className={cx(
            "control rounded-md border px-2.5 text-sm",
            kind === value ? "border-accent bg-accent-soft font-medium text-accent" : "border-line-strong text-ink-2 hover:bg-hover",
          )}
        >
          {t(kind === undefined ? "memory.allKinds" : `memory.kinds.${kind}`)}
        </button>
      ))}
    </div>
  );
}

/** Says what would stand here, and how it comes to stand here. */
function Nothing() {
  const { t } = useTranslation();
  return (
    <EmptyState icon={<Brain size={28} />} title={t("memory.none")} text={t("memory.noneText")}>
      <dl className="w-full max-w-xl space-y-2 text-left text-sm">
        {MEMORY_KINDS.map((kind) => (
          <div key={kind} className="rounded-md border border-line p-3">
            <dt className="font-medium">{t(`memory.kinds.${kind}`)}</dt>
            <dd className="text-ink-2">{t(`memory.how.${kind}`)}</dd>
          </div>
        ))}
      </dl>
    </EmptyState>
  );
}

function ForgetDialog({ memory, onClose }: { memory: Memory | null; onClose: () => void }) {
  const { t } = useTranslation();
  const forget = useForget(memory?.id ?? null, onClose);
  return (
    <ConfirmDialog
      title={t(memory === null ? "memory.forgetAll" : "memory.forgetTitle")}
      text={t(memory === null ? "memory.forgetAllText" : "memory.forgetText")}
      action={t(memory === null ? "memory.forgetAll" : "memory.forget")}
      pending={forget.isPending}
      error={forget.error}
      onConfirm={() => forget.mutate(undefined)}
      onClose={onClose}
    />
  );
}
