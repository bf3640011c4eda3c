import { Link } from "@tanstack/react-router";
import { Hourglass, Tag } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { DocumentDetail } from "@/api/types";
import { Button } from "@/ui/Button";
import { LabelChips } from "@/ui/LabelChips";
import { Time } from "@/ui/parts";
import { ChangeLabelDialog } from "./ChangeLabelDialog";
import { LabelChange } from "./LabelChange";
import { usePendingRequest } from "./requests";

/** A document's label, what may be done with it, and the request that waits for a decision. */
export function DocumentLabel({ document, mayWrite }: { document: DocumentDetail; mayWrite: boolean }) {
  const { t } = useTranslation();
  const [changing, setChanging] = useState(false);
  const pending = usePendingRequest(document.id, mayWrite);
  return (
    <div className="pb-1">
      <div className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-1">
        <LabelChips label={document} />
        {mayWrite && (
          <Button kind="quiet" className="-my-1 px-2 text-sm" onClick={() => setChanging(true)}>
            <Tag size={14} aria-hidden="true" />
            {t("labels.change")}
          </Button>
        )}
      </div>
      {pending !== undefined && (
        <div className="mt-1 mb-2 rounded-md border border-line bg-sunken p-2 text-sm" data-testid="pending-request">
          <p className="flex items-center gap-1.5 font-medium">
            <Hourglass size={14} aria-hidden="true" className="shrink-0 text-ink-3" />
            {t("labels.pending", { name: pending.requested_by.display_name })}
            <Time value={pending.requested_at} className="font-normal text-ink-2" />
          </p>
          <div className="my-1">
            <LabelChange from={pending.from} to={pending.to} />
          </div>
          <p className="[overflow-wrap:anywhere] text-ink-2">{pending.reason}</p>
          <Link to="/admin/label-requests" search={{ status: "pending" }} className="inline-block text-accent underline underline-offset-2 touch:py-3">
            {t("labels.toRequests")}
          </Link>
        </div>
      )}
      {changing && <ChangeLabelDialog document={document} onClose={() => setChanging(false)} />}
    </div>
  );
}
