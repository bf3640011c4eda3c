import { Link } from "@tanstack/react-router";
import { ScrollText, UserX, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { AdminUser } from "@/api/identity-types";
import { asProblem } from "@/api/problem";
import { session } from "@/api/session";
import { useDocumentTitle } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { useStore } from "@/lib/store";
import { IconButton } from "@/ui/Button";
import { Copyable } from "@/ui/Copyable";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton, Status, Time } from "@/ui/parts";
import { AccountForm } from "./AccountForm";
import { ClearanceForm } from "./ClearanceForm";
import { PanelSection } from "./PanelSection";
import { clearanceOf, useUser } from "./queries";
import { SignInActions } from "./SignInActions";
import { UserKeys } from "./UserKeys";
import { UserSessions } from "./UserSessions";
import { STATUS_TONES } from "./UserTable";

/** Everything about one account, and what may be done with it. */
export function UserPanel({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const query = useUser(id);
  useDocumentTitle(query.data?.display_name ?? t("users.title"));
  const close = (
    <IconButton label={t("common.close")} onClick={onClose}>
      <X size={16} aria-hidden="true" />
    </IconButton>
  );
  if (query.isPending) {
    return (
      <div className="space-y-3 p-4" aria-busy="true">
        <Skeleton className="h-6 w-2/3" />
        <Skeleton className="h-4 w-1/3" />
        <Skeleton className="h-32 w-full" />
        <Skeleton className="h-32 w-full" />
      </div>
    );
  }
  if (query.isError) {
    const problem = asProblem(query.error);
    return (
      <>
        <header className="flex h-12 shrink-0 items-center justify-end px-2">{close}</header>
        {problem.status === 404 ? (
          <EmptyState icon={<UserX size={28} />} title={t("users.gone")} text={t("users.goneText")} />
        ) : (
          <ProblemNotice problem={problem} onRetry={() => void query.refetch()} className="mx-4" />
        )}
      </>
    );
  }
  return (
    <>
      <header className="flex shrink-0 items-start gap-1 border-b border-line py-2 pr-2 pl-4">
        <div className="min-w-0 flex-1 pt-1">
          <h2 className="text-md font-semibold [overflow-wrap:anywhere]">{query.data.display_name}</h2>
          <p className="flex flex-wrap items-center gap-x-3 text-sm text-ink-2">
            <Status tone={STATUS_TONES[query.data.status]}>{t(`userStatus.${query.data.status}`)}</Status>
            <span>{t(`userKind.${query.data.kind}`)}</span>
            {query.data.email !== null && <span className="[overflow-wrap:anywhere]">{query.data.email}</span>}
          </p>
        </div>
        {close}
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto px-4 pb-8">
        <Sections user={query.data} />
      </div>
    </>
  );
}

function Sections({ user }: { user: AdminUser }) {
  const { t } = useTranslation();
  const mayManage = useMay("users:manage");
  const own = useStore(session, (value) => value?.user.id === user.id);
  const person = user.kind === "person";
  return (
    <>
      <PanelSection title={t("profile.account")}>
        <AccountForm key={`${user.display_name} ${user.role}`} user={user} mayManage={mayManage} />
        <Facts user={user} />
      </PanelSection>
      <PanelSection title={t("labels.clearance")}>
        <ClearanceForm key={JSON.stringify(clearanceOf(user))} user={user} mayManage={mayManage} own={own} />
      </PanelSection>
      {person && (
        <PanelSection title={t("users.signIn")}>
          <SignInActions user={user} mayManage={mayManage} own={own} />
        </PanelSection>
      )}
      {person && <UserSessions user={user} mayManage={mayManage} />}
      <UserKeys user={user} mayManage={mayManage} />
    </>
  );
}

function Facts({ user }: { user: AdminUser }) {
  const { t } = useTranslation();
  const mayAudit = useMay("audit:read");
  return (
    <div className="mt-4 flex flex-wrap items-center gap-x-4 gap-y-1 text-sm text-ink-2">
      <span>
        {t("users.created")} <Time value={user.created_at} />
      </span>
      <span>
        {t("users.lastSignIn")} {user.last_sign_in_at === null ? t("users.never") : <Time value={user.last_sign_in_at} />}
      </span>
      <Copyable text={user.id} label={t("users.id")} shown={`${user.id.slice(0, 12)}…`} />
      {mayAudit && (
        <Link to="/admin/audit" search={{ resource_id: user.id }} className="inline-flex items-center gap-1 text-accent underline underline-offset-2 touch:py-3">
          <ScrollText size={14} aria-hidden="true" />
          {t("users.inAudit")}
        </Link>
      )}
    </div>
  );
}
