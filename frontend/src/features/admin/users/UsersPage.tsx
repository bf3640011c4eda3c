import { getRouteApi } from "@tanstack/react-router";
import { SearchX, UserPlus, Users } from "lucide-react";
import { lazy, Suspense, useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ROLES, USER_KINDS, USER_STATUSES } from "@/api/identity-types";
import { asProblem } from "@/api/problem";
import { cx } from "@/lib/cx";
import { moveRowFocus, useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle, useIsWide } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { Button } from "@/ui/Button";
import { Sheet } from "@/ui/Dialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { SearchField } from "@/ui/SearchField";
import { EmptyState, Select, Skeleton } from "@/ui/parts";
import { useUsers } from "./queries";
import { UserPanel } from "./UserPanel";
import { UserTable } from "./UserTable";

const CreateUserDialog = lazy(() => import("./CreateUserDialog").then((module) => ({ default: module.CreateUserDialog })));
const route = getRouteApi("/app/admin/users/{-$userId}");

export function UsersPage() {
  const { t } = useTranslation();
  const { userId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const wide = useIsWide();
  const mayManage = useMay("users:manage");
  const [creating, setCreating] = useState(false);
  const list = useRef<HTMLDivElement>(null);
  const query = useUsers(search);
  const users = query.data?.pages.flatMap((page) => page.items) ?? [];
  useDocumentTitle(t("users.title"));

  const close = useCallback(() => void navigate({ params: { userId: undefined }, search: (old) => old }), [navigate]);
  useHotkeys({
    j: () => moveRowFocus(list.current, 1),
    k: () => moveRowFocus(list.current, -1),
    ...(userId === undefined ? {} : { Escape: close }),
  });
  const filtered = Object.values<string | undefined>(search).some((value) => value !== undefined);
  const panel = userId !== undefined && <UserPanel key={userId} id={userId} onClose={close} />;
  return (
    <div className="flex h-full">
      <section className={cx("flex min-w-0 flex-1 flex-col", wide && userId !== undefined && "max-w-md xl:max-w-xl")} aria-label={t("users.title")}>
        <header className="flex shrink-0 flex-wrap items-center gap-2 px-4 py-3">
          <div className="min-w-0 flex-1">
            <h1 className="text-lg font-semibold tracking-tight">{t("users.title")}</h1>
            <p className="text-ink-2">{t("users.text")}</p>
          </div>
          {mayManage && (
            <Button kind="primary" onClick={() => setCreating(true)}>
              <UserPlus size={14} aria-hidden="true" />
              {t("users.add")}
            </Button>
          )}
          <Filters />
        </header>
        <div ref={list} className="@container min-h-0 flex-1 overflow-y-auto">
          {query.isPending && <TableSkeleton />}
          {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} className="mx-4" />}
          {query.isSuccess && users.length === 0 && (filtered ? <NothingFound /> : <EmptyState icon={<Users size={28} />} title={t("users.none")} />)}
          {users.length > 0 && <UserTable users={users} current={userId} />}
          {query.hasNextPage && (
            <div className="p-4 text-center">
              <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t("common.more")}
              </Button>
            </div>
          )}
        </div>
      </section>
      {wide ? (
        panel !== false && (
          <aside className="flex min-w-0 flex-[1.4] flex-col border-l border-line" aria-label={t("users.details")}>
            {panel}
          </aside>
        )
      ) : (
        <Sheet side="right" open={userId !== undefined} onOpenChange={(open) => !open && close()} title={t("users.details")}>
          {panel}
        </Sheet>
      )}
      {creating && (
        <Suspense>
          <CreateUserDialog
            onCreated={(id) => void navigate({ params: { userId: id }, search: (old) => old })}
            onClose={() => setCreating(false)}
          />
        </Suspense>
      )}
    </div>
  );
}

function Filters() {
  const { t } = useTranslation();
  const { q, role, status, kind } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <div className="flex w-full flex-wrap gap-2">
      <SearchField
        label={t("users.find")}
        value={q ?? ""}
        onChange={(value) => void navigate({ search: (old) => ({ ...old, q: value === "" ? undefined : value }), replace: true })}
        className="min-w-56 flex-1 max-sm:w-full max-sm:flex-none sm:max-w-md"
      />
      <Select
        label={t("users.roleFilter")}
        className="min-w-0 max-sm:flex-1 max-sm:px-1"
        value={role ?? ""}
        options={[{ value: "", label: t("users.anyRole") }, ...ROLES.map((value) => ({ value, label: t(`roles.${value}`) }))]}
        onChange={(value) => void navigate({ search: (old) => ({ ...old, role: value === "" ? undefined : value }), replace: true })}
      />
      <Select
        label={t("users.statusFilter")}
        className="min-w-0 max-sm:flex-1 max-sm:px-1"
        value={status ?? ""}
        options={[{ value: "", label: t("users.anyStatus") }, ...USER_STATUSES.map((value) => ({ value, label: t(`userStatus.${value}`) }))]}
        onChange={(value) => void navigate({ search: (old) => ({ ...old, status: value === "" ? undefined : value }), replace: true })}
      />
      <Select
        label={t("users.kindFilter")}
        className="min-w-0 max-sm:flex-1 max-sm:px-1"
        value={kind ?? ""}
        options={[{ value: "", label: t("users.anyKind") }, ...USER_KINDS.map((value) => ({ value, label: t(`userKind.${value}`) }))]}
        onChange={(value) => void navigate({ search: (old) => ({ ...old, kind: value === "" ? undefined : value }), replace: true })}
      />
    </div>
  );
}

function NothingFound() {
  const { t } = useTranslation();
  const navigate = route.useNavigate();
  return (
    <EmptyState icon={<SearchX size={28} />} title={t("users.noneFound")} text={t("users.noneFoundText")}>
      <Button onClick={() => void navigate({ search: {} })}>{t("common.clearFilters")}</Button>
    </EmptyState>
  );
}

function TableSkeleton() {
  return (
    <div className="px-4" aria-busy="true">
      {["w-48", "w-56", "w-40", "w-52", "w-44"].map((width) => (
        <div key={width} className="flex h-8 items-center gap-6 border-b border-line touch:h-11">
          <Skeleton className={`h-3.5 ${width}`} />
          <Skeleton className="h-3.5 w-24" />
          <Skeleton className="h-3.5 w-16" />
        </div>
      ))}
    </div>
  );
}
