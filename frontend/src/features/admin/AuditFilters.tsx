import { getRouteApi } from "@tanstack/react-router";
import { ListFilter } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AuditSearch } from "@/app/search";
import type { AuditEntry } from "@/api/types";
import { useMediaQuery } from "@/lib/hooks";
import { Button } from "@/ui/Button";
import { SearchField } from "@/ui/SearchField";

const route = getRouteApi("/app/admin/audit");
const TEXTS = ["action", "actor", "resource_type", "resource_id"] as const;
const DAYS = ["from", "to"] as const;

/** The values of a column in what is shown, as suggestions: the log is filtered by whole values. */
function known(entries: readonly AuditEntry[], name: (typeof TEXTS)[number]): string[] {
  return name === "resource_id" ? [] : [...new Set(entries.map((entry) => entry[name]))].sort();
}

/** Every filter is in the address, so a view of the log can be sent to a colleague. */
export function AuditFilters({ entries }: { entries: readonly AuditEntry[] }) {
  const { t } = useTranslation();
  const { entry, ...filters }: AuditSearch = route.useSearch();
  const navigate = route.useNavigate();
  const roomy = useMediaQuery("(min-width: 48rem)");
  const [open, setOpen] = useState(false);
  const set = (name: keyof typeof filters, value: string) =>
    void navigate({ search: (old) => ({ ...old, entry: undefined, [name]: value === "" ? undefined : value }), replace: true });
  const active = Object.values<string | undefined>(filters).filter((value) => value !== undefined).length;
  if (!roomy && !open) {
    return (
      <Button onClick={() => setOpen(true)}>
        <ListFilter size={14} aria-hidden="true" />
        {t("audit.filters", { count: active })}
      </Button>
    );
  }
  return (
    <div className="grid grid-cols-1 items-center gap-2 @md:grid-cols-2 @2xl:grid-cols-4 @6xl:grid-cols-[repeat(4,minmax(0,1fr))_auto_auto_auto]">
      {TEXTS.map((name) => (
        <SearchField key={name} label={t(`audit.filter.${name}`)} value={filters[name] ?? ""} onChange={(value) => set(name, value)} suggestions={known(entries, name)} />
      ))}
      {DAYS.map((name) => (
        <label key={name} className="flex items-center gap-2 text-sm text-ink-2">
          <span className="shrink-0">{t(`audit.filter.${name}`)}</span>
          <input type="date" value={filters[name] ?? ""} onChange={(event) => set(name, event.target.value)} className="field min-w-0" />
        </label>
      ))}
      {active > 0 && (
        <Button kind="quiet" onClick={() => void navigate({ search: {}, replace: true })}>
          {t("common.clearFilters")}
        </Button>
      )}
    </div>
  );
}
