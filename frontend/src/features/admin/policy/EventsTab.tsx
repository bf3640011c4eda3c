import { Link, getRouteApi } from "@tanstack/react-router";
import { SearchX, ShieldCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { POLICY_EVENT_KINDS, POLICY_OUTCOMES, type PolicyEvent, type PolicyEventCount } from "@/api/policy-types";
import { asProblem } from "@/api/problem";
import { ListState } from "@/features/identity/ListState";
import { formatDateTimeSeconds, formatNumber, formatUtc } from "@/lib/format";
import { useMay } from "@/lib/may";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Select, Skeleton } from "@/ui/parts";
import { COUNT_DAYS, useEventCounts, usePolicyPages } from "./queries";

const route = getRouteApi("/app/admin/policy");

/** What the policy layer noticed: in numbers, and one by one. */
export function EventsTab() {
  const { t } = useTranslation();
  const { kind, outcome } = route.useSearch();
  const navigate = route.useNavigate();
  const query = usePolicyPages<PolicyEvent>("/policy/events", { kind, outcome });
  const filtered = kind !== undefined || outcome !== undefined;
  return (
    <div className="@container p-4">
      <Counts />
      <div className="my-3 flex flex-wrap gap-2">
        <Select
          label={t("policy.kindFilter")}
          value={kind ?? ""}
          options={[{ value: "", label: t("policy.anyKind") }, ...POLICY_EVENT_KINDS.map((value) => ({ value, label: t(`policy.kinds.${value}`) }))]}
          onChange={(value) => void navigate({ search: (old) => ({ ...old, kind: value === "" ? undefined : value }), replace: true })}
        />
        <Select
          label={t("policy.outcomeFilter")}
          value={outcome ?? ""}
          options={[{ value: "", label: t("policy.anyOutcome") }, ...POLICY_OUTCOMES.map((value) => ({ value, label: t(`policy.outcomes.${value}`) }))]}
          onChange={(value) => void navigate({ search: (old) => ({ ...old, outcome: value === "" ? undefined : value }), replace: true })}
        />
        {filtered && (
          <Button kind="quiet" onClick={() => void navigate({ search: { tab: "events" }, replace: true })}>
            {t("common.clearFilters")}
          </Button>
        )}
      </div>
      <ListState
        query={query}
        empty={
          filtered ? (
            <EmptyState icon={<SearchX size={28} />} title={t("policy.eventsNoneFound")} />
          ) : (
            <EmptyState icon={<ShieldCheck size={28} />} title={t("policy.eventsNone")} text={t("policy.eventsNoneText")} />
          )
        }
      >
        <EventTable events={query.items} />
      </ListState>
    </div>
  );
}

/** Counts as a table whose bars are only for the eye; each row filters the list below. */
function Counts() {
  const { t } = useTranslation();
  const navigate = route.useNavigate();
  const query = useEventCounts(true);
  if (query.isPending) return <Skeleton className="h-20 max-w-2xl" />;
  if (query.isError) return <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />;
  const { items } = query.data;
  if (items.length === 0) return <p className="text-ink-2">{t("policy.countsNone", { count: COUNT_DAYS })}</p>;
  const most = Math.max(...items.map((item) => item.count));
  return (
    <table className="w-full max-w-2xl border-separate border-spacing-0" data-testid="event-counts">
      <caption className="pb-1 text-left text-sm text-ink-2">{t("policy.countsTitle", { count: COUNT_DAYS })}</caption>
      <thead className="sr-only">
        <tr>
          <th scope="col">{t("policy.kind")}</th>
          <th scope="col">{t("policy.howMany")}</th>
        </tr>
      </thead>
      <tbody className="tabular-nums">
        {items.map((item) => (
          <CountRow key={`${item.kind} ${item.outcome}`} item={item} share={item.count / most} onPick={() => void navigate({ search: { tab: "events", kind: item.kind, outcome: item.outcome }, replace: true })} />
        ))}
      </tbody>
    </table>
  );
}

function CountRow({ item, share, onPick }: { item: PolicyEventCount; share: number; onPick: () => void }) {
  const { t } = useTranslation();
  return (
    <tr>
      <th scope="row" className="w-56 py-0.5 pr-3 text-left font-normal @2xl:w-72">
        <button type="button" onClick={onPick} className="text-left hover:text-accent hover:underline touch:min-h-11">
          {t(`policy.kinds.${item.kind}`)} · {t(`policy.outcomes.${item.outcome}`)}
        </button>
      </th>
      <td className="py-0.5">
        <span className="flex items-center gap-2">
          <span aria-hidden="true" className="h-2.5 rounded-sm bg-accent" style={{ width: `${Math.max(2, share * 75)}%` }} />
          {formatNumber(item.count)}
        </span>
      </td>
    </tr>
  );
}

function EventTable({ events }: { events: PolicyEvent[] }) {
  const { t } = useTranslation();
  return (
    <table className="w-full table-fixed border-separate border-spacing-0">
      <caption className="sr-only">{t("policy.tabs.events")}</caption>
      <thead>
        <tr>
          <th scope="col" className="cell-head w-36 @xl:w-44">
            {t("audit.time")}
          </th>
          <th scope="col" className="cell-head @2xl:w-56">
            {t("policy.kind")}
          </th>
          <th scope="col" className="cell-head hidden w-40 @4xl:table-cell">
            {t("policy.user")}
          </th>
          <th scope="col" className="cell-head hidden @2xl:table-cell">
            {t("policy.detail")}
          </th>
          <th scope="col" className="cell-head hidden w-24 text-right @3xl:table-cell">
            {t("policy.score")}
          </th>
        </tr>
      </thead>
      <tbody>
        {events.map((event) => (
          <EventRow key={event.id} event={event} />
        ))}
      </tbody>
    </table>
  );
}

function EventRow({ event }: { event: PolicyEvent }) {
  const { t } = useTranslation();
  const mayRead = useMay("documents:read");
  return (
    <tr className="hover:bg-hover" data-testid="event-row">
      <td className="cell py-1 align-top text-ink-2 tabular-nums">
        <time dateTime={event.occurred_at} title={formatUtc(event.occurred_at)}>
          {formatDateTimeSeconds(event.occurred_at)}
        </time>
      </td>
      <td className="cell py-1 align-top">
        <p>
          {t(`policy.kinds.${event.kind}`)} <span className="text-ink-2">· {t(`policy.outcomes.${event.outcome}`)}</span>
        </p>
        <p className="text-sm [overflow-wrap:anywhere] text-ink-2 @2xl:hidden">{event.detail}</p>
      </td>
      <td className="cell hidden truncate py-1 align-top @4xl:table-cell">{event.user?.display_name ?? "–"}</td>
      <td className="cell hidden py-1 align-top @2xl:table-cell">
        <p className="[overflow-wrap:anywhere]">{event.detail}</p>
        {event.document_id !== null && mayRead && (
          <Link to="/documents/{-$documentId}" params={{ documentId: event.document_id }} className="text-sm text-accent underline underline-offset-2">
            {t("policy.toDocument")}
          </Link>
        )}
      </td>
      <td className="cell hidden py-1 text-right align-top text-ink-2 tabular-nums @3xl:table-cell">{event.score === null ? "–" : event.score.toFixed(2)}</td>
    </tr>
  );
}
