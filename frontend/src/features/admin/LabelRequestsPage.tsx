import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { Check, SearchX, Tags, X } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import { asProblem } from "@/api/problem";
import { session } from "@/api/session";
import { LABEL_REQUEST_STATUSES, type LabelRequest } from "@/api/types";
import { LabelChange } from "@/features/labels/LabelChange";
import { invalidateLabels, useLabelRequests } from "@/features/labels/requests";
import { moveRowFocus, useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { useStore } from "@/lib/store";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Select, Skeleton, Status, Time, type Tone } from "@/ui/parts";

const route = getRouteApi("/app/admin/label-requests");
const TONES: Record<LabelRequest["status"], Tone> = { pending: "busy", approved: "accent", rejected: "danger", obsolete: "neutral" };

/** Wishes to lower a label. Somebody asks with a reason, somebody else decides. */
export function LabelRequestsPage() {
  const { t } = useTranslation();
  const { status } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useRef<HTMLDivElement>(null);
  const query = useLabelRequests(status);
  const requests = query.data?.pages.flatMap((page) => page.items) ?? [];
  useDocumentTitle(t("labelRequests.title"));
  useHotkeys({ j: () => moveRowFocus(list.current, 1), k: () => moveRowFocus(list.current, -1) });
  return (
    <section className="flex h-full flex-col" aria-label={t("labelRequests.title")}>
      <header className="flex shrink-0 flex-wrap items-end justify-between gap-2 px-4 py-3">
        <div>
          <h1 className="text-lg font-semibold tracking-tight">{t("labelRequests.title")}</h1>
          <p className="text-ink-2">{t("labelRequests.text")}</p>
        </div>
        <Select
          label={t("labelRequests.statusFilter")}
          value={status ?? ""}
          options={[{ value: "", label: t("documents.anyStatus") }, ...LABEL_REQUEST_STATUSES.map((value) => ({ value, label: t(`labelRequests.status.${value}`) }))]}
          onChange={(value) => void navigate({ search: { status: value === "" ? undefined : value }, replace: true })}
        />
      </header>
      <div ref={list} className="min-h-0 flex-1 overflow-y-auto px-4 pb-8">
        {query.isPending && (
          <div className="max-w-4xl space-y-3" aria-busy="true">
            {[1, 2, 3].map((key) => (
              <Skeleton key={key} className="h-28" />
            ))}
          </div>
        )}
        {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />}
        {query.isSuccess && requests.length === 0 && <NoRequests filtered={status !== undefined} />}
        {requests.length > 0 && (
          <ol className="max-w-4xl space-y-3">
            {requests.map((request) => (
              <Request key={request.id} request={request} />
            ))}
          </ol>
        )}
        {query.hasNextPage && (
          <Button className="mt-4" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {t("common.more")}
          </Button>
        )}
      </div>
    </section>
  );
}

function NoRequests({ filtered }: { filtered: boolean }) {
  const { t } = useTranslation();
  const navigate = route.useNavigate();
  if (!filtered) return <EmptyState icon={<Tags size={28} />} title={t("labelRequests.none")} text={t("labelRequests.noneText")} />;
  return (
    <EmptyState icon={<SearchX size={28} />} title={t("labelRequests.noneFound")}>
      <Button onClick={() => void navigate({ search: {} })}>{t("common.clearFilters")}</Button>
    </EmptyState>
  );
}

function Request({ request }: { request: LabelRequest }) {
  const { t } = useTranslation();
  const mayApprove = useMay("labels:approve");
  const own = useStore(session, (value) => value?.user.id === request.requested_by.id);
  const [deciding, setDeciding] = useState<Verdict | null>(null);
  return (
    <li className="rounded-lg border border-line p-3" data-testid="label-request" data-status={request.status}>
      <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h2 className="min-w-0 font-semibold [overflow-wrap:anywhere]">
          <Link to="/documents/{-$documentId}" params={{ documentId: request.document_id }} data-row="" className="hover:text-accent touch:py-3">
            {request.document_name}
          </Link>
        </h2>
        <Status tone={TONES[request.status]}>{t(`labelRequests.status.${request.status}`)}</Status>
      </div>
      <div className="mt-2">
        <LabelChange from={request.from} to={request.to} />
      </div>
      <p className="mt-2 max-w-[75ch] whitespace-pre-line [overflow-wrap:anywhere]">{request.reason}</p>
      <p className="mt-1 text-sm text-ink-2">
        {t("labelRequests.askedBy", { name: request.requested_by.display_name })} <Time value={request.requested_at} long />
      </p>
      {request.decided_at !== null && (
        <p className="mt-1 text-sm text-ink-2">
          {t("labelRequests.decidedBy", { name: request.decided_by?.display_name ?? "–" })} <Time value={request.decided_at} long />
          {request.decision_reason !== null && <span className="block [overflow-wrap:anywhere]">{request.decision_reason}</span>}
        </p>
      )}
      {request.status === "pending" && own && (
        <p className="mt-3 border-t border-line pt-2 text-sm text-ink-2" data-testid="own-request">
          {t("labelRequests.own")}
        </p>
      )}
      {request.status === "pending" && !own && mayApprove && (
        <div className="mt-3 flex items-center justify-between gap-12 border-t border-line pt-3">
          <Button kind="caution" onClick={() => setDeciding("reject")}>
            <X size={14} aria-hidden="true" />
            {t("labelRequests.reject")}
          </Button>
          <Button kind="primary" onClick={() => setDeciding("approve")}>
            <Check size={14} aria-hidden="true" />
            {t("labelRequests.approve")}
          </Button>
        </div>
      )}
      {deciding !== null && <DecideDialog request={request} verdict={deciding} onClose={() => setDeciding(null)} />}
    </li>
  );
}

type Verdict = "approve" | "reject";

function DecideDialog({ request, verdict, onClose }: { request: LabelRequest; verdict: Verdict; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const decide = useMutation({
    mutationFn: () => send(`/label-requests/${request.id}/${verdict}`, { method: "POST", body: reason.trim() === "" ? {} : { reason: reason.trim() } }),
    onSuccess: () => {
      invalidateLabels(client, request.document_id);
      onClose();
    },
  });
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t(`labelRequests.${verdict}Title`)}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind={verdict === "approve" ? "primary" : "danger"} disabled={decide.isPending} onClick={() => decide.mutate()}>
            {t(`labelRequests.${verdict}`)}
          </Button>
        </>
      }
    >
      <p className="mb-2 text-ink-2 [overflow-wrap:anywhere]">{t(`labelRequests.${verdict}Text`, { name: request.document_name })}</p>
      <div className="mb-4">
        <LabelChange from={request.from} to={request.to} />
      </div>
      <Field label={t("labelRequests.decisionReason")} hint={t("labelRequests.decisionHint")}>
        {(control) => <textarea {...control} rows={3} maxLength={2000} value={reason} onChange={(event) => setReason(event.target.value)} className="field h-auto py-1" />}
      </Field>
      {decide.error !== null && <ProblemNotice problem={asProblem(decide.error)} className="mt-3" />}
    </Dialog>
  );
}
