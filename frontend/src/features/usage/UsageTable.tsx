import { getRouteApi, Link } from "@tanstack/react-router";
import { ArrowDown, ArrowUp } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { USAGE_GROUPS, type UsageGroup, type UsageTotals } from "@/api/gateway-types";
import { asProblem } from "@/api/problem";
import { session } from "@/api/session";
import { cx } from "@/lib/cx";
import { formatDay, formatNumber } from "@/lib/format";
import { useMay } from "@/lib/may";
import { formatMoney } from "@/lib/money";
import type { Span } from "@/lib/period";
import { useStore } from "@/lib/store";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Select, Skeleton } from "@/ui/parts";
import { useGroups } from "./queries";
import { sortedBy, type UsageSort } from "./sort";

const route = getRouteApi("/app/usage");

/** What each column is called, and from which width on it has room. */
const COLUMNS = [
  { sort: "calls", name: "usage.calls", room: "hidden @lg:table-cell" },
  { sort: "input_tokens", name: "usage.tokensIn", room: "hidden @xl:table-cell" },
  { sort: "output_tokens", name: "usage.tokensOut", room: "hidden @xl:table-cell" },
  { sort: "gpu_seconds", name: "usage.gpu", room: "hidden @3xl:table-cell" },
  { sort: "cost_micros", name: "usage.cost", room: "" },
] as const;

interface UsageTableProps {
  span: Span;
  total: UsageTotals;
  currency: string;
}

/** The same use, taken apart by what the person chooses. */
export function UsageTable({ span, total, currency }: UsageTableProps) {
  const { t } = useTranslation();
  const { group = "model", sort = group === "day" ? "key" : "cost_micros", asc = false } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useGroups(span, group);
  const sortBy = (next: UsageSort) =>
    void navigate({ search: (old) => ({ ...old, sort: next, asc: next === sort ? (asc ? undefined : true) : next === "key" ? true : undefined }), replace: true });
  const head = (column: UsageSort, name: string, className: string, right = true) => (
    <Head key={column} name={name} className={className} right={right} order={column === sort ? (asc ? "ascending" : "descending") : "none"} onSort={() => sortBy(column)} />
  );
  const figures = (item: UsageTotals) =>
    COLUMNS.map(({ sort: column, room }) => (
      <td key={column} className={cx("cell text-right whitespace-nowrap tabular-nums", room)}>
        {column === "cost_micros" ? formatMoney(item.cost_micros, currency) : formatNumber(column === "gpu_seconds" ? Math.round(item.gpu_seconds * 10) / 10 : item[column])}
      </td>
    ));
  return (
    <section aria-label={t("usage.breakdown")}>
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <h2 className="text-md font-semibold">{t("usage.breakdown")}</h2>
        <Select
          label={t("usage.groupBy")}
          value={group}
          options={USAGE_GROUPS.map((value) => ({ value, label: t(`usage.groups.${value}`) }))}
          onChange={(value) => void navigate({ search: (old) => ({ ...old, group: value === "model" ? undefined : value, sort: undefined, asc: undefined }), replace: true })}
        />
      </div>
      {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />}
      {query.isPending && (
        <div className="space-y-2" aria-busy="true">
          <Skeleton className="h-8" />
          <Skeleton className="h-8 w-11/12" />
          <Skeleton className="h-8" />
        </div>
      )}
      {query.isSuccess && (
        <table className="w-full border-separate border-spacing-0" data-testid="breakdown">
          <caption className="sr-only">{t("usage.breakdown")}</caption>
          <thead>
            <tr>
              {head("key", t(`usage.groups.${group}`), "pl-0", false)}
              {COLUMNS.map(({ sort: column, name, room }) => head(column, t(name), room))}
            </tr>
          </thead>
          <tbody>
            {sortedBy(query.items, sort, !asc).map((item) => (
              <tr key={item.key} data-testid="usage-row">
                <th scope="row" className="cell max-w-0 truncate pl-0 text-left font-normal">
                  <Subject group={group} item={item} />
                </th>
                {figures(item)}
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr className="font-medium [&>*]:border-b-0">
              <th scope="row" className="cell pl-0 text-left font-medium">
                {t("usage.total")}
              </th>
              {figures(total)}
            </tr>
          </tfoot>
        </table>
      )}
      {query.hasNextPage && (
        <p className="mt-2 flex flex-wrap items-center gap-3 text-sm text-ink-2">
          <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {t("common.more")}
          </Button>
          {t("usage.sortedPart")}
        </p>
      )}
    </section>
  );
}

interface HeadProps {
  name: string;
  className: string;
  right: boolean;
  order: "ascending" | "descending" | "none";
  onSort: () => void;
}

function Head({ name, className, right, order, onSort }: HeadProps) {
  const Arrow = order === "ascending" ? ArrowUp : ArrowDown;
  return (
    <th scope="col" aria-sort={order} className={cx("cell-head", right ? "w-28 px-0 text-right" : "w-full", className)}>
      <button type="button" onClick={onSort} className={cx("inline-flex h-8 items-center gap-1 hover:text-ink touch:h-11", right && "px-3", order !== "none" && "font-semibold text-ink")}>
        {right && order !== "none" && <Arrow size={12} aria-hidden="true" />}
        {name}
        {!right && order !== "none" && <Arrow size={12} aria-hidden="true" />}
      </button>
    </th>
  );
}

const LINK = "block w-fit max-w-full truncate text-accent underline underline-offset-2 touch:py-3";

/** What a row is about, leading to where there is more of it. */
function Subject({ group, item }: { group: UsageGroup; item: UsageTotals }): ReactNode {
  const { t } = useTranslation();
  const maySeeUsers = useMay("users:read");
  const maySeeModels = useMay("configuration:read");
  const mayChat = useMay("chat:use");
  const me = useStore(session, (value) => value?.user.id);
  if (item.key === "") return <span className="text-ink-3">{t(`usage.noKey.${group}`)}</span>;
  const text = item.name ?? item.key;
  switch (group) {
    case "day":
      return (
        <Link to="/usage" search={(old) => ({ ...old, period: "own", from: item.key, to: item.key, group: undefined, sort: undefined, asc: undefined })} title={t("usage.onlyDay", { day: item.key })} className={LINK}>
          {formatDay(item.key, true)}
        </Link>
      );
    case "user":
      return maySeeUsers ? (
        <Link to="/admin/users/{-$userId}" params={{ userId: item.key }} className={LINK} title={text}>
          {text}
        </Link>
      ) : (
        text
      );
    case "model":
      return maySeeModels ? (
        <Link to="/admin/models" className={LINK} title={text}>
          {text}
        </Link>
      ) : (
        <span title={text}>{text}</span>
      );
    case "run":
      // What was said in a run is only for whose run it is.
      return mayChat && item.user_id === me ? (
        <Link to="/runs/$runId" params={{ runId: item.key }} className={cx(LINK, "font-mono text-xs")} title={item.key}>
          {item.key}
        </Link>
      ) : (
        <span title={`${item.name ?? ""} ${item.key}`.trim()}>
          {item.name !== null && <>{item.name} </>}
          <span className="font-mono text-xs text-ink-2">{item.key}</span>
        </span>
      );
    case "api_key":
      return <span title={item.key} className={item.name === null ? "font-mono text-xs" : undefined}>{text}</span>;
    default:
      return <span title={text}>{text}</span>;
  }
}
